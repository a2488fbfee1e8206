import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { BlockSplitter, lineTooLong } from './blocks.ts';
import { digestBlock } from './digest.ts';
import type { Fact } from './digest.ts';
import { Judge } from './judge.ts';
import type { VerifyOptions, VerifyProgress, VerifyResult } from './result.ts';
import { finishWith } from './verify.ts';

/** What a digesting thread is given, and what it gives back in the same order. */
export interface Work {
  readonly block: Uint8Array;
  readonly breaks: readonly number[];
}

/** Blocks given to one thread and not yet judged: enough that it never waits, little enough to bound memory. */
const IN_FLIGHT_MAX = 3;
/** The first blocks are digested here: a file of a few megabytes is done before a thread has started. */
const INLINE_BLOCKS = 4;
/** Small reads are gathered to blocks of this size, so that a hand-over is worth its cost. */
const BLOCK_BYTES = 1_048_576;

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
/** A thread that runs from source must find the rest as source, too, whoever started this process. */
const SOURCE = '--conditions=crucible-source';
const execArgv =
  EXTENSION === 'js' || process.execArgv.includes(SOURCE) ? process.execArgv : [...process.execArgv, SOURCE];

/** A thread that digests blocks. */
class Digester {
  readonly #worker = new Worker(new URL(`digest-worker.${EXTENSION}`, import.meta.url), { execArgv });
  readonly #waiting: PromiseWithResolvers<readonly Fact[]>[] = [];

  constructor() {
    this.#worker.on('message', (facts: readonly Fact[]) => this.#waiting.shift()?.resolve(facts));
    this.#worker.on('error', (error) => {
      for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
    });
  }

  /** The block's bytes are given away: they must be the whole of their buffer. */
  digest(work: Work): Promise<readonly Fact[]> {
    const answer = Promise.withResolvers<readonly Fact[]>();
    this.#waiting.push(answer);
    this.#worker.postMessage(work, [work.block.buffer as ArrayBuffer]);
    return answer.promise;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Gathers blocks of whole lines until they are worth a hand-over. */
class Gathering {
  readonly #splitter: BlockSplitter;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(splitter: BlockSplitter) {
    this.#splitter = splitter;
  }

  push(bytes: Uint8Array): Uint8Array | undefined {
    const block = this.#splitter.push(bytes);
    if (block !== undefined) {
      this.#parts.push(block);
      this.#bytes += block.length;
    }
    return this.#bytes >= BLOCK_BYTES ? this.take() : undefined;
  }

  take(): Uint8Array {
    const [only] = this.#parts;
    const whole = this.#parts.length === 1 && only !== undefined ? only : new Uint8Array(Buffer.concat(this.#parts));
    this.#parts = [];
    this.#bytes = 0;
    return whole;
  }
}

/** Gives blocks out to threads and takes their facts back in order. */
class Crew {
  readonly #threads: number;
  readonly #digesters: Digester[] = [];
  readonly #inFlight: Promise<readonly Fact[]>[] = [];
  #given = 0;

  constructor(threads: number) {
    this.#threads = threads;
  }

  get isFull(): boolean {
    return this.#inFlight.length >= this.#threads * IN_FLIGHT_MAX;
  }

  get isIdle(): boolean {
    return this.#inFlight.length === 0;
  }

  give(work: Work): void {
    const at = this.#given - INLINE_BLOCKS;
    this.#given += 1;
    const answer = at < 0 ? Promise.resolve(digestBlock(work.block, work.breaks)) : this.#digester(at).digest(work);
    // A failure is met where its turn comes; until then it is not an unhandled one.
    answer.catch(() => undefined);
    this.#inFlight.push(answer);
  }

  /** Facts of the block that was given longest ago. @throws when its thread failed */
  async take(): Promise<readonly Fact[]> {
    return (await this.#inFlight.shift()) ?? [];
  }

  async end(): Promise<void> {
    await Promise.all(this.#digesters.map((digester) => digester.end()));
  }

  #digester(at: number): Digester {
    const existing = this.#digesters[at % this.#threads];
    if (existing !== undefined) return existing;
    const started = new Digester();
    this.#digesters.push(started);
    return started;
  }
}

/**
 * The same check as `verifyExport` with reading and hashing spread over threads; the judging stays in order, in this one.
 * @param threads how many digest, at least 1; by default one for each core
 * @throws what `source` throws, and when a thread cannot run
 */
export const verifyExportInThreads = async (
  source: AsyncIterable<Uint8Array>,
  options: VerifyOptions,
  onProgress: (progress: VerifyProgress) => void = () => undefined,
  threads: number = availableParallelism(),
): Promise<VerifyResult> => {
  const judge = new Judge(options);
  const splitter = new BlockSplitter();
  const gathering = new Gathering(splitter);
  const crew = new Crew(Math.max(1, threads));
  const judgeOldest = async (): Promise<void> => {
    judge.take(await crew.take());
    onProgress(judge.progress);
  };
  const give = async (block: Uint8Array): Promise<void> => {
    if (crew.isFull) await judgeOldest();
    crew.give({ block, breaks: judge.breaks });
  };
  try {
    for await (const bytes of source) {
      const block = gathering.push(bytes);
      if (block !== undefined) await give(block);
      if (judge.failed || splitter.overlong) break;
    }
    await give(gathering.take());
    while (!crew.isIdle) await judgeOldest();
    if (splitter.overlong) judge.take([{ kind: 'wrong', position: null, reason: lineTooLong }]);
    return finishWith(judge, splitter);
  } finally {
    await crew.end();
  }
};
