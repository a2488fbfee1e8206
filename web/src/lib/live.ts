import { StreamParser } from './sse.ts';
import type { StreamMessage } from './sse.ts';

/**
 * Where a connection stands. `offline` still tries, only the wait has grown long; `signed-out` and `gone` have given up:
 * the session ended, or what was asked for does not exist.
 */
export type LiveState = 'connecting' | 'live' | 'reconnecting' | 'offline' | 'signed-out' | 'gone' | 'closed';

export interface LiveMessage {
  readonly event: string;
  /** Parsed JSON, not yet checked against any schema. */
  readonly data: unknown;
  /** Position in the log, or sequence in a channel of evidence. */
  readonly position: number;
}

export interface LiveOptions {
  readonly path: string;
  /** Resume behind this position; without it the stream begins with its snapshot. */
  readonly after?: number | undefined;
  readonly onMessage: (message: LiveMessage) => void;
  readonly onState: (state: LiveState, retryAtMs: number | null) => void;
  /** The edge: the network, the clock and chance, replaced in tests. */
  readonly edge?: Partial<LiveEdge>;
}

export interface LiveEdge {
  readonly fetch: typeof fetch;
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly wait: (afterMs: number, run: () => void) => () => void;
}

const browserEdge = (): LiveEdge => ({
  fetch: (...request) => globalThis.fetch(...request),
  nowMs: () => Date.now(),
  random: () => Math.random(),
  wait: (afterMs, run) => {
    const timer = setTimeout(run, afterMs);
    return () => clearTimeout(timer);
  },
});

const retryFirstMs = 500;
const retryLastMs = 5_000;
/** The gateway sends a heartbeat every 15 s: this much silence means the line is dead though nobody said so. */
const silenceMsMax = 40_000;
/** From this many failures in a row on, a person should know that it is not a hiccup. */
const failuresUntilOffline = 4;
/** A connection that lasted this long was a good one: the next back-off begins anew. */
const steadyMsMin = 5_000;

/** Wait before try `failures` (1 or more): doubling, bounded, and spread so that many pages do not return at once. */
export const retryDelayMs = (failures: number, random: number): number =>
  Math.round(Math.min(retryLastMs, retryFirstMs * 2 ** (failures - 1)) * (0.5 + random / 2));

/**
 * An event stream that survives its connection. Every message carries a position; after a loss it asks for what lies
 * behind the last one, and drops what it has already handed over, so that nothing is lost and nothing comes twice.
 *
 * The browser's own EventSource will not do: it hides the status of a refusal, cannot see heartbeats, and decides by
 * itself when to give up.
 */
export class LiveConnection {
  readonly #options: LiveOptions;
  readonly #edge: LiveEdge;
  #position: number | null;
  #failures = 0;
  #liveSinceMs: number | null = null;
  #abort: AbortController | null = null;
  #cancelRetry: (() => void) | null = null;
  #state: LiveState = 'closed';

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#edge = { ...browserEdge(), ...options.edge };
    this.#position = options.after ?? null;
  }

  /** The last position handed over; null before the first message. */
  get position(): number | null {
    return this.#position;
  }

  get state(): LiveState {
    return this.#state;
  }

  /** Connects, or resumes behind the last position. Without effect while connected. */
  open(): void {
    if (this.#abort !== null) return;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#become(this.#failures === 0 ? 'connecting' : this.#waitingState());
    void this.#run();
  }

  /** Tries at once instead of waiting out the back-off. */
  retryNow(): void {
    if (this.#cancelRetry !== null || this.#state === 'signed-out' || this.#state === 'gone') this.open();
  }

  /** Ends the connection and keeps the position, so that `open` resumes. */
  close(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#abort?.abort();
    this.#abort = null;
    this.#failures = 0;
    this.#become('closed');
  }

  async #run(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    let disarm = this.#watch(abort);
    try {
      const answer = await this.#edge.fetch(this.#address(), {
        headers: {
          accept: 'text/event-stream',
          ...(this.#position === null ? {} : { 'last-event-id': `${this.#position}` }),
        },
        credentials: 'same-origin',
        cache: 'no-store',
        signal: abort.signal,
      });
      if (abort.signal.aborted && this.#abort !== abort) return;
      if (answer.status === 401 || answer.status === 403) return this.#giveUp('signed-out');
      // What was there cannot cease to be: then it is a platform that is still starting.
      if ([400, 404, 410].includes(answer.status) && this.#position === null) return this.#giveUp('gone');
      if (!answer.ok || answer.body === null) throw new Error(`status ${answer.status}`);
      this.#liveSinceMs = this.#edge.nowMs();
      this.#become('live');
      const parser = new StreamParser();
      const reader = answer.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        disarm();
        if (done || this.#abort !== abort) break;
        disarm = this.#watch(abort);
        for (const message of parser.push(value)) {
          if (this.#abort !== abort) break;
          this.#deliver(message);
        }
      }
    } catch {
      // Whatever went wrong, the answer is the same: come back behind the last position.
    } finally {
      disarm();
    }
    if (this.#abort === abort) this.#retry();
  }

  #watch(abort: AbortController): () => void {
    return this.#edge.wait(silenceMsMax, () => abort.abort());
  }

  #address(): string {
    return this.#position === null ? this.#options.path : `${this.#options.path}?after=${this.#position}`;
  }

  #deliver(message: StreamMessage): void {
    const position = Number(message.id);
    // A snapshot replaces what was known, so it counts even at a position we have seen.
    const isSnapshot = message.event === 'snapshot';
    const isPlaced = message.id !== '' && Number.isSafeInteger(position) && position >= 0;
    if (isPlaced && !isSnapshot && message.event !== 'end' && this.#position !== null && position <= this.#position)
      return;
    const data: unknown = JSON.parse(message.data);
    this.#options.onMessage({ event: message.event, data, position: isPlaced ? position : (this.#position ?? 0) });
    // Only now: a handler that throws has not taken the message, and the resume must bring it again.
    if (isPlaced) this.#position = position;
  }

  #retry(): void {
    this.#abort = null;
    const steady = this.#liveSinceMs !== null && this.#edge.nowMs() - this.#liveSinceMs >= steadyMsMin;
    this.#liveSinceMs = null;
    this.#failures = steady ? 1 : this.#failures + 1;
    const afterMs = retryDelayMs(this.#failures, this.#edge.random());
    this.#cancelRetry = this.#edge.wait(afterMs, () => {
      this.#cancelRetry = null;
      this.open();
    });
    this.#become(this.#waitingState(), this.#edge.nowMs() + afterMs);
  }

  #giveUp(state: 'signed-out' | 'gone'): void {
    this.#abort = null;
    this.#become(state);
  }

  #waitingState(): LiveState {
    return this.#failures >= failuresUntilOffline ? 'offline' : 'reconnecting';
  }

  #become(state: LiveState, retryAtMs: number | null = null): void {
    this.#state = state;
    this.#options.onState(state, retryAtMs);
  }
}
