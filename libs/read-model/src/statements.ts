import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';
import type { EvaluationId } from '@crucible/events';
import { arrayOfText } from './rows.ts';
import type { Row, RowsOf, TableShape } from './rows.ts';
import type { Tables } from './tables.ts';

export const PROJECTION = 'main';

/** What the projection asks of the database. Every statement is built here, for execution and for the reviewable files. */

export const positionOf = (db: Kysely<Tables>) =>
  db.selectFrom('projection').select('position').where('name', '=', PROJECTION);

export const beginProjection = (db: Kysely<Tables>) =>
  db
    .insertInto('projection')
    .values({ name: PROJECTION, position: 0 })
    .onConflict((conflict) => conflict.column('name').doNothing());

export const lockProjection = (db: Kysely<Tables>) => positionOf(db).forUpdate();

export const moveProjection = (db: Kysely<Tables>, position: number) =>
  db.updateTable('projection').set({ position }).where('name', '=', PROJECTION);

const anyOf = (values: readonly string[], type: 'uuid' | 'text') => sql`any(${values}::${sql.raw(type)}[])`;

/** Writes a batch's rows and the position they are true of, in one statement. Each table is in `batch` once at most. */
export const writeBatch = (db: Kysely<Tables>, batch: readonly RowsOf[], position: number): RawBuilder<unknown> => {
  const writes = batch.map(({ shape, rows }) => sql`${sql.ref(`write_${shape.name}`)} as (${writeRows(shape, rows)})`);
  return sql`with ${sql.join(writes)} ${moveProjection(db, position)}`;
};

export const evaluationsById = (db: Kysely<Tables>, ids: readonly EvaluationId[]) =>
  db
    .selectFrom('evaluation')
    .select(['view', 'submitted_position'])
    .where(sql<boolean>`id = ${anyOf(ids, 'uuid')}`);

/** The trials of these pairs; a pair is a place in both lists. */
export const trialsById = (db: Kysely<Tables>, evaluationIds: readonly string[], ids: readonly string[]) =>
  db
    .selectFrom('trial')
    .select('view')
    .where(sql<boolean>`(evaluation_id, id) in (select * from unnest(${evaluationIds}::uuid[], ${ids}::text[]))`);

export const executorsById = (db: Kysely<Tables>, ids: readonly string[]) =>
  db
    .selectFrom('executor')
    .select(['view', 'position'])
    .where(sql<boolean>`id = ${anyOf(ids, 'text')}`);

export const deadLettersById = (db: Kysely<Tables>, ids: readonly string[]) =>
  db
    .selectFrom('dead_letter')
    .select(['view', 'position'])
    .where(sql<boolean>`id = ${anyOf(ids, 'uuid')}`);

export const alertsById = (db: Kysely<Tables>, ids: readonly string[]) =>
  db
    .selectFrom('alert')
    .select('view')
    .where(sql<boolean>`id = ${anyOf(ids, 'uuid')}`);

export const stopsById = (db: Kysely<Tables>, ids: readonly string[]) =>
  db
    .selectFrom('stop')
    .select(['record', 'teams'])
    .where(sql<boolean>`id = ${anyOf(ids, 'uuid')}`);

/** One parameter a column, however many rows there are. */
export const writeRows = (shape: TableShape, rows: readonly Row[]): RawBuilder<unknown> => {
  const columns = Object.entries(shape.columns);
  const lists = columns.map(([, type], index) => {
    const isList = type === 'text[]';
    const values = rows.map((row) => (isList ? arrayOfText(row[index] as readonly string[]) : (row[index] ?? null)));
    return sql`${values}::${sql.raw(isList ? 'text' : type)}[]`;
  });
  const names = columns.map(([name]) => sql.ref(name));
  const selected = columns.map(([name, type]) => (type === 'text[]' ? sql`${sql.ref(name)}::text[]` : sql.ref(name)));
  const changes = shape.changing.map((name) => sql`${sql.ref(name)} = ${sql.ref(`excluded.${name}`)}`);
  const action = changes.length === 0 ? sql`do nothing` : sql`do update set ${sql.join(changes)}`;
  return sql`insert into ${sql.table(shape.name)} (${sql.join(names)})
select ${sql.join(selected)} from unnest(${sql.join(lists)}) as row(${sql.join(names)})
on conflict (${sql.join(shape.key.map((name) => sql.ref(name)))}) ${action}`;
};
