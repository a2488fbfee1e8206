import type { CallView, DeadLetter, LoadedImages, LoadedModels, LoadedRules } from '@crucible/api';
import type { AlertView, StopRecord } from '@crucible/domain';
import type { ColumnType } from 'kysely';
import type { EvaluationView, Platform, TrialView } from './views.ts';

/** A bigint column; positions stay far below 2^53 and are read as numbers. */
type Position = ColumnType<number, number, number>;
type Json<T> = ColumnType<T, string, string>;

export type ExecutorView = Platform['executors'][number];

/** Rows hold the view that the reducer made, and beside it the columns that lists filter and sort by. */
export interface Tables {
  evaluation: {
    id: string;
    team: string;
    status: string;
    suite_name: string;
    subject_kind: string;
    /** The configured name of the model; null for a program. */
    subject_model: string | null;
    submitted_position: Position;
    position: Position;
    view: Json<EvaluationView>;
  };
  trial: {
    evaluation_id: string;
    id: string;
    sample_index: number;
    epoch: number;
    attempt: number;
    status: string;
    latest: boolean;
    outcome: string | null;
    reason: string | null;
    verdict: string | null;
    limits_hit: string[];
    /** Tool calls that wait for a person. */
    approvals_waiting: Position;
    /** Whether it ran in a looser sandbox than `strict`. */
    looser_profile: boolean;
    position: Position;
    view: Json<TrialView>;
  };
  /** A call of a trial to a model or a tool, told once and never changed. */
  trial_call: {
    position: Position;
    evaluation_id: string;
    trial_id: string;
    kind: string;
    turn: Position;
    view: Json<CallView>;
  };
  executor: { id: string; position: Position; view: Json<ExecutorView> };
  delivery: { id: string; succeeded: boolean; position: Position };
  /** Every message of the log, one row each: what can be said of it without its data. */
  logged_event: {
    position: Position;
    id: string | null;
    type: string | null;
    subject: string;
    time: string | null;
    actor: string | null;
    team: string | null;
    evaluation_id: string | null;
    trial_id: string | null;
    stop_id: string | null;
  };
  dead_letter: {
    id: string;
    status: string;
    consumer: string;
    recorded_position: Position;
    position: Position;
    view: Json<DeadLetter>;
  };
  alert: {
    id: string;
    team: string;
    evaluation_id: string;
    trial_id: string;
    rule_id: string;
    severity: string;
    capability: string;
    raised_position: Position;
    acknowledged_position: ColumnType<number | null, number | null, number | null>;
    position: Position;
    view: Json<AlertView>;
  };
  /** An executor may tell of a stop before it is written: until then nothing engaged it. */
  stop: {
    id: string;
    /** Who may see it; empty for everybody. */
    teams: string[];
    scope_kind: string | null;
    /** The team or the evaluation; null for the platform. */
    scope_of: string | null;
    engaged_position: ColumnType<number | null, number | null, number | null>;
    released_position: ColumnType<number | null, number | null, number | null>;
    position: Position;
    record: Json<StopRecord>;
  };
  /** The detectors' rules that an executor loaded last. */
  rule_set: { executor_id: string; position: Position; view: Json<LoadedRules> };
  /** The models that an executor loaded last. */
  model_set: { executor_id: string; position: Position; view: Json<LoadedModels> };
  /** The sandbox images that an executor told of last. */
  image_set: { executor_id: string; position: Position; view: Json<LoadedImages> };
  projection: { name: string; position: Position };
}

/** Every table that is derived from the log, `projection` first: whoever locks several locks them in this order. */
export const derivedTables = [
  'projection',
  'evaluation',
  'trial',
  'trial_call',
  'executor',
  'delivery',
  'logged_event',
  'dead_letter',
  'alert',
  'stop',
  'rule_set',
  'model_set',
  'image_set',
] as const satisfies readonly (keyof Tables)[];
