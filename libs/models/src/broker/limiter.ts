import type { Clock } from './clock.ts';

/** Where calls start before anything is known: few enough for a small account. */
const START = 8;
const OVERLOAD_FACTOR = 0.5;
const WAITING_MAX = 100_000;

/** What came of an attempt, as far as it says how much the provider bears. */
export type Outcome = 'succeeded' | 'overloaded' | 'neither';

export interface LimiterView {
  /** Attempts that may be under way at once, as it stands. */
  readonly effective: number;
  readonly concurrencyMax: number;
  readonly inFlight: number;
  readonly waiting: number;
  /** Until the provider takes calls again, as it said itself; 0 when it does. */
  readonly pausedMs: number;
}

export interface Permit {
  readonly release: (outcome: Outcome) => void;
}

interface Waiter {
  readonly ticket: number;
  readonly model: string;
  readonly modelMax: number;
  readonly grant: (permit: Permit | null) => void;
}

/**
 * How many calls one account of one provider takes at once: learnt by additive increase (one more for every round of
 * successes while all places are taken) and multiplicative decrease (half for every round that met a limit). Places go to
 * whoever asked first; a call that tries again keeps its turn.
 */
export class Limiter {
  readonly #clock: Clock;
  readonly #concurrencyMax: number;
  #effective: number;
  #inFlight = 0;
  readonly #inFlightOf = new Map<string, number>();
  #waiters: Waiter[] = [];
  #tickets = 0;
  /** Attempts that began before it say nothing new about a limit that was already met. */
  #decreasedAt = -Infinity;
  #pausedUntil = -Infinity;
  /** Until a limit is met for the first time, every success makes room for one more: rounds double. */
  #metLimit = false;
  #wake: AbortController | undefined;

  constructor(concurrencyMax: number, clock: Clock, start = START) {
    this.#concurrencyMax = concurrencyMax;
    this.#clock = clock;
    this.#effective = Math.min(start, concurrencyMax);
  }

  /** A place in the queue; kept over all attempts of a call. */
  ticket(): number {
    return (this.#tickets += 1);
  }

  view(): LimiterView {
    return {
      effective: Math.floor(this.#effective),
      concurrencyMax: this.#concurrencyMax,
      inFlight: this.#inFlight,
      waiting: this.#waiters.length,
      pausedMs: Math.max(0, Math.ceil(this.#pausedUntil - this.#clock.now())),
    };
  }

  /**
   * Waits for a place.
   * @returns null when the signal came first, or more wait than anybody should
   */
  acquire(ticket: number, model: string, modelMax: number, signal: AbortSignal): Promise<Permit | null> {
    if (signal.aborted || this.#waiters.length >= WAITING_MAX) return Promise.resolve(null);
    return new Promise((resolve) => {
      const gaveUp = (): void => {
        this.#waiters = this.#waiters.filter((each) => each !== waiter);
        resolve(null);
      };
      const waiter: Waiter = {
        ticket,
        model,
        modelMax,
        grant: (permit) => {
          signal.removeEventListener('abort', gaveUp);
          resolve(permit);
        },
      };
      signal.addEventListener('abort', gaveUp, { once: true });
      const behind = this.#waiters.findIndex((each) => each.ticket > ticket);
      this.#waiters.splice(behind < 0 ? this.#waiters.length : behind, 0, waiter);
      this.#serve();
    });
  }

  /** Nobody is let in for so long: the provider said when it takes calls again. */
  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.now() + ms);
  }

  #serve(): void {
    if (this.#waiters.length === 0) return;
    if (this.#clock.now() < this.#pausedUntil) return this.#serveLater();
    let at = 0;
    while (at < this.#waiters.length && this.#inFlight < Math.floor(this.#effective)) {
      const waiter = this.#waiters[at] as Waiter;
      if ((this.#inFlightOf.get(waiter.model) ?? 0) >= waiter.modelMax) {
        // Its own model is full: whoever is behind it and wants another one does not have to wait with it.
        at += 1;
        continue;
      }
      this.#waiters.splice(at, 1);
      waiter.grant(this.#permit(waiter.model));
    }
  }

  #serveLater(): void {
    if (this.#wake !== undefined) return;
    this.#wake = new AbortController();
    const pausedMs = Math.max(1, this.#pausedUntil - this.#clock.now());
    void this.#clock.sleep(pausedMs, this.#wake.signal).then(() => {
      this.#wake = undefined;
      this.#serve();
    });
  }

  #permit(model: string): Permit {
    const beganAt = this.#clock.now();
    const full = (): boolean => this.#inFlight >= Math.floor(this.#effective);
    this.#inFlight += 1;
    this.#inFlightOf.set(model, (this.#inFlightOf.get(model) ?? 0) + 1);
    let released = false;
    return {
      release: (outcome) => {
        if (released) return;
        released = true;
        // Successes while there is room say nothing about what is beyond it.
        if (outcome === 'succeeded' && full())
          this.#effective = Math.min(
            this.#concurrencyMax,
            this.#effective + (this.#metLimit ? 1 / this.#effective : 1),
          );
        if (outcome === 'overloaded' && beganAt >= this.#decreasedAt) {
          this.#effective = Math.max(1, this.#effective * OVERLOAD_FACTOR);
          this.#metLimit = true;
          this.#decreasedAt = this.#clock.now();
        }
        this.#inFlight -= 1;
        const left = (this.#inFlightOf.get(model) ?? 1) - 1;
        if (left === 0) this.#inFlightOf.delete(model);
        else this.#inFlightOf.set(model, left);
        this.#serve();
      },
    };
  }
}
