import { noUsage, trialIdSchema } from '@crucible/events';
import type { CrucibleEvent, EvaluationId, EventData, TrialId } from '@crucible/events';
import { unreachable } from '../decision.ts';
import { isEvaluationEvent } from '../evaluation/evaluation.ts';
import type { EvaluationEvent } from '../evaluation/evaluation.ts';
import { isTrialEvent } from '../trial/trial.ts';
import type { TrialEvent } from '../trial/trial.ts';
import { isTurnEvent, usageAfter } from '../trial/turns.ts';
import type { TurnEvent } from '../trial/turns.ts';
import { onTurn } from './reduce-turn.ts';
import { noAlerts } from './views.ts';
import type { EvaluationView, TrialCounts, TrialView } from './views.ts';

/** One event with its place in the log. `position` is the stream sequence. */
export interface Positioned<E extends CrucibleEvent = CrucibleEvent> {
  readonly position: number;
  readonly event: E;
}

/** What a trial's watchers say about it, on its subject: it moves the trial nowhere. */
export type WatchEvent = Extract<
  CrucibleEvent,
  { type: 'crucible.alert.raised.v1' | 'crucible.sandbox.kill-confirmed.v1' }
>;
const isWatchEvent = (event: CrucibleEvent): event is WatchEvent =>
  event.type === 'crucible.alert.raised.v1' || event.type === 'crucible.sandbox.kill-confirmed.v1';

/** Everything that stands on a trial's subjects, and so may change its view. */
export type OfTrial = TrialEvent | TurnEvent | WatchEvent;
export const isOfTrial = (event: CrucibleEvent): event is OfTrial =>
  isTrialEvent(event) || isTurnEvent(event) || isWatchEvent(event);

/** The evaluation an event is about, or null for platform events. What is about it need not change its view. */
export const evaluationOf = (event: CrucibleEvent): EvaluationId | null =>
  isEvaluationEvent(event) || isOfTrial(event) || event.type === 'crucible.alert.acknowledged.v1'
    ? event.data.evaluationId
    : null;

/** One trial from one number to another. What was never counted (its event could not be read) cannot be moved. */
const move = (counts: TrialCounts, from: keyof TrialCounts, to: keyof TrialCounts): TrialCounts =>
  counts[from] === 0 ? counts : { ...counts, [from]: counts[from] - 1, [to]: counts[to] + 1 };

const beginEvaluation = (
  event: Extract<CrucibleEvent, { type: 'crucible.evaluation.submitted.v2' }>,
  position: number,
): EvaluationView => {
  const { data } = event;
  const total = data.samples * data.epochs;
  const { name, version, title, digest, capability } = data.suite;
  return {
    id: data.evaluationId,
    team: event.team,
    submittedBy: event.actor,
    suite: { name, version, title, digest, capability },
    subject: data.subject,
    budget: data.budget,
    epochReducer: data.epochReducer,
    status: 'submitted',
    samples: data.samples,
    epochs: data.epochs,
    concurrency: data.concurrencyMax,
    trials: { total, waiting: total, dispatched: 0, running: 0, passed: 0, failed: 0, errored: 0, withdrawn: 0 },
    verdicts: { contained: 0, attempted: 0, breached: 0, unknown: 0 },
    alerts: noAlerts,
    usage: noUsage,
    looserProfile: false,
    score: null,
    submittedAt: event.time,
    startedAt: null,
    endedAt: null,
    cancelReason: null,
    budgetReached: null,
    position,
  };
};

const onEvaluationEvent = (view: EvaluationView, event: EvaluationEvent): EvaluationView => {
  switch (event.type) {
    case 'crucible.evaluation.submitted.v2':
      return view;
    case 'crucible.evaluation.admitted.v1':
      return { ...view, status: 'running', concurrency: event.data.concurrency };
    case 'crucible.evaluation.cancel-requested.v1':
      return { ...view, status: 'cancelling', cancelReason: event.data.reason };
    case 'crucible.evaluation.completed.v1': {
      const { status, score, trials } = event.data;
      return {
        ...view,
        status,
        score,
        trials: { waiting: 0, dispatched: 0, running: 0, ...trials },
        endedAt: event.time,
      };
    }
    default:
      return unreachable(event);
  }
};

/** Safety findings count also when an evaluation has ended: nothing that was seen is left out. */
const onWatchEvent = (view: EvaluationView, event: WatchEvent): EvaluationView => {
  if (event.type === 'crucible.sandbox.kill-confirmed.v1') return view;
  const { severity } = event.data;
  return { ...view, alerts: { ...view.alerts, [severity]: view.alerts[severity] + 1 } };
};

/** A trial's own budget ends it alone; the first of the wider ones ends the evaluation. */
const onBudgetReached = (
  view: EvaluationView,
  { scope, kind, limit, spent, asked }: EventData<'crucible.trial.budget-reached.v1'>,
): EvaluationView =>
  scope === 'trial' || view.budgetReached !== null || view.endedAt !== null
    ? view
    : { ...view, budgetReached: { scope, kind, limit, spent, asked } };

const isLooser = ({ data }: Extract<CrucibleEvent, { type: 'crucible.trial.started.v2' }>): boolean =>
  (data.profile?.looserThanStrict.length ?? 0) > 0;

/** What holds whenever it is told, also of a trial that ends after its evaluation. */
const withFacts = (view: EvaluationView, event: TrialEvent): EvaluationView => {
  if (event.type === 'crucible.trial.started.v2' && isLooser(event) && !view.looserProfile)
    return { ...view, looserProfile: true };
  const workingMs = event.type === 'crucible.trial.finished.v2' ? (event.data.usage?.workingMs ?? 0) : 0;
  if (workingMs === 0) return view;
  return { ...view, usage: { ...view.usage, workingMs: view.usage.workingMs + workingMs } };
};

const onTrialEvent = (before: EvaluationView, event: TrialEvent): EvaluationView => {
  const view = withFacts(before, event);
  // The totals of an ended evaluation are recorded facts; a trial that two schedulers raced for changes them no more.
  if (view.endedAt !== null) return view;
  switch (event.type) {
    case 'crucible.trial.dispatched.v1': {
      // A later attempt takes the place of the errored one before it, so the numbers still add up.
      const from = event.data.attempt === 1 ? 'waiting' : 'errored';
      return { ...view, trials: move(view.trials, from, 'dispatched') };
    }
    case 'crucible.trial.withdrawn.v1':
      return { ...view, trials: move(view.trials, 'dispatched', 'withdrawn') };
    case 'crucible.trial.started.v2':
      return { ...view, startedAt: view.startedAt ?? event.time, trials: move(view.trials, 'dispatched', 'running') };
    case 'crucible.trial.finished.v2': {
      const { outcome, verdict } = event.data;
      const verdicts = { ...view.verdicts, [verdict]: view.verdicts[verdict] + 1 };
      return { ...view, verdicts, trials: move(view.trials, 'running', outcome) };
    }
    default:
      return unreachable(event);
  }
};

/** An evaluation's view after one event. Events at or before the view's position change nothing, so repeats are harmless. */
export const reduceEvaluation = (
  view: EvaluationView | undefined,
  { event, position }: Positioned,
): EvaluationView | undefined => {
  if (view === undefined) {
    return event.type === 'crucible.evaluation.submitted.v2' ? beginEvaluation(event, position) : undefined;
  }
  if (position <= view.position) return view;
  if (isEvaluationEvent(event)) return { ...onEvaluationEvent(view, event), position };
  if (isTrialEvent(event)) return { ...onTrialEvent(view, event), position };
  if (event.type === 'crucible.trial.budget-reached.v1') return { ...onBudgetReached(view, event.data), position };
  // What was used was used, also when it is told of a trial that an evaluation did not wait for.
  if (isTurnEvent(event)) return { ...view, usage: usageAfter(view.usage, event), position };
  if (isWatchEvent(event)) return { ...onWatchEvent(view, event), position };
  return view;
};

const beginTrial = (
  event: Extract<CrucibleEvent, { type: 'crucible.trial.dispatched.v1' }>,
  position: number,
): TrialView => ({
  evaluationId: event.data.evaluationId,
  id: event.data.trialId,
  sampleId: event.data.sampleId,
  sampleIndex: event.data.sampleIndex,
  epoch: event.data.epoch,
  attempt: event.data.attempt,
  status: 'dispatched',
  latest: true,
  executorId: null,
  limits: null,
  kernelObserved: null,
  sandboxId: null,
  origin: null,
  profile: null,
  preflight: null,
  alerts: noAlerts,
  usage: noUsage,
  turn: 0,
  pause: null,
  approvals: [],
  answer: null,
  kill: null,
  outcome: null,
  reason: null,
  exitCode: null,
  signal: null,
  verdict: null,
  findings: [],
  limitsHit: [],
  scores: [],
  evidence: [],
  error: null,
  memoryBytesPeak: null,
  durationMs: null,
  dispatchedAt: event.time,
  startedAt: null,
  finishedAt: null,
  position,
});

/** A trial's view after one event of that trial. */
export const reduceTrial = (
  view: TrialView | undefined,
  { event, position }: Positioned<OfTrial>,
): TrialView | undefined => {
  if (view === undefined)
    return event.type === 'crucible.trial.dispatched.v1' ? beginTrial(event, position) : undefined;
  if (position <= view.position) return view;
  if (isTurnEvent(event)) return { ...onTurn(view, event), position };
  switch (event.type) {
    case 'crucible.trial.dispatched.v1':
      return view;
    case 'crucible.trial.withdrawn.v1':
      return { ...view, status: 'withdrawn', pause: null, error: event.data.reason, finishedAt: event.time, position };
    case 'crucible.trial.started.v2': {
      const { executorId, limits, kernelObserved, sandboxId, origin, profile, preflight } = event.data;
      const sandbox = { limits, kernelObserved, sandboxId, origin, profile, preflight };
      return { ...view, status: 'running', executorId, ...sandbox, startedAt: event.time, position };
    }
    case 'crucible.trial.finished.v2': {
      const { evaluationId: _, trialId: __, usage, ...result } = event.data;
      // Where its executor was lost with the count, what was told call by call stands.
      const over = { usage: usage ?? view.usage, pause: null, approvals: [] };
      return { ...view, ...result, ...over, status: 'finished', finishedAt: event.time, position };
    }
    case 'crucible.alert.raised.v1': {
      const { severity } = event.data;
      return { ...view, alerts: { ...view.alerts, [severity]: view.alerts[severity] + 1 }, position };
    }
    case 'crucible.sandbox.kill-confirmed.v1': {
      const { cause, stopId, latencyMs, method, gone } = event.data;
      return { ...view, kill: { cause, stopId, latencyMs, method, gone }, position };
    }
    default:
      return unreachable(event);
  }
};

/** The trial that an event of a later attempt supersedes, if any. */
export const supersededBy = (event: CrucibleEvent): TrialId | null => {
  if (event.type !== 'crucible.trial.dispatched.v1' || event.data.attempt === 1) return null;
  const { sampleIndex, epoch, attempt } = event.data;
  // A place no trial id can name supersedes nothing: a reducer cannot refuse what is in the log.
  return trialIdSchema.safeParse(`${sampleIndex}-${epoch}-${attempt - 1}`).data ?? null;
};
