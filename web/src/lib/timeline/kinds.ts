import { budgetReachedText } from '@crucible/domain';
import type { EventType } from '@crucible/events';
import { displayableLine } from '@crucible/events';
import { counted, duration, score } from '../format.ts';
import { reasonNames } from '../words.ts';
import type { HistoryEntry } from './history.ts';

/** What an event means to a reader of the timeline: its lane, its colour, its word. */
export const kinds = [
  'submitted',
  'admitted',
  'cancel',
  'completed',
  'dispatched',
  'withdrawn',
  'started',
  'passed',
  'failed',
  'errored',
  'alert',
  'killed',
  'model',
  'tool',
  'approval',
  'command',
  'erased',
  'other',
] as const;
export type Kind = (typeof kinds)[number];

export const lanes = ['Evaluation', 'Dispatched', 'Running', 'Finished'] as const;

export const laneOf: Readonly<Record<Kind, number>> = {
  submitted: 0,
  admitted: 0,
  cancel: 0,
  completed: 0,
  erased: 0,
  alert: 2,
  killed: 2,
  model: 2,
  tool: 2,
  approval: 2,
  command: 2,
  other: 0,
  dispatched: 1,
  withdrawn: 1,
  started: 2,
  passed: 3,
  failed: 3,
  errored: 3,
};

export const kindNames: Readonly<Record<Kind, string>> = {
  submitted: 'Submitted',
  admitted: 'Admitted',
  cancel: 'Cancel asked',
  completed: 'Completed',
  dispatched: 'Dispatched',
  withdrawn: 'Withdrawn',
  started: 'Started',
  passed: 'Passed',
  failed: 'Failed',
  errored: 'Errored',
  alert: 'Alert',
  killed: 'Killed from outside',
  model: 'Model called',
  tool: 'Tool called',
  approval: 'Approval',
  command: 'Said by a person',
  erased: 'Evidence erased',
  other: 'Other',
};

const byType: Partial<Record<EventType, Kind>> = {
  'crucible.evaluation.submitted.v2': 'submitted',
  'crucible.evaluation.admitted.v1': 'admitted',
  'crucible.evaluation.cancel-requested.v1': 'cancel',
  'crucible.evaluation.completed.v1': 'completed',
  'crucible.trial.dispatched.v1': 'dispatched',
  'crucible.trial.withdrawn.v1': 'withdrawn',
  'crucible.trial.started.v2': 'started',
  'crucible.alert.raised.v1': 'alert',
  'crucible.alert.acknowledged.v1': 'alert',
  'crucible.sandbox.kill-confirmed.v1': 'killed',
  'crucible.trial.model-called.v2': 'model',
  'crucible.trial.tool-called.v1': 'tool',
  'crucible.trial.approval-requested.v1': 'approval',
  'crucible.trial.approval-decided.v1': 'approval',
  'crucible.trial.budget-reached.v1': 'withdrawn',
  'crucible.trial.pause-requested.v1': 'command',
  'crucible.trial.pause-carried.v1': 'command',
  'crucible.trial.paused.v1': 'command',
  'crucible.trial.resumed.v1': 'command',
  'crucible.trial.message-sent.v1': 'command',
  'crucible.trial.termination-requested.v1': 'command',
  'crucible.evidence.erase-requested.v1': 'erased',
  'crucible.evidence.erased.v1': 'erased',
};

export const kindOf = ({ event }: HistoryEntry): Kind => {
  if (event === null) return 'other';
  if (event.type === 'crucible.trial.finished.v2') return event.data.outcome;
  return byType[event.type] ?? 'other';
};

/** What the event is about, in a few words: the trial and how it went, or what was decided. Hostile text is made harmless. */
export const aboutOf = ({ event }: HistoryEntry): string => {
  if (event === null) return 'cannot be read';
  switch (event.type) {
    case 'crucible.evaluation.submitted.v2':
      return `${counted(event.data.samples * event.data.epochs, 'trial')} by ${displayableLine(event.actor, 60)}`;
    case 'crucible.evaluation.admitted.v1':
      return `${event.data.concurrency} at once`;
    case 'crucible.evaluation.cancel-requested.v1':
      return displayableLine(event.data.reason, 100);
    case 'crucible.evaluation.completed.v1':
      return event.data.score === null ? event.data.status : `${event.data.status}, score ${score(event.data.score)}`;
    case 'crucible.trial.finished.v2':
      return `${event.data.trialId} · ${reasonNames[event.data.reason].toLowerCase()}`;
    case 'crucible.alert.raised.v1':
      return `${event.data.trialId} · ${event.data.severity}: ${displayableLine(event.data.rule.title, 80)}`;
    case 'crucible.alert.acknowledged.v1':
      return `${event.data.trialId} · acknowledged by ${displayableLine(event.actor, 60)}`;
    case 'crucible.sandbox.kill-confirmed.v1':
      return `${event.data.trialId} · ${event.data.gone ? 'gone' : 'not gone'} after ${duration(event.data.latencyMs)}`;
    case 'crucible.trial.model-called.v2':
      return `${event.data.trialId} · ${displayableLine(event.data.model, 60)} after ${duration(event.data.latencyMs)}`;
    case 'crucible.trial.tool-called.v1':
      return `${event.data.trialId} · ${displayableLine(event.data.tool, 60)}: ${event.data.status}`;
    case 'crucible.trial.approval-requested.v1':
      return `${event.data.trialId} · ${displayableLine(event.data.tool, 60)} waits for approval`;
    case 'crucible.trial.approval-decided.v1':
      return `${event.data.trialId} · ${event.data.decision.kind}`;
    case 'crucible.trial.budget-reached.v1':
      return `${event.data.trialId} · ${budgetReachedText(event.data)}`;
    case 'crucible.trial.dispatched.v1':
      return `${event.data.trialId} · ${displayableLine(event.data.sampleId, 60)}`;
    default:
      return 'trialId' in event.data && event.data.trialId !== null ? event.data.trialId : event.type;
  }
};

/** Milliseconds since 1970, never before `lastMs`; an event that cannot be read counts as at the time of the one before it. */
export const timeOf = ({ event }: HistoryEntry, lastMs: number): number =>
  event === null ? lastMs : Math.max(lastMs, Date.parse(event.time));
