import { readdir, readFile } from 'node:fs/promises';
import { simulate } from '@crucible/domain/testing';
import { sql, CompiledQuery } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from './database.ts';
import type { Database } from './database.ts';
import { Projector } from './projector.ts';
import { compiledStatements, parameterTypes, sqlFiles } from './sql-files.ts';
import { createTestDatabase } from './testing/index.ts';
import type { TestDatabase } from './testing/index.ts';

const folder = new URL('../sql/', import.meta.url);
let server: TestDatabase;
let db: Database;

beforeAll(async () => {
  server = await createTestDatabase(process.env['CRUCIBLE_TEST_DATABASE_URL']);
  db = await openDatabase(server.url);
  const log = simulate({ seed: 2, evaluationsMax: 6 }).log.entries;
  await new Projector(db).apply(log, log.length);
});
afterAll(async () => {
  await db?.destroy();
  await server?.drop();
});

/** The types as the server understands the statement, and its plan. */
const askServer = async (file: string, parameters: readonly unknown[]): Promise<{ types: string[]; plan: string }> =>
  db.connection().execute(async (connection) => {
    await sql.raw(`prepare stated as ${file}`).execute(connection);
    const prepared = await sql<{ types: string[] }>`
      select parameter_types::text[] as types from pg_prepared_statements where name = 'stated'`.execute(connection);
    await sql.raw('deallocate stated').execute(connection);
    const explained = await connection.executeQuery<{ 'QUERY PLAN': string }>(
      CompiledQuery.raw(`explain ${file}`, [...parameters]),
    );
    return {
      types: prepared.rows[0]?.types ?? [],
      plan: explained.rows.map((row) => row['QUERY PLAN']).join('\n'),
    };
  });

describe('the reviewable SQL', () => {
  it('is what the builders make', async () => {
    const names = (await readdir(folder)).sort();
    const files = sqlFiles();
    expect(names).toEqual([...files.keys()].sort());
    for (const [name, text] of files) expect(await readFile(new URL(name, folder), 'utf8')).toBe(text);
  });

  it.each([...compiledStatements()].filter(([name]) => name !== 'read-lock'))(
    'is understood by the server, with the parameters it names: %s',
    async (name, compiled) => {
      const file = await readFile(new URL(`${name}.sql`, folder), 'utf8');
      const { types, plan } = await askServer(file.replace(/;\n$/, ''), compiled.parameters);
      expect(types).toEqual(parameterTypes(compiled));
      expect(plan).toMatch(/cost=/);
    },
  );

  it('takes the lock of readers where only reading is allowed', async () => {
    const file = await readFile(new URL('read-lock.sql', folder), 'utf8');
    await db
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute((tx) => sql.raw(file).execute(tx));
  });
});

describe('a list of a long log', () => {
  it.each([
    'event-list',
    'event-list-of-team',
    'event-list-by-type-prefix',
    'event-list-filtered',
    'evaluation-list',
    'trial-list',
    'dead-letter-list',
    'alert-list',
    'alert-list-of-evaluation',
    'alert-list-unacknowledged',
    'alert-counts',
    'stop-list',
  ])('is read by an index: %s', async (name) => {
    const compiled = compiledStatements().get(name);
    const plan = await db.connection().execute(async (connection) => {
      // A log of a few rows is read whole sooner; what is asked is whether there is another way.
      await sql`set enable_seqscan = off`.execute(connection);
      const { rows } = await connection.executeQuery<{ 'QUERY PLAN': string }>(
        CompiledQuery.raw(`explain ${compiled?.sql}`, [...(compiled?.parameters ?? [])]),
      );
      await sql`reset enable_seqscan`.execute(connection);
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    });
    expect(plan).toMatch(/Index/);
    expect(plan).not.toMatch(/Seq Scan on (logged_event|trial|evaluation|alert|stop)\b/);
  });
});
