/** Time and chance, handed in so that a test decides both. */
export interface Clock {
  /** Milliseconds that only ever grow. */
  readonly now: () => number;
  /** Between 0 and 1, without 1. */
  readonly random: () => number;
  /** Ends when the time is over or the signal says so, whichever is first; never rejects. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });

export const systemClock: Clock = { now: () => performance.now(), random: Math.random, sleep };
