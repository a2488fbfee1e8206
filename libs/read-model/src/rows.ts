import type { CallView, DeadLetter, LoadedImages, LoadedModels, LoadedRules } from '@crucible/api';
import type { AlertView, TrialView } from '@crucible/domain';
import type { StopScope } from '@crucible/events';
import type { Fold, Held, HeldEvaluation, HeldStop } from './fold.ts';
import type { LoggedRow } from './logged.ts';
import type { ExecutorView, Tables } from './tables.ts';
import { textColumn } from './text-column.ts';

export type ColumnType = 'uuid' | 'text' | 'bigint' | 'boolean' | 'json' | 'text[]';
export type Value = string | number | boolean | null | readonly string[];
export type Row = readonly Value[];

/** How rows of one table are written. Columns are in the order of a row's values. */
export interface TableShape {
  readonly name: Exclude<keyof Tables, 'projection'>;
  readonly columns: Readonly<Record<string, ColumnType>>;
  readonly key: readonly string[];
  /** What a later write of the same row changes; none: the first write stays. */
  readonly changing: readonly string[];
}

export const shapes = {
  evaluation: {
    name: 'evaluation',
    columns: {
      id: 'uuid',
      team: 'text',
      status: 'text',
      suite_name: 'text',
      subject_kind: 'text',
      subject_model: 'text',
      submitted_position: 'bigint',
      position: 'bigint',
      view: 'json',
    },
    key: ['id'],
    changing: ['status', 'position', 'view'],
  },
  trial: {
    name: 'trial',
    columns: {
      evaluation_id: 'uuid',
      id: 'text',
      sample_index: 'bigint',
      epoch: 'bigint',
      attempt: 'bigint',
      status: 'text',
      latest: 'boolean',
      outcome: 'text',
      reason: 'text',
      verdict: 'text',
      limits_hit: 'text[]',
      approvals_waiting: 'bigint',
      looser_profile: 'boolean',
      position: 'bigint',
      view: 'json',
    },
    key: ['evaluation_id', 'id'],
    changing: [
      'status',
      'latest',
      'outcome',
      'reason',
      'verdict',
      'limits_hit',
      'approvals_waiting',
      'looser_profile',
      'position',
      'view',
    ],
  },
  trial_call: {
    name: 'trial_call',
    columns: {
      position: 'bigint',
      evaluation_id: 'uuid',
      trial_id: 'text',
      kind: 'text',
      turn: 'bigint',
      view: 'json',
    },
    key: ['position'],
    changing: [],
  },
  executor: {
    name: 'executor',
    columns: { id: 'text', position: 'bigint', view: 'json' },
    key: ['id'],
    changing: ['position', 'view'],
  },
  delivery: {
    name: 'delivery',
    columns: { id: 'uuid', succeeded: 'boolean', position: 'bigint' },
    key: ['id'],
    changing: [],
  },
  logged_event: {
    name: 'logged_event',
    columns: {
      position: 'bigint',
      id: 'uuid',
      type: 'text',
      subject: 'text',
      time: 'text',
      actor: 'text',
      team: 'text',
      evaluation_id: 'uuid',
      trial_id: 'text',
      stop_id: 'uuid',
    },
    key: ['position'],
    changing: [],
  },
  dead_letter: {
    name: 'dead_letter',
    columns: {
      id: 'uuid',
      status: 'text',
      consumer: 'text',
      recorded_position: 'bigint',
      position: 'bigint',
      view: 'json',
    },
    key: ['id'],
    changing: ['status', 'position', 'view'],
  },
  alert: {
    name: 'alert',
    columns: {
      id: 'uuid',
      team: 'text',
      evaluation_id: 'uuid',
      trial_id: 'text',
      rule_id: 'text',
      severity: 'text',
      capability: 'text',
      raised_position: 'bigint',
      acknowledged_position: 'bigint',
      position: 'bigint',
      view: 'json',
    },
    key: ['id'],
    changing: ['acknowledged_position', 'position', 'view'],
  },
  stop: {
    name: 'stop',
    columns: {
      id: 'uuid',
      teams: 'text[]',
      scope_kind: 'text',
      scope_of: 'text',
      engaged_position: 'bigint',
      released_position: 'bigint',
      position: 'bigint',
      record: 'json',
    },
    key: ['id'],
    changing: ['teams', 'scope_kind', 'scope_of', 'engaged_position', 'released_position', 'position', 'record'],
  },
  rule_set: {
    name: 'rule_set',
    columns: { executor_id: 'text', position: 'bigint', view: 'json' },
    key: ['executor_id'],
    changing: ['position', 'view'],
  },
  model_set: {
    name: 'model_set',
    columns: { executor_id: 'text', position: 'bigint', view: 'json' },
    key: ['executor_id'],
    changing: ['position', 'view'],
  },
  image_set: {
    name: 'image_set',
    columns: { executor_id: 'text', position: 'bigint', view: 'json' },
    key: ['executor_id'],
    changing: ['position', 'view'],
  },
} as const satisfies Record<string, TableShape>;

/** A list of text as Postgres writes it. Lists travel so, because an array of arrays would be a table of another shape. */
export const arrayOfText = (values: readonly string[]): string =>
  `{${values.map((value) => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join(',')}}`;

export const evaluationRow = ({ view, submittedPosition }: HeldEvaluation): Row => [
  view.id,
  textColumn(view.team),
  view.status,
  textColumn(view.suite.name),
  view.subject.kind,
  view.subject.kind === 'program' ? null : textColumn(view.subject.model),
  submittedPosition,
  view.position,
  JSON.stringify(view),
];

export const trialRow = (view: TrialView): Row => [
  view.evaluationId,
  view.id,
  view.sampleIndex,
  view.epoch,
  view.attempt,
  view.status,
  view.latest,
  view.outcome,
  view.reason,
  view.verdict,
  view.limitsHit,
  view.approvals.length,
  (view.profile?.looserThanStrict.length ?? 0) > 0,
  view.position,
  JSON.stringify(view),
];

const callRow = (view: CallView): Row => [
  view.position,
  view.evaluationId,
  view.trialId,
  view.kind,
  view.turn,
  JSON.stringify(view),
];

const executorRow = ({ view, position }: Held<ExecutorView>): Row => [view.id, position, JSON.stringify(view)];

const deadLetterRow = ({ view, position }: Held<DeadLetter>): Row => [
  view.id,
  view.status,
  textColumn(view.consumer),
  view.recordedPosition,
  position,
  JSON.stringify(view),
];

const alertRow = (view: AlertView): Row => [
  view.id,
  textColumn(view.team),
  view.evaluationId,
  view.trialId,
  textColumn(view.rule.id),
  view.severity,
  view.capability,
  view.raisedPosition,
  view.acknowledged?.position ?? null,
  view.position,
  JSON.stringify(view),
];

const scopeOf = (scope: StopScope): string | null => {
  if (scope.kind === 'platform') return null;
  return scope.kind === 'team' ? textColumn(scope.team) : scope.evaluationId;
};

const stopRow = ({ record, teams }: HeldStop): Row => [
  record.stopId,
  teams,
  record.engaged?.scope.kind ?? null,
  record.engaged === null ? null : scopeOf(record.engaged.scope),
  record.engaged?.position ?? null,
  record.released?.position ?? null,
  record.position,
  JSON.stringify(record),
];

/** Of rules, models and images alike. */
const setRow = ({ view, position }: Held<LoadedRules | LoadedModels | LoadedImages>): Row => [
  textColumn(view.executorId),
  position,
  JSON.stringify(view),
];

const loggedValues = (row: LoggedRow): Row => [
  row.position,
  row.id,
  row.type,
  row.subject,
  row.time,
  row.actor,
  row.team,
  row.evaluation_id,
  row.trial_id,
  row.stop_id,
];

/** Rows of one table, to be written. */
export interface RowsOf {
  readonly shape: TableShape;
  readonly rows: readonly Row[];
}

const present = <Key, View>(keys: Iterable<Key>, views: ReadonlyMap<Key, View>): View[] =>
  [...keys].map((key) => views.get(key)).filter((view) => view !== undefined);

/** The small tables' part of what a fold changed, and what is only ever added. */
export const otherRows = (fold: Fold): RowsOf[] => [
  { shape: shapes.executor, rows: present(fold.changed.executors, fold.executors).map(executorRow) },
  { shape: shapes.dead_letter, rows: present(fold.changed.deadLetters, fold.deadLetters).map(deadLetterRow) },
  { shape: shapes.alert, rows: present(fold.changed.alerts, fold.alerts).map(alertRow) },
  { shape: shapes.stop, rows: present(fold.changed.stops, fold.stops).map(stopRow) },
  { shape: shapes.rule_set, rows: present(fold.changed.ruleSets, fold.ruleSets).map(setRow) },
  { shape: shapes.model_set, rows: present(fold.changed.modelSets, fold.modelSets).map(setRow) },
  { shape: shapes.image_set, rows: present(fold.changed.imageSets, fold.imageSets).map(setRow) },
  { shape: shapes.delivery, rows: fold.deliveries.map(({ id, succeeded, position }) => [id, succeeded, position]) },
  { shape: shapes.trial_call, rows: fold.calls.map(callRow) },
  { shape: shapes.logged_event, rows: fold.logged.map(loggedValues) },
];

/** Every row that a fold changed, each once. */
export const changedRows = (fold: Fold): RowsOf[] => [
  { shape: shapes.evaluation, rows: present(fold.changed.evaluations, fold.evaluations).map(evaluationRow) },
  { shape: shapes.trial, rows: present(fold.changed.trials, fold.trials).map(trialRow) },
  ...otherRows(fold),
];
