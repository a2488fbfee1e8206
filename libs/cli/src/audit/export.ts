import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { displayableLine } from '@crucible/events';
import { parseLine } from '@crucible/transparency';
import type { EndLine } from '@crucible/transparency';
import type { ApiClient } from '../client/api-client.ts';
import { failed, misuse } from '../client/failure.ts';
import { bytesText } from '../client/text.ts';
import { ProgressLine } from './progress-line.ts';

/** The last line of an export, with its newlines, is shorter. */
const TAIL_BYTES = 1_024;

export interface ExportWish {
  /** A path, or `-` for standard output. */
  readonly out: string;
  readonly evaluation?: string | undefined;
  readonly evidence: boolean;
  readonly force: boolean;
}

export interface Exported {
  readonly bytes: number;
  readonly counts: EndLine;
}

/** Counts what goes by and keeps its end: a download that was cut must not pass for an export. */
class Measured {
  bytes = 0;
  #tail = Buffer.alloc(0);

  async *watch(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const line = new ProgressLine();
    try {
      for await (const bytes of source) {
        this.bytes += bytes.byteLength;
        this.#tail = Buffer.from(Buffer.concat([this.#tail, bytes.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES));
        line.show(() => `${bytesText(this.bytes)} exported`);
        yield bytes;
      }
    } finally {
      line.end();
    }
  }

  /** @throws Error when the last line is not there */
  end(): EndLine {
    const lines = this.#tail.toString('utf8').split('\n');
    const last = lines.at(-1) === '' ? parseLine(lines.at(-2) ?? '') : undefined;
    if (last?.kind === 'end') return last;
    throw failed('the export was cut off: its last line is missing', './crucible logs audit may say why');
  }
}

const toStandardOutput = (): Writable =>
  new Writable({
    write: (bytes: Uint8Array, _encoding, done) => {
      if (process.stdout.write(bytes)) done();
      else process.stdout.once('drain', () => done());
    },
  });

/** Writes beside the final name and renames at the end: whoever finds the file finds all of it. */
const toFile = async (path: string, source: AsyncIterable<Uint8Array>, measured: Measured): Promise<EndLine> => {
  const partial = `${path}.${process.pid}.part`;
  const handle = await open(partial, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw misuse(`${displayableLine(path, 200)} cannot be written (${error.code})`);
  });
  try {
    await pipeline(measured.watch(source), handle.createWriteStream({ flush: true }));
    const counts = measured.end();
    await rename(partial, path);
    return counts;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
};

/**
 * Fetches an export, whole or not at all.
 * @throws UsageFailure when the file is there already, or cannot be written; Error when the export was cut off
 */
export const fetchExport = async (client: ApiClient, wish: ExportWish): Promise<Exported> => {
  if (wish.out !== '-' && !wish.force && existsSync(wish.out))
    throw misuse(
      `${displayableLine(wish.out, 200)} is there already`,
      'choose another name, or replace it with --force',
    );
  const query = {
    purpose: 'export',
    evaluation: wish.evaluation,
    evidence: wish.evidence ? undefined : 'false',
  };
  const over = new AbortController();
  try {
    const response = await client.download('/audit/export', query, over.signal);
    if (response.body === null) throw failed('the platform sent nothing');
    const measured = new Measured();
    if (wish.out !== '-') return { counts: await toFile(wish.out, response.body, measured), bytes: measured.bytes };
    await pipeline(measured.watch(response.body), toStandardOutput());
    return { counts: measured.end(), bytes: measured.bytes };
  } finally {
    over.abort();
  }
};
