import pg from 'pg';
import { derivedTables } from '../tables.ts';
import type { Tables } from '../tables.ts';
import { beginProjection } from '../statements.ts';
import type { Session } from './session.ts';

const quoted = (name: string): string => pg.escapeIdentifier(name);

interface Index {
  readonly table: string;
  readonly name: string;
  /** As the server would write it, on the live table. */
  readonly definition: string;
  readonly primary: boolean;
}

/** Tables of the read model in a schema of their own, empty at first and shaped as the live ones are now. */
export class FreshTables {
  readonly #session: Session;
  readonly live: string;
  readonly schema: string;
  readonly #migrations: number;

  private constructor(session: Session, live: string, schema: string, migrations: number) {
    this.#session = session;
    this.live = live;
    this.schema = schema;
    this.#migrations = migrations;
  }

  /** Clears away what one that did not come to its end left, and begins anew. Needs the session's lock. */
  static async make(session: Session, schema: string): Promise<FreshTables> {
    const [found] = await session.rows<{ live: string }>('select current_schema() as live');
    const live = found?.live ?? 'public';
    await session.run(`drop schema if exists ${quoted(schema)} cascade`);
    await session.run(`create schema ${quoted(schema)}`);
    for (const table of derivedTables)
      await session.run(
        `create table ${quoted(schema)}.${table} (like ${quoted(live)}.${table} including all excluding indexes)`,
      );
    await session.run(`set search_path = ${quoted(schema)}`);
    const fresh = new FreshTables(session, live, schema, await migrationsIn(session, live));
    // Rows are found again by their keys; the log's index is only added to, and gets its keys when it is whole.
    for (const index of await fresh.#indexes())
      if (index.primary && index.table !== 'logged_event') await fresh.#create(index);
    await beginProjection(session.db).execute();
    return fresh;
  }

  /** The indexes that are cheaper to make over whole tables than row by row. */
  async finish(): Promise<void> {
    for (const index of await this.#indexes())
      if (!index.primary || index.table === 'logged_event') await this.#create(index);
    for (const table of derivedTables) await this.#session.run(`analyze ${quoted(this.schema)}.${table}`);
  }

  async drop(): Promise<void> {
    await this.#session.run(`drop schema if exists ${quoted(this.schema)} cascade`);
  }

  /** False once a newer gateway changed the live tables' shape. */
  async stillAlike(): Promise<boolean> {
    return (await migrationsIn(this.#session, this.live)) === this.#migrations;
  }

  liveTable(table: keyof Tables): string {
    return `${quoted(this.live)}.${table}`;
  }

  freshTable(table: keyof Tables): string {
    return `${quoted(this.schema)}.${table}`;
  }

  #indexes(): Promise<Index[]> {
    return this.#session.rows<Index>(
      `select t.relname as table, c.relname as name, pg_get_indexdef(i.indexrelid) as definition, i.indisprimary as primary
       from pg_index i
       join pg_class t on t.oid = i.indrelid
       join pg_class c on c.oid = i.indexrelid
       join pg_namespace n on n.oid = t.relnamespace
       where n.nspname = $1 and t.relname = any($2) order by t.relname, c.relname`,
      [this.live, derivedTables],
    );
  }

  async #create({ table, name, definition, primary }: Index): Promise<void> {
    const rest = definition.slice(definition.indexOf(' USING '));
    const kind = definition.startsWith('CREATE UNIQUE') ? 'unique index' : 'index';
    const target = `${quoted(this.schema)}.${quoted(table)}`;
    await this.#session.run(`create ${kind} ${quoted(name)} on ${target} ${rest}`);
    if (primary)
      await this.#session.run(
        `alter table ${target} add constraint ${quoted(name)} primary key using index ${quoted(name)}`,
      );
  }
}

const migrationsIn = async (session: Session, live: string): Promise<number> => {
  const [row] = await session.rows<{ count: number }>(
    `select count(*)::int as count from ${quoted(live)}.kysely_migration`,
  );
  return row?.count ?? 0;
};
