import { goto } from '$app/navigation';
import { untrack } from 'svelte';

/** While somebody drags, the address follows only once they rest. */
const restMs = 200;

/** `?at=` of an address: a position of the log, or null for the present. */
export const atOf = (parameters: Pick<URLSearchParams, 'get'>): number | null => {
  const text = parameters.get('at') ?? '';
  const at = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : null;
  return at !== null && Number.isSafeInteger(at) ? at : null;
};

/**
 * The moment that a page shows. It changes at once; the address follows, so that a moment can be linked and the way back
 * to the present is the browser's own.
 */
export class MomentStore {
  at = $state<number | null>(null);
  /** The moment as the address has it: what links are made of, so that a thousand of them need not change with every step. */
  settled = $state<number | null>(null);
  readonly #href: () => string;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param href the page's address with the present `at` */
  constructor(first: number | null, href: () => string) {
    this.at = first;
    this.settled = first;
    this.#href = href;
  }

  move(at: number | null): void {
    const turns = (at === null) !== (this.at === null);
    this.at = at;
    clearTimeout(this.#timer);
    if (turns) this.#write(false);
    else this.#timer = setTimeout(() => this.#write(true), restMs);
  }

  /** Follows the address where somebody else changed it: a link, or the browser's way back. */
  follow(at: number | null): void {
    untrack(() => {
      // The echo of what was written here moves nothing.
      if (at === this.settled) return;
      clearTimeout(this.#timer);
      this.settled = at;
      this.at = at;
    });
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #write(replace: boolean): void {
    this.settled = this.at;
    void goto(this.#href(), { replace, reset: false });
  }
}
