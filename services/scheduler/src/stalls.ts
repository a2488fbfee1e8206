import type { EvaluationId } from '@crucible/events';

const STALL_FIRST_MS = 1_000;
const STALL_LAST_MS = 15_000;

/** Evaluations for which nothing could be written, each with a wait of its own that doubles: one of them must not hold up the others. */
export class Stalls {
  readonly #waiting = new Map<EvaluationId, { readonly tries: number; readonly untilMs: number }>();

  /** @returns how many times in a row it has failed now */
  add(id: EvaluationId, nowMs: number): number {
    const tries = (this.#waiting.get(id)?.tries ?? 0) + 1;
    const waitMs = Math.min(STALL_LAST_MS, STALL_FIRST_MS * 2 ** Math.min(10, tries - 1));
    this.#waiting.set(id, { tries, untilMs: nowMs + waitMs });
    return tries;
  }

  clear(id: EvaluationId): void {
    this.#waiting.delete(id);
  }

  waits(id: EvaluationId, nowMs: number): boolean {
    const stall = this.#waiting.get(id);
    return stall !== undefined && stall.untilMs > nowMs;
  }

  /** When the first of them may be tried again, in milliseconds since 1970; null when none waits. */
  nextMs(nowMs: number): number | null {
    const coming = [...this.#waiting.values()].map(({ untilMs }) => untilMs).filter((untilMs) => untilMs > nowMs);
    return coming.length === 0 ? null : Math.min(...coming);
  }
}
