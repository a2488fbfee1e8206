import type { BudgetRefusal } from '@crucible/domain';
import type { Purse } from './purse.ts';

/**
 * So much working time a call holds at once, and as much again whenever it needs more: to hold all the time that it might
 * take, which is minutes, would let few calls be made at once where time is bounded.
 */
export const STRETCH_MS = 10_000;

/** The working time that a call under way holds. Where there is no more to hold, its signal says so. */
export class HeldTime {
  readonly #purse: Pick<Purse, 'holdTime' | 'release'>;
  readonly #callId: string;
  readonly #over = new AbortController();
  readonly #ids: string[] = [];
  #heldMs: number;
  #leftMs: number;
  #since: number | null = null;
  #timer: NodeJS.Timeout | undefined;
  #refusal: BudgetRefusal | null = null;

  /** @param heldMs held already, with all else that the call may come to; null where no account bounds time */
  constructor(purse: Pick<Purse, 'holdTime' | 'release'>, callId: string, heldMs: number | null) {
    this.#purse = purse;
    this.#callId = callId;
    this.#heldMs = heldMs ?? Infinity;
    this.#leftMs = this.#heldMs;
  }

  /** Aborted when it is used up. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Which account had no more, once that was so, and how much was held in all. */
  get usedUp(): { readonly refusal: BudgetRefusal; readonly heldMs: number } | null {
    return this.#refusal && { refusal: this.#refusal, heldMs: this.#heldMs };
  }

  /** The call works from now on. */
  run(): void {
    if (this.#since !== null || this.#leftMs === Infinity) return;
    this.#since = performance.now();
    this.#timer = setTimeout(() => this.#more(), this.#leftMs);
    this.#timer.unref();
  }

  /** It waits, for its turn or for a provider's limits: that is no working time. */
  wait(): void {
    clearTimeout(this.#timer);
    if (this.#since !== null) this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - this.#since));
    this.#since = null;
  }

  /** Gives back what was held beyond the first stretch. To be called once it is settled what the call took. */
  release(): void {
    this.wait();
    for (const id of this.#ids.splice(0)) this.#purse.release(id);
  }

  #more(): void {
    this.wait();
    const id = `${this.#callId} time ${this.#ids.length + 1}`;
    const held = this.#purse.holdTime(id, STRETCH_MS);
    if (typeof held !== 'number') {
      this.#refusal = held;
      this.#over.abort();
      return;
    }
    this.#ids.push(id);
    this.#heldMs += held;
    this.#leftMs = held;
    this.run();
  }
}
