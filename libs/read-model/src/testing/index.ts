import { randomBytes } from 'node:crypto';
import pg from 'pg';

export { sourceOf } from './source.ts';

export interface TestDatabase {
  readonly url: string;
  /** Ends every connection to it, as a crash of the server would. */
  cutConnections(): Promise<void>;
  /** Runs a statement in it, as something would that went wrong there. */
  run(statement: string): Promise<void>;
  drop(): Promise<void>;
}

const asOwner = async (url: string, statement: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
};

/**
 * An empty database of its own, on the server of `CRUCIBLE_TEST_DATABASE_URL`.
 * @param serverUrl a server whose user may create databases
 */
export const createTestDatabase = async (serverUrl: string | undefined): Promise<TestDatabase> => {
  if (serverUrl === undefined || serverUrl === '') {
    throw new Error(
      'CRUCIBLE_TEST_DATABASE_URL is not set: ./crucible test starts a Postgres for the tests and sets it',
    );
  }
  const name = `test_${randomBytes(6).toString('hex')}`;
  await asOwner(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const cut = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`;
  return {
    url: url.href,
    cutConnections: () => asOwner(serverUrl, cut),
    run: (statement) => asOwner(url.href, statement),
    drop: () => asOwner(serverUrl, `drop database if exists ${name} with (force)`),
  };
};
