import type { EvaluationPage, EvaluationView } from '@crucible/domain';
import type { EventHistory, StoredEvent } from '@crucible/event-log';
import type { EvaluationId } from '@crucible/events';
import { problem, ProblemException } from '../problem.ts';
import { foldEvents } from './fold.ts';
import { Limiter } from './limiter.ts';
import { MomentCache } from './moment-cache.ts';

/** Folded in one go, and how often others get their turn in between. */
const BATCH_EVENTS = 1_000;
/** So often a long way is marked: whoever comes back to an earlier moment of it goes on from the mark before. */
const MARK_EVENTS = 20_000;

export const momentBounds = {
  /** Read from the log for one answer. */
  eventsMax: 200_000,
  foldsAtOnceMax: 4,
  foldsWaitingMax: 256,
  momentsMax: 500,
  trialsMax: 150_000,
} as const;

/** A past moment of one evaluation, and where its first and its newest event are: beyond them nothing is looked for. */
export interface MomentRequest {
  readonly id: EvaluationId;
  readonly at: number;
  readonly firstPosition: number;
  readonly lastPosition: number;
}

/** Evaluations as they were at a position, folded from the log by the reducers that also build the read model. */
export class Moments {
  readonly #history: EventHistory;
  readonly #limiter = new Limiter({
    atOnceMax: momentBounds.foldsAtOnceMax,
    waitingMax: momentBounds.foldsWaitingMax,
  });
  readonly #cache = new MomentCache(momentBounds);

  constructor(history: EventHistory) {
    this.#history = history;
  }

  /** Null before its submission. @throws ProblemException, BusUnavailable; the signal's reason */
  async page(request: MomentRequest, signal: AbortSignal): Promise<EvaluationPage | null> {
    return this.#at(request, true, signal);
  }

  /** The same without its trials. */
  async evaluation(request: MomentRequest, signal: AbortSignal): Promise<EvaluationView | null> {
    return (await this.#at(request, false, signal))?.evaluation ?? null;
  }

  async #at(request: MomentRequest, whole: boolean, signal: AbortSignal): Promise<EvaluationPage | null> {
    const { id, at } = request;
    const known = this.#cache.nearest(id, at, whole);
    if (known !== undefined && at <= known.upTo) return known.page;
    return this.#limiter.run(signal, async () => {
      // Somebody may have come this far while this one waited.
      const before = this.#cache.nearest(id, at, whole);
      if (before !== undefined && at <= before.upTo) return before.page;
      const from = before === undefined ? request.firstPosition : before.upTo + 1;
      const page = await this.#fold(before?.page, { ...request, from }, whole, signal);
      if (page === undefined) return null;
      this.#cache.keep({ page, upTo: at, whole }, before);
      return page;
    });
  }

  async #fold(
    begun: EvaluationPage | undefined,
    { id, at, lastPosition, from }: MomentRequest & { readonly from: number },
    whole: boolean,
    signal: AbortSignal,
  ): Promise<EvaluationPage | undefined> {
    let page = begun;
    let batch: (StoredEvent & { readonly ok: true })[] = [];
    let read = 0;
    let marked = 0;
    // Where nothing comes any more the server would look for it through the rest of the log.
    for await (const stored of this.#history.readEvaluation(id, { from, upTo: Math.min(at, lastPosition), signal })) {
      read += 1;
      if (read > momentBounds.eventsMax) throw tooLong(id, at);
      if (stored.ok) batch.push(stored);
      if (batch.length < BATCH_EVENTS) continue;
      page = foldEvents(page, batch, whole);
      batch = [];
      if (page === undefined || read - marked < MARK_EVENTS) continue;
      this.#cache.keep({ page, upTo: stored.position, whole }, undefined);
      marked = read;
    }
    return foldEvents(page, batch, whole);
  }
}

const tooLong = (id: EvaluationId, at: number): ProblemException =>
  new ProblemException(
    problem(
      422,
      'history-too-long',
      `Evaluation ${id} has more than ${momentBounds.eventsMax} events up to position ${at}: read its events and fold them yourself.`,
    ),
  );
