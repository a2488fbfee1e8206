import type { AlertListQuery } from '@crucible/api';
import type { EvaluationId, TrialId } from '@crucible/events';
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import * as reads from './reads.ts';
import { shapes } from './rows.ts';
import type { RowsOf, TableShape, Value } from './rows.ts';
import * as statements from './statements.ts';
import type { Tables } from './tables.ts';

/** A statement as it goes to the server: text with `$1`, and the values for it. */
export interface Compiled {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}
interface Compilable {
  compile(db: Kysely<Tables>): Compiled;
}

/** Makes SQL and reaches no server. */
const offline = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

const id = '019ab3f0-1c88-7d03-9b6f-7a1e2d3c4b5a' as EvaluationId;
const trialId = '0-1-1' as TrialId;
const team = 'default';

const everyTrialFilter = {
  limit: 100,
  status: 'finished',
  outcome: 'failed',
  reason: 'exit',
  verdict: 'contained',
  limitHit: 'wall-time',
  latest: true,
} as const;
const everySubmittedFilter = { at: 100, before: 50, status: 'running', suite: '', model: '', limit: 50 };
const events = { order: 'desc', limit: 100 } as const;
const everyEventFilter = {
  ...events,
  type: 'crucible.trial.finished.v2',
  actor: 'user:local',
  evaluation: id,
  trial: trialId,
  id,
  after: 1,
  before: 100,
} as const;

const everyAlertFilter = {
  limit: 100,
  evaluation: id,
  trial: trialId,
  severity: ['high', 'critical'],
  capability: 'system-access',
  rule: '',
  acknowledged: false,
} as const;
const alerts = (query: object): AlertListQuery => ({ limit: 100, ...query });

const samples: Readonly<Record<string, Value>> = {
  uuid: id,
  text: '',
  bigint: 1,
  boolean: true,
  json: '{}',
};
/** A row of any table, as far as its types go. */
const sampleOf = (shape: TableShape): RowsOf => ({
  shape,
  rows: [Object.values(shape.columns).map((type) => (type === 'text[]' ? [''] : (samples[type] ?? null)))],
});

/**
 * Every statement that this room sends in its daily work, by name: the builders themselves, each called once. A list that
 * can be filtered is there without a filter and with all of them. What changes tables is in the migrations and the rebuild.
 */
const all: Readonly<Record<string, Compilable>> = {
  'read-lock': reads.lockForReading,
  'read-position': statements.positionOf(offline),
  'evaluation-list': reads.evaluationPage(offline, team, { limit: 50 }, undefined),
  'evaluation-list-filtered': reads.evaluationPage(
    offline,
    team,
    { limit: 50, status: 'running', suite: '', model: '' },
    1,
  ),
  'evaluation-list-past': reads.submittedUpTo(offline, team, everySubmittedFilter),
  'evaluation-by-id': reads.evaluationOfTeam(offline, team, id),
  'trial-list': reads.trialPage(offline, id, { limit: 100 }, undefined),
  'trial-list-filtered': reads.trialPage(offline, id, everyTrialFilter, [0, 1, 1]),
  'trial-list-whole': reads.everyTrial(offline, id),
  'trial-by-id': reads.oneTrial(offline, id, trialId),
  'call-list': reads.callPage(offline, id, trialId, { after: 0, limit: 200 }),
  'call-list-filtered': reads.callPage(offline, id, trialId, {
    after: 0,
    limit: 200,
    kind: 'model',
    fromTurn: 1,
    toTurn: 9,
  }),
  'trial-list-waiting': reads.waitingTrials(offline, team, 500),
  'executor-list': reads.executors(offline),
  'delivery-counts': reads.deliveryCounts(offline),
  'event-list': reads.loggedEvents(offline, null, events),
  'event-list-of-team': reads.loggedEvents(offline, team, events),
  'event-list-filtered': reads.loggedEvents(offline, team, everyEventFilter),
  'event-list-by-type-prefix': reads.loggedEvents(offline, null, { ...events, type: 'crucible.trial.*' }),
  'dead-letter-list': reads.deadLetterPage(offline, { limit: 100 }),
  'dead-letter-list-filtered': reads.deadLetterPage(offline, { limit: 100, status: 'open', consumer: '' }),
  'dead-letter-by-id': reads.oneDeadLetter(offline, id),
  'alert-list': reads.alertPage(offline, team, alerts({}), undefined),
  'alert-list-of-evaluation': reads.alertPage(offline, team, alerts({ evaluation: id }), 100),
  'alert-list-unacknowledged': reads.alertPage(offline, team, alerts({ acknowledged: false }), 100),
  'alert-list-filtered': reads.alertPage(offline, team, alerts(everyAlertFilter), 100),
  'alert-list-past': reads.alertPage(offline, team, alerts({ at: 100, acknowledged: false }), 50),
  'alert-counts': reads.unacknowledgedCounts(offline, team, undefined),
  'alert-by-id': reads.oneAlert(offline, team, id),
  'stop-list': reads.stopPage(offline, team, { limit: 100 }, undefined),
  'stop-list-engaged': reads.stopPage(offline, team, { limit: 100, engaged: true }, 100),
  'stop-list-past': reads.stopPage(offline, team, { limit: 100, engaged: true, at: 100 }, 50),
  'stop-over': reads.stopOver(offline, team, id, undefined),
  'rule-set-list': reads.ruleSets(offline),
  'model-set-list': reads.modelSets(offline),
  'image-set-list': reads.imageSets(offline),
  'projection-load-alerts': statements.alertsById(offline, [id]),
  'projection-load-stops': statements.stopsById(offline, [id]),
  'projection-begin': statements.beginProjection(offline),
  'projection-lock': statements.lockProjection(offline),
  'projection-move': statements.moveProjection(offline, 1),
  'projection-write-batch': statements.writeBatch(offline, [sampleOf(shapes.trial), sampleOf(shapes.logged_event)], 1),
  'projection-load-evaluations': statements.evaluationsById(offline, [id]),
  'projection-load-trials': statements.trialsById(offline, [id], [trialId]),
  'projection-load-executors': statements.executorsById(offline, ['']),
  'projection-load-dead-letters': statements.deadLettersById(offline, [id]),
  ...Object.fromEntries(
    Object.values(shapes).map((shape) => [
      `projection-save-${shape.name.replaceAll('_', '-')}`,
      statements.writeRows(shape, sampleOf(shape).rows),
    ]),
  ),
};

/** Every statement by its name, compiled. */
export const compiledStatements = (): ReadonlyMap<string, Compiled> =>
  new Map(Object.entries(all).map(([name, statement]) => [name, statement.compile(offline)]));

/** The clauses of a statement each on a line of their own. Nothing but spaces between words is changed. */
const laidOut = (sql: string): string =>
  sql
    .replaceAll(/ (?=(?:from|where|group by|order by|limit|on conflict|do update set|values) )/g, '\n')
    .replaceAll(/ (?=(?:and|or) )/g, '\n  ');

const uuid = /^[0-9a-f]{8}-/;
/** The type of a parameter: as the statement casts it, or as its example value has it. */
const typeOf = (value: unknown, sql: string, index: number): string => {
  const [, cast] = new RegExp(`\\$${index + 1}::([a-z]+(?:\\[\\])?)`).exec(sql) ?? [];
  if (cast !== undefined) return cast;
  if (typeof value === 'string') return uuid.test(value) ? 'uuid' : 'text';
  return typeof value === 'number' ? 'bigint' : typeof value;
};

/** The types of a statement's parameters, in their order. */
export const parameterTypes = ({ sql, parameters }: Compiled): string[] =>
  parameters.map((value, index) => typeOf(value, sql, index));

/** What a name's file holds: its parameters' types in a comment, and the statement. */
const fileOf = (compiled: Compiled): string => {
  const typed = parameterTypes(compiled).map((type, index) => `-- $${index + 1} ${type}\n`);
  return `${typed.join('')}${laidOut(compiled.sql)};\n`;
};

/** Text of the reviewable files by their names in `libs/read-model/sql`. */
export const sqlFiles = (): ReadonlyMap<string, string> =>
  new Map([...compiledStatements()].map(([name, compiled]) => [`${name}.sql`, fileOf(compiled)]));
