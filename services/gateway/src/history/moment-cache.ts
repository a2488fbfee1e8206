import type { EvaluationPage } from '@crucible/domain';
import type { EvaluationId } from '@crucible/events';

/** An evaluation as the log had it from its page's position on, up to and with `upTo`. */
export interface Moment {
  readonly page: EvaluationPage;
  readonly upTo: number;
  /** False where only the evaluation was folded, and not its trials. */
  readonly whole: boolean;
}

export interface CacheBounds {
  readonly momentsMax: number;
  readonly trialsMax: number;
}

/** Moments that were asked for lately. What has been does not change, so nothing here gets stale. */
export class MomentCache {
  readonly #bounds: CacheBounds;
  /** From the longest unused to the last used. */
  readonly #moments = new Set<Moment>();
  #trials = 0;

  constructor(bounds: CacheBounds) {
    this.#bounds = bounds;
  }

  /** The latest moment at or before a position, to go on from; undefined when none is known. */
  nearest(id: EvaluationId, at: number, whole: boolean): Moment | undefined {
    let found: Moment | undefined;
    for (const moment of this.#moments) {
      const { page } = moment;
      if (page.evaluation.id !== id || page.position > at || (whole && !moment.whole)) continue;
      if (found === undefined || moment.upTo > found.upTo) found = moment;
    }
    if (found !== undefined) {
      this.#moments.delete(found);
      this.#moments.add(found);
    }
    return found;
  }

  /** Keeps a moment, in place of one it only makes longer, and forgets the longest unused ones that are too many. */
  keep(moment: Moment, before: Moment | undefined): void {
    if (before !== undefined && before.page.position === moment.page.position && before.whole === moment.whole)
      this.#forget(before);
    this.#moments.add(moment);
    this.#trials += moment.page.trials.size;
    for (const oldest of this.#moments) {
      if (this.#moments.size <= this.#bounds.momentsMax && this.#trials <= this.#bounds.trialsMax) return;
      this.#forget(oldest);
    }
  }

  #forget(moment: Moment): void {
    if (this.#moments.delete(moment)) this.#trials -= moment.page.trials.size;
  }
}
