import type {
  AlertListQuery,
  CallListQuery,
  evaluationListQuerySchema,
  EventListQuery,
  StopListQuery,
} from '@crucible/api';
import type { deadLetterListQuerySchema, trialListQuerySchema } from '@crucible/api';
import type { EvaluationId, TrialId } from '@crucible/events';
import { sql } from 'kysely';
import type { Expression, ExpressionBuilder, Kysely, SqlBool } from 'kysely';
import type { z } from 'zod';
import type { Tables } from './tables.ts';

export type EvaluationListQuery = z.infer<typeof evaluationListQuerySchema>;
export type TrialListQuery = z.infer<typeof trialListQuerySchema>;
export type DeadLetterListQuery = z.output<typeof deadLetterListQuerySchema>;

/** What the API asks of the read model. Every query is built here, for execution and for the reviewable files. */

/**
 * Taken before a transaction's first look at rows, which fixes what it sees: a reader that met the exchange of the tables
 * between the two would read the new ones as they were before they were whole.
 */
export const lockForReading = sql`lock table projection in access share mode`;

/** @param before position of the last submission on the page before this one */
export const evaluationPage = (
  db: Kysely<Tables>,
  team: string,
  query: EvaluationListQuery,
  before: number | undefined,
) => {
  let select = db.selectFrom('evaluation').select(['view', 'submitted_position']).where('team', '=', team);
  if (query.status !== undefined) select = select.where('status', '=', query.status);
  if (query.suite !== undefined) select = select.where('suite_name', '=', query.suite);
  if (query.model !== undefined) select = select.where('subject_model', '=', query.model);
  if (before !== undefined) select = select.where('submitted_position', '<', before);
  return select.orderBy('submitted_position', 'desc').limit(query.limit + 1);
};

/** What a list at a past position is made of. A status is that of now, so it can only leave out what has not changed since. */
export interface SubmittedQuery {
  readonly at: number;
  readonly status?: string | undefined;
  readonly suite?: string | undefined;
  readonly model?: string | undefined;
  /** Only those submitted before this position. */
  readonly before?: number | undefined;
  readonly limit: number;
}

export const submittedUpTo = (db: Kysely<Tables>, team: string, query: SubmittedQuery) => {
  const { at, status, suite, model, before } = query;
  let select = db
    .selectFrom('evaluation')
    .select(['view', 'submitted_position'])
    .where('team', '=', team)
    .where('submitted_position', '<=', at);
  if (status !== undefined)
    select = select.where((row) => row.or([row('position', '>', at), row('status', '=', status)]));
  if (suite !== undefined) select = select.where('suite_name', '=', suite);
  if (model !== undefined) select = select.where('subject_model', '=', model);
  if (before !== undefined) select = select.where('submitted_position', '<', before);
  return select.orderBy('submitted_position', 'desc').limit(query.limit);
};

export const evaluationOfTeam = (db: Kysely<Tables>, team: string, id: EvaluationId) =>
  db.selectFrom('evaluation').select('view').where('id', '=', id).where('team', '=', team);

const trialsOf = (db: Kysely<Tables>, id: EvaluationId) =>
  db.selectFrom('trial').select(['view', 'sample_index', 'epoch', 'attempt']).where('evaluation_id', '=', id);

export const everyTrial = (db: Kysely<Tables>, id: EvaluationId) =>
  trialsOf(db, id).orderBy('sample_index').orderBy('epoch').orderBy('attempt');

/** @param after sample index, epoch and attempt of the last trial on the page before this one */
export const trialPage = (
  db: Kysely<Tables>,
  id: EvaluationId,
  query: TrialListQuery,
  after: readonly number[] | undefined,
) => {
  let select = trialsOf(db, id);
  for (const column of ['status', 'outcome', 'reason', 'verdict'] as const) {
    const wanted = query[column];
    if (wanted !== undefined) select = select.where(column, '=', wanted);
  }
  if (query.limitHit !== undefined) select = select.where(sql<boolean>`${query.limitHit} = any(limits_hit)`);
  if (query.latest !== undefined) select = select.where('latest', '=', query.latest);
  if (after !== undefined)
    select = select.where(sql<boolean>`(sample_index, epoch, attempt) > (${after[0]}, ${after[1]}, ${after[2]})`);
  return select
    .orderBy('sample_index')
    .orderBy('epoch')
    .orderBy('attempt')
    .limit(query.limit + 1);
};

export const oneTrial = (db: Kysely<Tables>, id: EvaluationId, trialId: TrialId) =>
  db.selectFrom('trial').select('view').where('evaluation_id', '=', id).where('id', '=', trialId);

/** @param after position of the last call on the page before this one */
export const callPage = (db: Kysely<Tables>, id: EvaluationId, trialId: TrialId, query: CallListQuery) => {
  let select = db
    .selectFrom('trial_call')
    .select('view')
    .where('evaluation_id', '=', id)
    .where('trial_id', '=', trialId)
    .where('position', '>', query.after);
  if (query.kind !== undefined) select = select.where('kind', '=', query.kind);
  // Of one trial there are some thousand calls at the most, which the index gives: turns are looked at one by one.
  if (query.fromTurn !== undefined) select = select.where('turn', '>=', query.fromTurn);
  if (query.toTurn !== undefined) select = select.where('turn', '<=', query.toTurn);
  return select.orderBy('position').limit(query.limit + 1);
};

/** Trials of a team in which a tool call waits for a person. What waits is bounded, and so is what is shown of it. */
export const waitingTrials = (db: Kysely<Tables>, team: string, limit: number) =>
  db
    .selectFrom('trial')
    .innerJoin('evaluation', 'evaluation.id', 'trial.evaluation_id')
    .select('trial.view')
    .where('trial.approvals_waiting', '>', 0)
    .where('evaluation.team', '=', team)
    .orderBy('trial.position')
    .limit(limit);

export const executors = (db: Kysely<Tables>) => db.selectFrom('executor').select('view').orderBy('id');

export const deliveryCounts = (db: Kysely<Tables>) =>
  db
    .selectFrom('delivery')
    .select(['succeeded', (expression) => expression.fn.countAll<number>().as('count')])
    .groupBy('succeeded');

type Logged = ExpressionBuilder<Tables, 'logged_event'>;

/** Stops for everybody, and those for this team or by it. */
const stopFor = (team: string) => sql<SqlBool>`(teams = '{}' or ${team} = any(teams))`;

/**
 * A team's own events, those of the platform itself, and what nobody can read among them. An event about another team's
 * evaluation is that team's, also where the platform says it; one about an emergency stop is for whom the stop is. What was
 * said of a stop before it was written, when nobody could know whom it is for, is shown to no team, now or later.
 */
const visibleTo = (team: string) => (logged: Logged) =>
  logged.or([
    logged.and([logged('stop_id', 'is', null), ownOrPlatforms(team)(logged)]),
    logged.exists(
      logged
        .selectFrom('stop')
        .select('stop.id')
        .whereRef('stop.id', '=', 'logged_event.stop_id')
        .whereRef('stop.engaged_position', '<=', 'logged_event.position')
        .where(stopFor(team)),
    ),
  ]);

const ownOrPlatforms = (team: string) => (logged: Logged) =>
  logged.or([
    logged('team', '=', team),
    logged.and([logged('evaluation_id', 'is', null), sql<SqlBool>`starts_with(subject, 'crucible.events.platform.')`]),
    logged.and([
      logged('team', 'is', null),
      logged.or([
        logged('subject', '=', `crucible.events.team.${team}`),
        logged.exists(
          logged
            .selectFrom('evaluation')
            .select('evaluation.id')
            .whereRef('evaluation.id', '=', 'logged_event.evaluation_id')
            .where('evaluation.team', '=', team),
        ),
      ]),
    ]),
  ]);

/** A type, or with `*` at its end every type that begins so. */
const ofType =
  (wanted: string) =>
  (logged: Logged): Expression<SqlBool> =>
    wanted.endsWith('*')
      ? logged('type', 'like', `${wanted.slice(0, -1).replaceAll(/[\\%_]/g, '\\$&')}%`)
      : logged('type', '=', wanted);

/** @param team whose events may be seen; null for all */
export const loggedEvents = (db: Kysely<Tables>, team: string | null, query: EventListQuery) => {
  let select = db
    .selectFrom('logged_event')
    .select(['position', 'id', 'type', 'subject', 'time', 'actor', 'team', 'evaluation_id', 'trial_id']);
  if (team !== null) select = select.where(visibleTo(team));
  if (query.type !== undefined) select = select.where(ofType(query.type));
  if (query.actor !== undefined) select = select.where('actor', '=', query.actor);
  if (query.evaluation !== undefined) select = select.where('evaluation_id', '=', query.evaluation);
  if (query.trial !== undefined) select = select.where('trial_id', '=', query.trial);
  if (query.id !== undefined) select = select.where('id', '=', query.id);
  if (query.after !== undefined) select = select.where('position', '>', query.after);
  if (query.before !== undefined) select = select.where('position', '<', query.before);
  return select.orderBy('position', query.order).limit(query.limit);
};

export const deadLetterPage = (db: Kysely<Tables>, query: DeadLetterListQuery) => {
  let select = db.selectFrom('dead_letter').select('view');
  if (query.status !== undefined) select = select.where('status', '=', query.status);
  if (query.consumer !== undefined) select = select.where('consumer', '=', query.consumer);
  return select.orderBy('recorded_position', 'desc').limit(query.limit);
};

export const oneDeadLetter = (db: Kysely<Tables>, id: string) =>
  db.selectFrom('dead_letter').select('view').where('id', '=', id);

type Raised = ExpressionBuilder<Tables, 'alert'>;

/** Whether an alert's trial ran in a looser sandbox than `strict`: known since its start, which is behind no alert of it. */
const looserProfile = (alert: Raised) =>
  alert
    .exists(
      alert
        .selectFrom('trial')
        .select('trial.id')
        .whereRef('trial.evaluation_id', '=', 'alert.evaluation_id')
        .whereRef('trial.id', '=', 'alert.trial_id')
        .where('trial.looser_profile', '=', true),
    )
    .as('looser_profile');

/** A list as of a past position is made of what was raised until then; what was acknowledged later was not yet. */
export const alertPage = (db: Kysely<Tables>, team: string, query: AlertListQuery, before: number | undefined) => {
  const { at } = query;
  let select = db
    .selectFrom('alert')
    .select(['view', 'raised_position'])
    .select(looserProfile)
    .where('team', '=', team);
  if (query.evaluation !== undefined) select = select.where('evaluation_id', '=', query.evaluation);
  if (query.trial !== undefined) select = select.where('trial_id', '=', query.trial);
  if (query.severity !== undefined) select = select.where(sql<boolean>`severity = any(${query.severity}::text[])`);
  if (query.capability !== undefined) select = select.where('capability', '=', query.capability);
  if (query.rule !== undefined) select = select.where('rule_id', '=', query.rule);
  if (at !== undefined) select = select.where('raised_position', '<=', at);
  if (query.acknowledged !== undefined) select = select.where(acknowledged(query.acknowledged, at));
  if (before !== undefined) select = select.where('raised_position', '<', before);
  return select.orderBy('raised_position', 'desc').limit(query.limit + 1);
};

/** The words of the partial index where it is asked about now, so that the server finds it. */
const acknowledged =
  (wanted: boolean, at: number | undefined) =>
  (alert: Raised): Expression<SqlBool> => {
    if (at === undefined) return alert('acknowledged_position', wanted ? 'is not' : 'is', null);
    if (wanted) return alert('acknowledged_position', '<=', at);
    return alert.or([alert('acknowledged_position', 'is', null), alert('acknowledged_position', '>', at)]);
  };

export const unacknowledgedCounts = (db: Kysely<Tables>, team: string, at: number | undefined) => {
  let select = db
    .selectFrom('alert')
    .select(['severity', (expression) => expression.fn.countAll<number>().as('count')])
    .where('team', '=', team)
    .where(acknowledged(false, at));
  if (at !== undefined) select = select.where('raised_position', '<=', at);
  return select.groupBy('severity');
};

export const oneAlert = (db: Kysely<Tables>, team: string, id: string) =>
  db.selectFrom('alert').select('view').select(looserProfile).where('id', '=', id).where('team', '=', team);

type Stopped = ExpressionBuilder<Tables, 'stop'>;

/** @param at position that the list is to be true of */
export const stopPage = (db: Kysely<Tables>, team: string, query: StopListQuery, before: number | undefined) => {
  const { at, engaged } = query;
  let select = db.selectFrom('stop').select(['record', 'engaged_position']).where(stopFor(team));
  select =
    at === undefined ? select.where('engaged_position', 'is not', null) : select.where('engaged_position', '<=', at);
  if (engaged !== undefined) select = select.where(inForce(engaged, at));
  if (before !== undefined) select = select.where('engaged_position', '<', before);
  return select.orderBy('engaged_position', 'desc').limit(query.limit + 1);
};

const inForce =
  (wanted: boolean, at: number | undefined) =>
  (stop: Stopped): Expression<SqlBool> => {
    if (at === undefined) return stop('released_position', wanted ? 'is' : 'is not', null);
    if (!wanted) return stop('released_position', '<=', at);
    return stop.or([stop('released_position', 'is', null), stop('released_position', '>', at)]);
  };

/** The oldest stop of those in force that takes an evaluation in. */
export const stopOver = (db: Kysely<Tables>, team: string, id: EvaluationId, at: number | undefined) => {
  let select = db
    .selectFrom('stop')
    .select('record')
    .where(inForce(true, at))
    .where((stop) =>
      stop.or([
        stop('scope_kind', '=', 'platform'),
        stop.and([stop('scope_kind', '=', 'team'), stop('scope_of', '=', team)]),
        stop.and([stop('scope_kind', '=', 'evaluation'), stop('scope_of', '=', sql<string>`${id}::text`)]),
      ]),
    );
  select =
    at === undefined ? select.where('engaged_position', 'is not', null) : select.where('engaged_position', '<=', at);
  return select.orderBy('engaged_position').limit(1);
};

export const ruleSets = (db: Kysely<Tables>) => db.selectFrom('rule_set').select('view').orderBy('executor_id');

export const modelSets = (db: Kysely<Tables>) => db.selectFrom('model_set').select('view').orderBy('executor_id');

export const imageSets = (db: Kysely<Tables>) => db.selectFrom('image_set').select('view').orderBy('executor_id');
