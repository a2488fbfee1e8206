import type { EventSummary } from '@crucible/api';
import { budgetReachedText } from '@crucible/domain';
import type { CrucibleEvent } from '@crucible/events';
import { pc } from '../colours.ts';
import { shortId } from './evaluations.ts';
import type { PastEvent } from './past.ts';
import type { Column } from './table.ts';
import { duration, pad, paint, safe, scoreText } from './text.ts';

/** `crucible.trial.finished.v2` as people say it: `trial.finished`. Whatever it was written as, it is read as the newest. */
export const shortType = (type: string): string => safe(type, 100).replace(/^crucible\.(.+?)(\.v\d+)?$/, '$1');

const milliseconds = (ms: number): string => duration(Math.round(ms));

/** What is said of safety: alerts, stops and kills. Texts in them were chosen by guests and people. */
const safetyDetailOf = (event: CrucibleEvent): string => {
  switch (event.type) {
    case 'crucible.alert.raised.v1': {
      const { trialId, severity, rule, summary } = event.data;
      return `${trialId}  ${severity}: ${safe(rule.id, 60)}, ${safe(summary, 120)}`;
    }
    case 'crucible.alert.acknowledged.v1':
      return `${event.data.trialId}  ${safe(event.data.note, 120)}`;
    case 'crucible.sandbox.kill-confirmed.v1': {
      const { trialId, cause, gone, latencyMs } = event.data;
      return `${trialId}  ${cause}, ${gone ? 'gone' : 'NOT GONE'} after ${milliseconds(latencyMs)}`;
    }
    case 'crucible.stop.engaged.v1': {
      const { scope, reason } = event.data;
      const whom =
        scope.kind === 'platform' ? '' : ` ${safe(scope.kind === 'team' ? scope.team : scope.evaluationId, 60)}`;
      return `${scope.kind}${whom}: ${safe(reason, 120)}`;
    }
    case 'crucible.stop.released.v1':
      return safe(event.data.reason, 120);
    case 'crucible.stop.applied.v1': {
      const { executorId, killed, unconfirmed, latencyMs } = event.data;
      const left = unconfirmed === 0 ? '' : `, ${unconfirmed} NOT GONE`;
      return `${safe(executorId, 60)} killed ${killed}${left} in ${milliseconds(latencyMs)}`;
    }
    case 'crucible.executor.health-changed.v1':
      return `${safe(event.data.executorId, 60)} ${event.data.healthy ? 'healthy' : safe(event.data.problem ?? 'unhealthy', 120)}`;
    case 'crucible.executor.reaped.v2':
      return `${safe(event.data.executorId, 60)} removed ${event.data.items.length + event.data.more}`;
    case 'crucible.executor.models-loaded.v1':
      return `${safe(event.data.executorId, 60)} ${event.data.models.length + event.data.more} models`;
    case 'crucible.executor.images-loaded.v1':
      return `${safe(event.data.executorId, 60)} ${event.data.images.length + event.data.more} images`;
    case 'crucible.executor.rules-loaded.v1':
      return `${safe(event.data.executorId, 60)} ${event.data.rules.length} rules`;
    default:
      return '';
  }
};

const dollars = (microUsd: number | null): string =>
  microUsd === null ? '' : `, $${(microUsd / 1_000_000).toFixed(4)}`;
const tokens = (count: number | null): string => (count === null ? '?' : String(count));

/** What is said of a conversation and by people to it. Tools and arguments were chosen by a model. */
const turnDetailOf = (event: CrucibleEvent): string => {
  switch (event.type) {
    case 'crucible.trial.model-called.v2': {
      const { trialId, model, result, usage, costMicroUsd, latencyMs } = event.data;
      const how = result.status === 'replied' ? result.finishReason : `FAILED: ${result.failure}`;
      const used = `${tokens(usage.inputTokens)} in, ${tokens(usage.outputTokens)} out${dollars(costMicroUsd)}`;
      return `${trialId}  ${safe(model, 60)} ${how}, ${used}, ${milliseconds(latencyMs)}`;
    }
    case 'crucible.trial.tool-called.v1': {
      const { trialId, tool, status, durationMs } = event.data;
      return `${trialId}  ${safe(tool, 60)} ${status}, ${milliseconds(durationMs)}`;
    }
    case 'crucible.trial.approval-requested.v1':
      return `${event.data.trialId}  ${safe(event.data.tool, 60)} waits: ${safe(event.data.excerpt, 120)}`;
    case 'crucible.trial.approval-decided.v1':
      return `${event.data.trialId}  ${event.data.decision.kind} ${safe(event.data.reason, 120)}`;
    case 'crucible.trial.pause-requested.v1':
    case 'crucible.trial.resumed.v1':
    case 'crucible.trial.termination-requested.v1':
      return `${event.data.trialId}  ${safe(event.data.reason, 120)}`;
    case 'crucible.trial.budget-reached.v1':
      return `${event.data.trialId}  ${budgetReachedText(event.data)}`;
    case 'crucible.trial.pause-carried.v1':
      return `${event.data.trialId}  as ${event.data.fromTrialId} was, which is lost`;
    case 'crucible.trial.paused.v1':
      return `${event.data.trialId}  before turn ${event.data.turn}`;
    case 'crucible.trial.message-sent.v1':
      return `${event.data.trialId}  ${safe(event.data.content, 120)}`;
    default:
      return safetyDetailOf(event);
  }
};

/** What an event says, in few words. Everything from outside is made harmless. */
export const detailOf = (event: CrucibleEvent): string => {
  switch (event.type) {
    case 'crucible.evaluation.submitted.v2': {
      const { suite, subject, samples, epochs } = event.data;
      const whom = subject.kind === 'program' ? '' : ` against ${safe(subject.model, 60)}`;
      return `${safe(suite.name, 64)} ${safe(suite.version, 20)}${whom}: ${samples * epochs} trials`;
    }
    case 'crucible.evaluation.admitted.v1':
      return `${event.data.concurrency} at once`;
    case 'crucible.evaluation.cancel-requested.v1':
      return safe(event.data.reason, 120);
    case 'crucible.evaluation.completed.v1': {
      const { status, trials, score } = event.data;
      return `${paint(status)}, ${trials.passed} of ${trials.total} passed, score ${scoreText(score)}`;
    }
    case 'crucible.trial.dispatched.v1': {
      const { trialId, sampleId, attempt } = event.data;
      return `${trialId}  ${safe(sampleId, 60)}${attempt > 1 ? ` (attempt ${attempt})` : ''}`;
    }
    case 'crucible.trial.started.v2':
      return `${event.data.trialId}  on ${safe(event.data.executorId, 60)}`;
    case 'crucible.trial.finished.v2': {
      const { trialId, outcome, reason, verdict, durationMs } = event.data;
      return `${trialId}  ${paint(outcome)} by ${reason}, ${paint(verdict)}, ${duration(durationMs)}`;
    }
    case 'crucible.trial.withdrawn.v1':
      return `${event.data.trialId}  ${safe(event.data.reason, 120)}`;
    default:
      return turnDetailOf(event);
  }
};

/** `12:03:04.123` in UTC, as the log has it. */
const timeOfDay = (iso: string): string => safe(iso, 24).slice(11, 23);

const POSITION_COLUMNS = 7;
const TYPE_COLUMNS = 28;

/** One event of a past, in one line. */
export const eventLine = ({ position, event }: PastEvent): string => {
  const place = String(position).padStart(POSITION_COLUMNS);
  if (event === null) return `${place}  ${pc.yellow('the bytes at this position are no event we know')}`;
  const type = shortType(event.type).padEnd(TYPE_COLUMNS);
  return `${place}  ${pc.dim(timeOfDay(event.time))}  ${type} ${detailOf(event)}`.trimEnd();
};

export const summaryColumns: readonly Column<EventSummary>[] = [
  { title: 'position', text: ({ position }) => String(position), align: 'right' },
  { title: 'time', text: ({ time }) => (time === null ? '' : safe(time, 30)), dropOrder: 2 },
  {
    title: 'type',
    text: ({ type }) => (type === null ? 'unreadable' : shortType(type)),
    paint: (text, { type }) => (type === null ? pc.yellow(text) : text),
  },
  { title: 'evaluation', text: ({ evaluationId }) => (evaluationId === null ? '' : shortId(evaluationId)) },
  { title: 'trial', text: ({ trialId }) => trialId ?? '', dropOrder: 1 },
  { title: 'actor', text: ({ actor }) => (actor === null ? '' : safe(actor, 60)), dropOrder: 3 },
];

const followColumns = [
  ['position', 8],
  ['time', 24],
  ['type', 30],
  ['evaluation', 13],
  ['trial', 9],
  ['actor', 0],
] as const;

/** The same as one line of fixed columns, for lists whose next lines are not known yet. Without an event: their titles. */
export const followLine = (event?: EventSummary): string => {
  const cells = followColumns.map(([title, width]) => {
    const text = event === undefined ? title : (summaryColumns.find((each) => each.title === title)?.text(event) ?? '');
    return pad(text, width, title === 'position' ? 'right' : 'left');
  });
  const line = cells.join('  ').trimEnd();
  return event === undefined ? pc.dim(line) : event.type === null ? pc.yellow(line) : line;
};
