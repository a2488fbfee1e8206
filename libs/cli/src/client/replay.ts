import { reduceEvaluation, reducePageBy } from '@crucible/domain';
import type { EvaluationPage, Positioned } from '@crucible/domain';
import type { PastEvent } from './past.ts';
import { misuse } from './failure.ts';
import { safe } from './text.ts';

export const replayBounds = {
  speedMin: 0.01,
  speedMax: 10_000,
  /** No pause is longer than this, whatever happened; a longer one is shortened, and the picture says so. */
  pauseMsMax: 2_000,
  /** Waiting is not worth less than this; what happened so close together is shown together. */
  pauseMsMin: 8,
  heldEventsMax: 1_000,
} as const;

/** @returns times faster than it happened; infinite for `max`. @throws UsageFailure */
export const parseSpeed = (text: string): number => {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  const speed = /^\d{1,5}(\.\d{1,3})?x?$/.test(text) ? Number.parseFloat(text) : 0;
  if (speed >= replayBounds.speedMin && speed <= replayBounds.speedMax) return speed;
  throw misuse(`--speed ${safe(text, 40)}: must be like 10x or 0.5x, from 0.01x to 10000x, or max`);
};

/** A stretch of the past in which nothing happened, and how long it lasts here. Times are milliseconds since 1970. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
  readonly pauseMs: number;
  readonly shortened: boolean;
}

/** The gap before an event; the clocks of two services may differ, so it is never negative. */
export const gapBetween = (fromMs: number, toMs: number, speed: number): Gap => {
  const asItWasMs = Math.max(0, toMs - fromMs) / speed;
  const pauseMs = Math.min(asItWasMs, replayBounds.pauseMsMax);
  return { fromMs, toMs: Math.max(fromMs, toMs), pauseMs, shortened: pauseMs < asItWasMs };
};

/** Where a past is played. */
export interface Stage {
  /** Every event, in order. */
  event(entry: PastEvent): void;
  /** The page after them, and the gap until the next one; none at the end. */
  show(page: EvaluationPage, gap: Gap | undefined): void;
}

export interface Playing {
  readonly speed: number;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** Waits; ends early with the signal, without throwing. */
  readonly pause: (ms: number) => Promise<void>;
}

/** The page that a past leads to, folded in as few steps as there are pauses in it. */
class Course {
  page: EvaluationPage | undefined;
  #held: Positioned[] = [];

  hold(entry: Positioned): boolean {
    if (this.page === undefined) {
      const evaluation = reduceEvaluation(undefined, entry);
      if (evaluation !== undefined) this.page = { evaluation, trials: new Map(), position: entry.position };
    } else this.#held.push(entry);
    return this.#held.length >= replayBounds.heldEventsMax;
  }

  fold(): EvaluationPage | undefined {
    if (this.page !== undefined && this.#held.length > 0) this.page = reducePageBy(this.page, this.#held);
    this.#held = [];
    return this.page;
  }
}

/** Plays a past in the rhythm it had. @returns the page it came to, or as far as the signal let it */
export const play = async (
  past: AsyncIterable<PastEvent>,
  stage: Stage,
  { speed, signal, now, pause }: Playing,
): Promise<EvaluationPage | undefined> => {
  const course = new Course();
  let lastMs: number | undefined;
  let dueMs = now();
  const show = (gap: Gap | undefined): void => {
    const page = course.fold();
    if (page !== undefined) stage.show(page, gap);
  };
  for await (const entry of past) {
    const { position, event } = entry;
    const atMs = event === null ? lastMs : Date.parse(event.time);
    if (atMs !== undefined) {
      const gap = gapBetween(lastMs ?? atMs, atMs, speed);
      // Counted from when the last event was due, so that the time it takes to show one does not add up.
      dueMs = Math.max(dueMs + gap.pauseMs, now());
      const waitMs = dueMs - now();
      if (waitMs >= replayBounds.pauseMsMin) {
        show(gap);
        await pause(waitMs);
      }
      lastMs = Math.max(lastMs ?? atMs, atMs);
    }
    if (signal.aborted) break;
    stage.event(entry);
    if (event !== null && course.hold({ position, event })) show(undefined);
  }
  show(undefined);
  return course.page;
};
