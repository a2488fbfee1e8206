/** Longest delay that a timer takes. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/**
 * Counts the time that a trial works, and not what it waits for: at providers, for people, for its turn. Calls `onOver` when
 * a bound is used up.
 */
export class WorkClock {
  readonly #now: () => number;
  readonly #msMax: number;
  readonly #onOver: () => void;
  #workedMs = 0;
  #waitedMs = 0;
  #since: number;
  #waits = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param now milliseconds that only ever grow @param msMax Infinity for no bound */
  constructor(now: () => number, msMax: number, onOver: () => void) {
    this.#now = now;
    this.#msMax = msMax;
    this.#onOver = onOver;
    this.#since = now();
    this.#arm();
  }

  get workedMs(): number {
    return this.#workedMs + (this.#waits === 0 && !this.#stopped ? this.#now() - this.#since : 0);
  }

  get waitedMs(): number {
    return this.#waitedMs + (this.#waits > 0 && !this.#stopped ? this.#now() - this.#since : 0);
  }

  get leftMs(): number {
    return Math.max(0, this.#msMax - this.workedMs);
  }

  get isWaiting(): boolean {
    return this.#waits > 0;
  }

  /** From now on it waits, until what is returned is called. Waits may overlap. */
  wait(): () => void {
    this.#turn(() => (this.#waits += 1));
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#turn(() => (this.#waits -= 1));
    };
  }

  stop(): void {
    this.#turn(() => (this.#stopped = true));
    clearTimeout(this.#timer);
  }

  #turn(change: () => void): void {
    if (this.#stopped) return;
    const now = this.#now();
    if (this.#waits === 0) this.#workedMs += now - this.#since;
    else this.#waitedMs += now - this.#since;
    this.#since = now;
    change();
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#waits > 0 || this.#stopped || this.#msMax === Infinity) return;
    this.#timer = setTimeout(
      () => (this.leftMs > 0 ? this.#arm() : this.#onOver()),
      Math.min(TIMER_MS_MAX, this.leftMs),
    );
    this.#timer.unref();
  }
}
