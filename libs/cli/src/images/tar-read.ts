import { readSync } from 'node:fs';
import { posix } from 'node:path';

/** Reading tar archives that anybody may have made: nothing is unpacked, and everything has a bound. */

const BLOCK = 512;
const ENTRIES_MAX = 3_000_000;
/** Of one header that says more about the next entry: longer paths than that are nobody's. */
const LONG_BYTES_MAX = 1024 * 1024;

export interface TarEntry {
  /** Without `./` at its beginning and `/` at its end; empty for the root itself. */
  readonly path: string;
  readonly type: 'file' | 'folder' | 'link' | 'hard-link' | 'other';
  /** What a link points to, as it is written. */
  readonly target: string;
  readonly size: number;
  /** Where its bytes begin in the file that was read. */
  readonly offset: number;
}

/** Bytes of an open file: where they begin and how many there are. */
export interface Span {
  readonly fd: number;
  readonly offset: number;
  readonly size: number;
}

/** What was read is no tar archive, or a broken one. */
export class TarProblem extends Error {
  override readonly name = 'TarProblem';
}

export const readSpan = ({ fd, offset, size }: Span): Buffer => {
  const bytes = Buffer.alloc(size);
  let have = 0;
  while (have < size) {
    const read = readSync(fd, bytes, have, size - have, offset + have);
    if (read === 0) throw new TarProblem('the archive ends in the middle of a file');
    have += read;
  }
  return bytes;
};

const textOf = (field: Buffer): string => {
  const end = field.indexOf(0);
  return field.subarray(0, end === -1 ? field.length : end).toString('utf8');
};

/** Octal digits, or a binary number behind a set first bit, as GNU writes what does not fit. */
const numberOf = (field: Buffer): number => {
  if ((field[0] ?? 0) & 0x80) {
    const value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
    if (!Number.isSafeInteger(value)) throw new TarProblem('a size in the archive is beyond all bounds');
    return value;
  }
  const text = textOf(field).trim();
  if (!/^[0-7]*$/.test(text)) throw new TarProblem('a number in the archive is none');
  return text === '' ? 0 : Number.parseInt(text, 8);
};

const isSound = (header: Buffer): boolean => {
  const told = Number.parseInt(textOf(header.subarray(148, 156)).trim(), 8);
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at += 1) if (at < 148 || at >= 156) sum += header[at] ?? 0;
  return sum === told;
};

/** `length key=value` lines; the length counts the whole line. */
const recordsOf = (bytes: Buffer): ReadonlyMap<string, string> => {
  const found = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = Number.parseInt(bytes.subarray(at, space).toString('latin1'), 10);
    if (space === -1 || !(length > 0) || at + length > bytes.length) break;
    const line = bytes.subarray(space + 1, at + length - 1).toString('utf8');
    const equals = line.indexOf('=');
    if (equals > 0) found.set(line.slice(0, equals), line.slice(equals + 1));
    at += length;
  }
  return found;
};

const typeOf = (flag: string, name: string): TarEntry['type'] => {
  if (flag === '5' || ((flag === '0' || flag === '\0') && name.endsWith('/'))) return 'folder';
  if (flag === '0' || flag === '\0' || flag === '7') return 'file';
  if (flag === '2') return 'link';
  return flag === '1' ? 'hard-link' : 'other';
};

/** As the one spelling of a path: archives write the same one in many ways. */
export const plainPath = (path: string): string => {
  const plain = posix.normalize(`/${path}`).slice(1);
  return plain.endsWith('/') ? plain.slice(0, -1) : plain;
};

const nameOf = (header: Buffer): string => {
  const name = textOf(header.subarray(0, 100));
  const isUstar = header.subarray(257, 262).toString('latin1') === 'ustar';
  const isGnu = header.subarray(263, 265).toString('latin1') === ' \0';
  const prefix = isUstar && !isGnu ? textOf(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
};

/** What headers before an entry said of it. */
interface Said {
  path?: string | undefined;
  target?: string | undefined;
  size?: number | undefined;
}

const saidBy = (flag: string, bytes: Buffer): Said => {
  if (flag === 'L') return { path: textOf(bytes) };
  if (flag === 'K') return { target: textOf(bytes) };
  const records = recordsOf(bytes);
  const size = records.get('size');
  return {
    ...(records.has('path') ? { path: records.get('path') } : {}),
    ...(records.has('linkpath') ? { target: records.get('linkpath') } : {}),
    ...(size === undefined ? {} : { size: Number(size) }),
  };
};

/**
 * Every entry of a tar archive, in its order.
 * @throws TarProblem when it is none
 */
export function* readTar({ fd, offset, size }: Span): Generator<TarEntry> {
  const end = offset + size;
  let said: Said = {};
  let entries = 0;
  for (let at = offset; at + BLOCK <= end;) {
    const header = readSpan({ fd, offset: at, size: BLOCK });
    at += BLOCK;
    if (header.every((byte) => byte === 0)) return;
    if (!isSound(header)) throw new TarProblem('it is no tar archive, or a broken one');
    const flag = String.fromCharCode(header[156] ?? 0);
    const isAbout = 'LKx'.includes(flag);
    const length = (isAbout ? undefined : said.size) ?? numberOf(header.subarray(124, 136));
    const next = at + Math.ceil(length / BLOCK) * BLOCK;
    if (!Number.isSafeInteger(length) || length < 0 || at + length > end)
      throw new TarProblem('the archive ends in the middle of a file');
    if (isAbout) {
      if (length > LONG_BYTES_MAX) throw new TarProblem('a path in the archive is beyond all bounds');
      said = { ...said, ...saidBy(flag, readSpan({ fd, offset: at, size: length })) };
    } else if (flag !== 'g') {
      if ((entries += 1) > ENTRIES_MAX) throw new TarProblem(`there are more than ${ENTRIES_MAX} files in it`);
      const name = said.path ?? nameOf(header);
      const target = said.target ?? textOf(header.subarray(157, 257));
      yield { path: plainPath(name), type: typeOf(flag, name), target, size: length, offset: at };
      said = {};
    }
    at = next;
  }
}
