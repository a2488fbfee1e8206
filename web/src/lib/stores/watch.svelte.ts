import type { KernelRecord } from '@crucible/domain';
import { getOutput, getRecords } from '../api.ts';
import { GuestLines } from '../watch/guest-lines.ts';
import type { GuestLine } from '../watch/two-sides.ts';

const pollMs = 1_000;
const recordsPerPage = 5_000;
const chunksPerPage = 500;
/** Output beyond this is left to the output's own view, which pages through it. */
const outputBytesMax = 8 * 1024 * 1024;

const wait = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });

/** Both sides of one trial: what it printed and what its sandbox's kernel saw, read to the end and then as they grow. */
export class WatchStore {
  lines = $state.raw<readonly GuestLine[]>([]);
  records = $state.raw<readonly KernelRecord[]>([]);
  status = $state<'loading' | 'ready' | 'failed'>('loading');
  /** The trial has ended and both sides are here as far as they were kept. */
  isComplete = $state(false);
  isCut = $state(false);
  error = $state.raw<unknown>(null);

  readonly #evaluationId: string;
  readonly #trialId: string;
  readonly #printed = new GuestLines();
  #found: KernelRecord[] = [];
  #afterRecord = -1;
  #afterChunk = 0;
  #outputBytes = 0;

  constructor(evaluationId: string, trialId: string) {
    this.#evaluationId = evaluationId;
    this.#trialId = trialId;
  }

  /** Begins; call the result to end it. */
  open(): () => void {
    const request = new AbortController();
    void this.#run(request.signal);
    return () => request.abort();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.isComplete) {
      try {
        const [kernelDone, outputDone] = await Promise.all([this.#readKernel(signal), this.#readOutput(signal)]);
        this.status = 'ready';
        this.error = null;
        this.isComplete = kernelDone && outputDone;
      } catch (error) {
        if (signal.aborted) return;
        this.error = error;
        this.status = 'failed';
        return;
      }
      if (!this.isComplete) await wait(pollMs, signal);
    }
  }

  /** Reads what there is; true when no more will come. */
  async #readKernel(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      const range = { after: this.#afterRecord, limit: recordsPerPage };
      const page = await getRecords('kernel', this.#evaluationId, this.#trialId, range, signal);
      if (page.records.length > 0) {
        for (const record of page.records) this.#found.push(record as KernelRecord);
        this.#afterRecord = this.#found.at(-1)?.n ?? this.#afterRecord;
        this.records = [...this.#found];
        this.status = 'ready';
      }
      if (page.next === null) return page.complete;
    }
  }

  async #readOutput(signal: AbortSignal): Promise<boolean> {
    if (this.#outputBytes > outputBytesMax) return true;
    for (;;) {
      const range = { after: this.#afterChunk, limit: chunksPerPage };
      const page = await getOutput(this.#evaluationId, this.#trialId, range, signal);
      for (const { stream, at, base64, sequence } of page.chunks) {
        this.#printed.add({ stream, at, base64 });
        this.#afterChunk = sequence;
        this.#outputBytes += base64.length;
      }
      if (page.chunks.length > 0) this.lines = this.#printed.all();
      if (page.next === null) return page.complete;
      if (this.#outputBytes > outputBytesMax) {
        this.isCut = true;
        return true;
      }
    }
  }
}
