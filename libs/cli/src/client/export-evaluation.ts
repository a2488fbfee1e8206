import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { inspectLog } from '@crucible/inspect-log';
import type { LogFormat } from '@crucible/inspect-log';
import { ProgressLine } from '../audit/progress-line.ts';
import type { ApiClient } from './api-client.ts';
import { eachTrial, getEvaluation } from './evaluations.ts';
import { misuse } from './failure.ts';
import { inspectSource } from './inspect-source.ts';
import { safe } from './text.ts';
import { trialCsv, trialJson } from './trial-rows.ts';
import { refuseExisting, writeOut } from './write-out.ts';
import type { Pieces } from './write-out.ts';

export const exportFormats = ['inspect', 'csv', 'json'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export interface ExportWish {
  readonly format: ExportFormat;
  /** Of Inspect's two kinds of file. */
  readonly as: LogFormat;
  /** A path, or `-` for standard output. */
  readonly out: string;
  readonly force: boolean;
}

export interface Exported {
  readonly bytes: number;
  /** Samples of a log of Inspect's; trials of a table. */
  readonly count: number;
}

/** Counts what goes by. */
class Counted {
  bytes = 0;
  count = 0;
  readonly #line = new ProgressLine();

  async *watch(pieces: Pieces): AsyncGenerator<string | Uint8Array> {
    try {
      for await (const piece of pieces) {
        this.bytes += Buffer.byteLength(piece);
        yield piece;
      }
    } finally {
      this.#line.end();
    }
  }

  async *each<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    for await (const item of items) {
      this.reached(this.count + 1);
      yield item;
    }
  }

  reached(count: number): void {
    this.count = count;
    this.#line.show(() => `${count} written`);
  }
}

/** Inspect tells its two kinds of file by their endings, and so does whoever finds one. @throws UsageFailure */
export const logFormatOf = (out: string, as: string | undefined): LogFormat => {
  const ending = /\.(json|eval)$/.exec(out)?.[1] as LogFormat | undefined;
  if (as === undefined) {
    if (ending !== undefined) return ending;
    if (out === '-') return 'json';
    throw misuse(`--out ${safe(out, 200)}: Inspect reads .json and .eval`, 'name it so, or say which with --as');
  }
  if (as !== 'json' && as !== 'eval') throw misuse(`--as ${safe(as, 40)}: must be json or eval`);
  if (ending !== undefined && ending !== as)
    throw misuse(`--out ${safe(out, 200)} ends in .${ending}, and --as says ${as}`, 'leave out one of them');
  return as;
};

/** A folder beside the file that is written, where there is room for one as long; a log is put together from its parts there. */
const makeFolder = (out: string): Promise<string> => {
  const place = out === '-' ? join(tmpdir(), 'crucible-export') : join(dirname(out), `.${basename(out)}`);
  return mkdtemp(`${place}.`).catch((error: NodeJS.ErrnoException) => {
    throw misuse(`no folder for parts can be made beside ${safe(out, 200)} (${error.code})`);
  });
};

const exportLog = async (client: ApiClient, id: string, { as, out }: ExportWish): Promise<Exported> => {
  const source = await inspectSource(client, id);
  const folder = await makeFolder(out);
  try {
    const counted = new Counted();
    const log = inspectLog(as, source, { folder, onSample: (samples) => counted.reached(samples) });
    return await writeOut(out, counted.watch(log), () => counted);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const exportTable = async (client: ApiClient, id: string, { format, out }: ExportWish): Promise<Exported> => {
  const counted = new Counted();
  const trials = counted.each(eachTrial(client, id));
  const { evaluation } = await getEvaluation(client, id);
  const text = format === 'csv' ? trialCsv(trials) : trialJson(evaluation, trials);
  return writeOut(out, counted.watch(text), () => counted);
};

/**
 * Writes an evaluation into a file, whole or not at all.
 * @throws UsageFailure when the file is there already, or cannot be written
 */
export const exportEvaluation = (client: ApiClient, id: string, wish: ExportWish): Promise<Exported> => {
  refuseExisting(wish.out, wish.force);
  return wish.format === 'inspect' ? exportLog(client, id, wish) : exportTable(client, id, wish);
};
