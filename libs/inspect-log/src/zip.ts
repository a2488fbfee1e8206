import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';

/** Puts one file into the archive; resolves when all of it was taken. */
export type AddEntry = (name: string, text: AsyncIterable<string>) => Promise<void>;

const FILE_MODE = 0o100644;

/**
 * A zip archive as it grows: entries are written one after the other as they are read, so none has to fit into memory.
 * @param write adds the entries; its failure is the archive's
 * @param mtime of all entries, so that the same content gives the same bytes
 */
export async function* zipped(mtime: Date, write: (add: AddEntry) => Promise<void>): AsyncGenerator<Uint8Array> {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  zip.on('error', (error: Error) => output.destroy(error));
  // Whoever reads the archive may leave in the middle of an entry: then nobody would take the rest of it.
  let giveUp: ((error: Error) => void) | undefined;
  output.once('close', () => giveUp?.(new Error('the archive was closed before its end')));
  const add: AddEntry = (name, text) =>
    new Promise((resolve, reject) => {
      giveUp = reject;
      const stream = Readable.from(text, { objectMode: false });
      stream.once('end', resolve).once('error', reject);
      zip.addReadStreamLazy(name, { mtime, mode: FILE_MODE }, (take) => take(null, stream));
    });
  const writing = write(add).then(
    () => zip.end(),
    (error: unknown) => void output.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  try {
    yield* output as AsyncIterable<Uint8Array>;
  } finally {
    output.destroy();
    await writing;
  }
}
