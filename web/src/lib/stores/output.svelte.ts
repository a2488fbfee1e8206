import { outputChunkSchema } from '@crucible/api';
import type { OutputChunk } from '@crucible/api';
import { getOutput, outputStreamPath } from '../api.ts';
import type { LiveMessage, LiveState } from '../live.ts';
import { OutputBuffer, outputBounds } from '../output-buffer.ts';
import type { OutputLine, OutputMark } from '../output-buffer.ts';
import { Batch } from './batch.ts';
import { follow } from './connection.svelte.ts';

const pageBytesWanted = 256 * 1024;
const pageChunksMin = 4;
const pageChunksMax = 1_000;

/**
 * What one trial printed, in a window of bounded size. A running trial is followed by its stream and the window keeps the
 * newest; a finished one is read page by page from any place.
 */
export class OutputStore {
  lines = $state.raw<readonly OutputLine[]>([]);
  first = $state.raw<OutputMark>({ after: 0, bytes: 0 });
  last = $state.raw<OutputMark>({ after: 0, bytes: 0 });
  /** True when the window reaches the present end. */
  isAtEnd = $state(false);
  /** True once the trial has finished and no more will come. */
  isComplete = $state(false);
  status = $state<'loading' | 'ready' | 'failed'>('loading');
  isBusy = $state(false);
  error = $state.raw<unknown>(null);
  live = $state<LiveState | null>(null);

  readonly #evaluationId: string;
  readonly #trialId: string;
  #buffer = new OutputBuffer();
  #request: AbortController | null = null;
  #unfollow: (() => void) | null = null;
  #limit = 16;
  readonly #batch = new Batch<LiveMessage>((messages) => this.#onMessages(messages));

  constructor(evaluationId: string, trialId: string) {
    this.#evaluationId = evaluationId;
    this.#trialId = trialId;
  }

  /** Begins: by stream while the trial runs, by pages once it has finished. Returns what ends it. */
  open(isRunning: boolean): () => void {
    if (isRunning) this.#follow();
    else void this.#readWindow();
    return () => this.#stop();
  }

  /** The window that follows on this one. */
  async later(): Promise<void> {
    await this.#restart(this.#buffer.last);
  }

  /** A window that begins about half a window earlier. Ends the following of a running trial until `toEnd`. */
  async earlier(): Promise<void> {
    const { first, marks } = this.#buffer;
    const wanted = Math.max(0, first.bytes - outputBounds.charsMax / 2);
    const mark = marks.findLast((each) => each.bytes <= wanted && each.after < first.after) ?? { after: 0, bytes: 0 };
    await this.#restart(mark);
  }

  async toStart(): Promise<void> {
    await this.#restart({ after: 0, bytes: 0 });
  }

  /** Reads on to the end, keeping only the newest window. */
  async toEnd(): Promise<void> {
    const newest = this.#buffer.marks.at(-4);
    if (newest !== undefined && newest.after > this.#buffer.last.after) this.#begin(newest);
    await this.#read(() => false, false);
    if (this.isAtEnd && !this.isComplete && this.status === 'ready') this.#follow();
  }

  async retry(): Promise<void> {
    await this.#readWindow();
  }

  async #restart(mark: OutputMark): Promise<void> {
    this.#stop();
    this.#begin(mark);
    await this.#readWindow();
  }

  #readWindow(): Promise<void> {
    return this.#read(() => this.#buffer.isFull, true);
  }

  #begin(mark: OutputMark): void {
    this.#buffer = new OutputBuffer(mark, this.#buffer.marks);
  }

  #stop(): void {
    this.#unfollow?.();
    this.#unfollow = null;
    this.#batch.clear();
    this.#request?.abort();
    this.#request = null;
    this.live = null;
  }

  #follow(): void {
    this.#unfollow?.();
    const { after } = this.#buffer.last;
    this.isAtEnd = true;
    this.#unfollow = follow({
      path: outputStreamPath(this.#evaluationId, this.#trialId),
      ...(after > 0 ? { after } : {}),
      isPrimary: false,
      onMessage: (message) => this.#batch.add(message),
      onState: (state) => {
        this.live = state;
        if (state === 'live' && this.status === 'loading') this.status = 'ready';
      },
    });
  }

  #onMessages(messages: readonly LiveMessage[]): void {
    for (const { event, data } of messages) {
      if (event === 'end') {
        this.isComplete = true;
        this.#unfollow?.();
        this.#unfollow = null;
        this.live = null;
      } else if (event === 'chunk') {
        const chunk = outputChunkSchema.safeParse(data);
        if (chunk.success) this.#buffer.append(chunk.data, false);
      }
    }
    this.status = 'ready';
    this.#publish();
  }

  async #read(isEnough: () => boolean, keepsFront: boolean): Promise<void> {
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    this.isBusy = true;
    try {
      do {
        const { after, bytes } = this.#buffer.last;
        const range = { after, limit: this.#limit };
        const page = await getOutput(this.#evaluationId, this.#trialId, range, request.signal);
        let taken = 0;
        while (taken < page.chunks.length && !isEnough())
          this.#buffer.append(page.chunks[taken++] as OutputChunk, keepsFront);
        this.#adapt(taken, this.#buffer.last.bytes - bytes);
        this.isAtEnd = page.next === null && taken === page.chunks.length;
        this.isComplete = page.complete;
        this.#publish();
      } while (!this.isAtEnd && !isEnough());
      this.status = 'ready';
      this.error = null;
    } catch (error) {
      if (request.signal.aborted) return;
      this.error = error;
      this.status = 'failed';
    } finally {
      if (this.#request === request) this.isBusy = false;
    }
  }

  /** Chunks are of a few bytes or of many thousand: a page asks for as many as make about the wanted size. */
  #adapt(chunks: number, bytes: number): void {
    if (chunks === 0) return;
    const wanted = Math.round(pageBytesWanted / Math.max(1, bytes / chunks));
    this.#limit = Math.min(pageChunksMax, Math.max(pageChunksMin, wanted));
  }

  #publish(): void {
    this.lines = [...this.#buffer.lines];
    this.first = this.#buffer.first;
    this.last = this.#buffer.last;
  }
}
