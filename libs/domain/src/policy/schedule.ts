import type { CrucibleEvent, EvaluationId, EventData, TrialId, TrialPlace } from '@crucible/events';
import { unreachable } from '../decision.ts';
import { budgetReachedText } from './budget.ts';
import { isEvaluationEvent } from '../evaluation/evaluation.ts';
import type { EvaluationEvent } from '../evaluation/evaluation.ts';
import { isTrialEvent, deservesRetry, retryDelayMs, retryDelayMsMax } from '../trial/trial.ts';
import type { TrialEvent } from '../trial/trial.ts';
import type { Positioned } from '../views/reduce.ts';
import { evolveStops, isStopEvent, noStops, stopOf } from './stops.ts';
import type { Stops } from './stops.ts';

type Submission = EventData<'crucible.evaluation.submitted.v2'>;
type Completion = EventData<'crucible.evaluation.completed.v1'>;

/** What the scheduler should write next, and the sequence that the decision rests on. */
export type ScheduleAction =
  | {
      readonly type: 'admit';
      readonly evaluationId: EvaluationId;
      readonly concurrency: number;
      readonly expectedSequence: number;
    }
  | { readonly type: 'dispatch'; readonly evaluationId: EvaluationId; readonly place: TrialPlace }
  | {
      readonly type: 'withdraw';
      readonly evaluationId: EvaluationId;
      readonly trialId: TrialId;
      readonly reason: string;
      readonly expectedSequence: number;
    }
  | {
      readonly type: 'complete';
      readonly evaluationId: EvaluationId;
      readonly completion: Omit<Completion, 'evaluationId' | 'status'>;
      readonly expectedSequence: number;
    };

interface OpenTrial {
  readonly place: TrialPlace;
  readonly status: 'dispatched' | 'running';
  /** Of the event that dispatched it, and then of its start. */
  readonly position: number;
  /** Last position on its subject for as long as it has not begun. */
  readonly sequence: number;
}

interface Retry {
  readonly place: TrialPlace;
  readonly dueMs: number;
}

interface Tally {
  passed: number;
  failed: number;
  errored: number;
  withdrawn: number;
  scoreSum: number;
  scored: number;
}

interface Entry {
  readonly submission: Submission;
  /** The event that began it: its team and correlation go on in all that follows. */
  readonly cause: CrucibleEvent;
  status: 'submitted' | 'running' | 'cancelling';
  concurrency: number;
  /** Why no other trial begins, once a budget wider than a trial's own does not pay for what one asks. */
  usedUp: string | null;
  /** Last position on the evaluation's own subject. */
  sequence: number;
  /** How many of samples x epochs have had their first attempt. */
  begun: number;
  readonly open: Map<TrialId, OpenTrial>;
  /**
   * Errored trials that another attempt may follow. A cancel leaves them here: their dispatch may stand in the log behind
   * the cancel, written by a scheduler that had not seen it. Those still here at the end count as errored.
   */
  retries: Retry[];
  readonly tally: Tally;
}

const CANCELLED = 'the evaluation was cancelled before it began';

/** Whether trials that have not begun may still do so. */
const beginsMore = ({ status, usedUp }: Entry): boolean => status === 'running' && usedUp === null;

const emptyTally = (): Tally => ({ passed: 0, failed: 0, errored: 0, withdrawn: 0, scoreSum: 0, scored: 0 });

/** Mean of a trial's scores, 0 to 1; null when it was not scored. */
export const trialScore = (scores: readonly { readonly value: number }[]): number | null =>
  scores.length === 0 ? null : scores.reduce((sum, { value }) => sum + value, 0) / scores.length;

/**
 * What is admitted, running and due, folded from the log; the scheduler's whole memory. Ended evaluations are forgotten.
 * Deterministic: the clock comes as an argument, and the same events give the same actions.
 */
export class Schedule {
  readonly #entries = new Map<EvaluationId, Entry>();
  readonly #concurrencyMax: number;
  #inFlight = 0;
  #stops: Stops = noStops;

  /** @param concurrencyMax trials in flight on the whole platform */
  constructor(concurrencyMax: number) {
    this.#concurrencyMax = concurrencyMax;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** The event that began an open evaluation. */
  causeOf(id: EvaluationId): CrucibleEvent | undefined {
    return this.#entries.get(id)?.cause;
  }

  submissionOf(id: EvaluationId): Submission | undefined {
    return this.#entries.get(id)?.submission;
  }

  /** Last position on an open evaluation's own subject; 0 when it is not open. */
  sequenceOf(id: EvaluationId): number {
    return this.#entries.get(id)?.sequence ?? 0;
  }

  isCancelling(id: EvaluationId): boolean {
    return this.#entries.get(id)?.status === 'cancelling';
  }

  /** Trials that are dispatched and not taken, with the position of their event: what the work queue should hold. */
  *awaitingExecutor(): Generator<{
    readonly evaluationId: EvaluationId;
    readonly trialId: TrialId;
    readonly position: number;
  }> {
    for (const [evaluationId, { open }] of this.#entries) {
      for (const [trialId, trial] of open) {
        if (trial.status === 'dispatched') yield { evaluationId, trialId, position: trial.position };
      }
    }
  }

  apply({ event, position }: Positioned): void {
    if (isEvaluationEvent(event)) this.#applyEvaluation(event, position);
    else if (isTrialEvent(event)) this.#applyTrial(event, position);
    else if (event.type === 'crucible.trial.pause-carried.v1') this.#applyCarried(event.data, position);
    else if (event.type === 'crucible.trial.budget-reached.v1') this.#applyBudget(event.data);
    else if (isStopEvent(event)) this.#stops = evolveStops(this.#stops, event);
  }

  #applyEvaluation(event: EvaluationEvent, position: number): void {
    const { evaluationId } = event.data;
    const entry = this.#entries.get(evaluationId);
    if (event.type === 'crucible.evaluation.submitted.v2') {
      if (entry !== undefined) return;
      this.#entries.set(evaluationId, {
        submission: event.data,
        cause: event,
        status: 'submitted',
        concurrency: event.data.concurrencyMax,
        usedUp: null,
        sequence: position,
        begun: 0,
        open: new Map(),
        retries: [],
        tally: emptyTally(),
      });
      return;
    }
    if (entry === undefined || position <= entry.sequence) return;
    entry.sequence = position;
    switch (event.type) {
      case 'crucible.evaluation.admitted.v1':
        if (entry.status === 'submitted') entry.status = 'running';
        entry.concurrency = event.data.concurrency;
        return;
      case 'crucible.evaluation.cancel-requested.v1':
        entry.status = 'cancelling';
        return;
      case 'crucible.evaluation.completed.v1':
        this.#inFlight -= entry.open.size;
        this.#entries.delete(evaluationId);
        return;
      default:
        unreachable(event);
    }
  }

  #applyTrial(event: TrialEvent, position: number): void {
    const entry = this.#entries.get(event.data.evaluationId);
    if (entry === undefined) return;
    if (event.type === 'crucible.trial.dispatched.v1') return this.#begin(entry, event.data, position);
    const trial = entry.open.get(event.data.trialId);
    if (trial === undefined || position <= trial.position) return;
    switch (event.type) {
      case 'crucible.trial.started.v2':
        entry.open.set(event.data.trialId, { ...trial, status: 'running', position, sequence: position });
        return;
      case 'crucible.trial.withdrawn.v1':
        entry.tally.withdrawn += 1;
        break;
      case 'crucible.trial.finished.v2':
        this.#finish(entry, trial.place, event);
        break;
      default:
        unreachable(event);
    }
    entry.open.delete(event.data.trialId);
    this.#inFlight -= 1;
  }

  /** The one thing that is told of a trial before it begins: whoever withdraws it has to stand behind that. */
  #applyCarried({ evaluationId, trialId }: EventData<'crucible.trial.pause-carried.v1'>, position: number): void {
    const open = this.#entries.get(evaluationId)?.open;
    const trial = open?.get(trialId);
    if (trial === undefined || position <= trial.sequence) return;
    open?.set(trialId, { ...trial, sequence: position });
  }

  /** What a call of one trial found used up, the next trial would come to find so as well, at the price of a sandbox. */
  #applyBudget(reached: EventData<'crucible.trial.budget-reached.v1'>): void {
    const entry = this.#entries.get(reached.evaluationId);
    if (entry === undefined || reached.scope === 'trial') return;
    entry.usedUp ??= `it did not begin: ${budgetReachedText(reached)}`;
  }

  #begin(entry: Entry, dispatch: EventData<'crucible.trial.dispatched.v1'>, position: number): void {
    const { sampleIndex, epoch, attempt } = dispatch;
    // A repeat finds its place begun or its retry gone: it must not open the trial a second time.
    if (attempt === 1) {
      const begun = (epoch - 1) * entry.submission.samples + sampleIndex + 1;
      if (begun <= entry.begun) return;
      entry.begun = begun;
    } else {
      const others = entry.retries.filter(
        ({ place }) => place.sampleIndex !== sampleIndex || place.epoch !== epoch || place.attempt !== attempt,
      );
      if (others.length === entry.retries.length) return;
      entry.retries = others;
    }
    const place = { sampleIndex, epoch, attempt };
    entry.open.set(dispatch.trialId, { place, status: 'dispatched', position, sequence: position });
    this.#inFlight += 1;
  }

  #finish(entry: Entry, place: TrialPlace, event: Extract<TrialEvent, { type: 'crucible.trial.finished.v2' }>): void {
    const { data } = event;
    if (deservesRetry(data, place.attempt, entry.submission.attemptsMax)) {
      const next = { ...place, attempt: place.attempt + 1 };
      entry.retries.push({ place: next, dueMs: Date.parse(event.time) + retryDelayMs(next.attempt) });
      return;
    }
    entry.tally[data.outcome] += 1;
    const score = data.outcome === 'errored' ? null : trialScore(data.scores);
    if (score === null) return;
    entry.tally.scoreSum += score;
    entry.tally.scored += 1;
  }

  /**
   * The next thing to write, or null when there is nothing to do before an event or `nextDueMs`.
   * @param passOver evaluations for which nothing can be written just now; those behind them go on
   */
  next(nowMs: number, passOver: (id: EvaluationId) => boolean = () => false): ScheduleAction | null {
    for (const [evaluationId, entry] of this.#entries) {
      if (passOver(evaluationId)) continue;
      const action = this.#settle(evaluationId, entry);
      if (action !== null) return action;
    }
    if (this.#inFlight - this.#held() >= this.#concurrencyMax) return null;
    // Oldest submission first: an evaluation yields to the one behind it where it is at its own limit, or stopped.
    for (const [evaluationId, entry] of this.#entries) {
      if (!beginsMore(entry) || entry.open.size >= entry.concurrency || passOver(evaluationId)) continue;
      if (this.#isStopped(evaluationId, entry)) continue;
      const place = this.#nextPlace(entry, nowMs);
      if (place !== null) return { type: 'dispatch', evaluationId, place };
    }
    return null;
  }

  /** When the next retry falls due, in milliseconds since 1970; null when none will. One that is due waits for room, not for time. */
  nextDueMs(nowMs: number): number | null {
    let earliest: number | null = null;
    for (const [evaluationId, entry] of this.#entries) {
      if (!beginsMore(entry) || this.#isStopped(evaluationId, entry)) continue;
      for (const retry of entry.retries) {
        if (!isDue(retry, nowMs)) earliest = earliest === null ? retry.dueMs : Math.min(earliest, retry.dueMs);
      }
    }
    return earliest;
  }

  #isStopped(evaluationId: EvaluationId, { cause }: Entry): boolean {
    return stopOf(this.#stops, { evaluationId, team: cause.team }) !== undefined;
  }

  /** Dispatched trials that no executor takes while a stop is in force: they take no room from those that may run. */
  #held(): number {
    if (this.#stops.size === 0) return 0;
    let held = 0;
    for (const [evaluationId, entry] of this.#entries) {
      if (!this.#isStopped(evaluationId, entry)) continue;
      for (const { status } of entry.open.values()) if (status === 'dispatched') held += 1;
    }
    return held;
  }

  #settle(evaluationId: EvaluationId, entry: Entry): ScheduleAction | null {
    const expectedSequence = entry.sequence;
    if (entry.status === 'submitted') {
      const concurrency = Math.min(entry.submission.concurrencyMax, this.#concurrencyMax);
      return { type: 'admit', evaluationId, concurrency, expectedSequence };
    }
    if (!beginsMore(entry)) {
      const reason = entry.usedUp ?? CANCELLED;
      for (const [trialId, trial] of entry.open) {
        if (trial.status === 'dispatched')
          return { type: 'withdraw', evaluationId, trialId, reason, expectedSequence: trial.sequence };
      }
    }
    const total = entry.submission.samples * entry.submission.epochs;
    const nothingMore = !beginsMore(entry) || (entry.begun >= total && entry.retries.length === 0);
    if (!nothingMore || entry.open.size > 0) return null;
    return { type: 'complete', evaluationId, completion: completionOf(entry, total), expectedSequence };
  }

  #nextPlace(entry: Entry, nowMs: number): TrialPlace | null {
    const due = entry.retries.find((retry) => isDue(retry, nowMs));
    if (due !== undefined) return due.place;
    const { samples, epochs } = entry.submission;
    if (entry.begun >= samples * epochs) return null;
    return { sampleIndex: entry.begun % samples, epoch: Math.floor(entry.begun / samples) + 1, attempt: 1 };
  }
}

/** A wait longer than there is was reckoned by an executor whose clock is wrong: it is not waited for. */
const isDue = ({ dueMs }: Retry, nowMs: number): boolean => dueMs <= nowMs || dueMs > nowMs + retryDelayMsMax;

const completionOf = ({ tally, retries }: Entry, total: number): Omit<Completion, 'evaluationId' | 'status'> => {
  const { passed, failed } = tally;
  const errored = tally.errored + retries.length;
  return {
    // Whatever never began counts as withdrawn, so that the numbers add up to the total.
    trials: { total, passed, failed, errored, withdrawn: total - passed - failed - errored },
    score: tally.scored === 0 ? null : tally.scoreSum / tally.scored,
  };
};
