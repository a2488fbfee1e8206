import { constants } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { displayableLine } from '@crucible/events';

const SUITE_FILE = 'suite.yaml';

export type Read = { readonly ok: true; readonly bytes: Uint8Array } | { readonly ok: false; readonly message: string };
const unread = (message: string): Read => ({ ok: false, message });

const inside = (folder: string, path: string): boolean => {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
};

export const sizeOf = (bytes: number): string =>
  bytes >= 1024 ** 2 ? `${Math.floor(bytes / 1024 ** 2)}MiB` : `${bytes} bytes`;

const failureOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    ENOTDIR: 'there is no such file',
    EACCES: 'may not be read by this user',
    ELOOP: 'is a circle of symbolic links',
    ENAMETOOLONG: 'there is no such file',
  };
  return known[code] ?? `cannot be read (${code})`;
};

/** Reads one regular file below `folder`, at most `bytesMax`. Links are followed first and judged by where they lead. */
export const readInside = async (folder: string, name: string, bytesMax: number): Promise<Read> => {
  const outside = 'leads out of the folder of the suite, which is not allowed';
  try {
    if (!inside(folder, resolve(folder, name))) return unread(outside);
    const path = await realpath(resolve(folder, name));
    if (!inside(folder, path)) return unread(outside);
    // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const info = await handle.stat();
      if (!info.isFile()) return unread('is not a file');
      if (info.size > bytesMax) return unread(`has ${info.size} bytes, at most ${sizeOf(bytesMax)} are allowed`);
      const bytes = new Uint8Array(info.size);
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return { ok: true, bytes: bytes.subarray(0, filled) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    return unread(failureOf(error));
  }
};

const utf8 = new TextDecoder('utf-8', { fatal: true });
/** The text of bytes that are UTF-8 (a byte order mark is dropped), else undefined. */
export const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
};
export const NOT_UTF8 = 'is not UTF-8 text: save it as UTF-8';

/** A suite's folder on disk. */
export interface Folder {
  /** Real path of the folder. */
  readonly path: string;
  /** The suite file's name in it. */
  readonly suiteFile: string;
  /** How to name a file of the folder to the caller. */
  readonly name: (file: string) => string;
}

/** Finds the folder of a suite, or says in words why there is none. */
export const locate = async (path: string): Promise<Folder | string> => {
  try {
    const isFolder = (await stat(path)).isDirectory();
    const real = await realpath(path);
    const name = (file: string): string => displayableLine(join(isFolder ? path : dirname(path), file), 300);
    if (isFolder) return { path: real, suiteFile: SUITE_FILE, name };
    return { path: dirname(real), suiteFile: real.slice(dirname(real).length).replace(/^[\\/]/, ''), name };
  } catch (error) {
    return failureOf(error).replace('file', 'file or folder');
  }
};
