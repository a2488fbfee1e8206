import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { displayableLine } from '@crucible/events';
import { misuse } from './failure.ts';

/** What is written to a file, or to standard output where its name is `-`. */
export type Pieces = AsyncIterable<string | Uint8Array>;

const shown = (path: string): string => displayableLine(path, 200);

const toStandardOutput = (): Writable =>
  new Writable({
    write: (bytes: Uint8Array, _encoding, done) => {
      if (process.stdout.write(bytes)) done();
      else process.stdout.once('drain', () => done());
    },
  });

/** @throws UsageFailure when the file is there and was not to be replaced: before anything is asked for */
export const refuseExisting = (out: string, force: boolean): void => {
  if (out !== '-' && !force && existsSync(out))
    throw misuse(`${shown(out)} is there already`, 'choose another name, or replace it with --force');
};

/**
 * Writes beside the final name and renames at the end: whoever finds the file finds all of it.
 * @param conclude looks at what was written and throws when it is not whole
 * @throws UsageFailure when the file cannot be written
 */
export const writeOut = async <T>(out: string, source: Pieces, conclude: () => T): Promise<T> => {
  if (out === '-') {
    await pipeline(source, toStandardOutput());
    return conclude();
  }
  const partial = `${out}.${process.pid}.part`;
  const handle = await open(partial, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw misuse(`${shown(out)} cannot be written (${error.code})`);
  });
  try {
    await pipeline(source, handle.createWriteStream({ flush: true }));
    const concluded = conclude();
    await rename(partial, out);
    return concluded;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
};
