import { problem, ProblemException } from '../problem.ts';

export interface LimiterBounds {
  readonly atOnceMax: number;
  readonly waitingMax: number;
}

/** Lets so much work go on at once and so much more wait, in the order it came. What is beyond that is refused. */
export class Limiter {
  readonly #bounds: LimiterBounds;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(bounds: LimiterBounds) {
    this.#bounds = bounds;
  }

  /** @throws ProblemException (503) when too much waits; the signal's reason when it ended the waiting */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#bounds.atOnceMax) await this.#turn(signal);
    else this.#running += 1;
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const [next] = this.#waiting;
      // The place is handed on, not given back, so that nobody comes in between.
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#waiting.size >= this.#bounds.waitingMax)
      throw new ProblemException(
        problem(503, 'busy', 'Many are looking into the past just now; try again in a moment.'),
      );
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const take = (): void => {
      this.#waiting.delete(take);
      resolve();
    };
    const leave = (): void => {
      if (this.#waiting.delete(take)) reject(signal.reason as Error);
    };
    this.#waiting.add(take);
    signal.addEventListener('abort', leave, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }
}
