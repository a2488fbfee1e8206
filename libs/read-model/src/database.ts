import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { migrate } from './migrations.ts';
import type { Tables } from './tables.ts';

const CONNECTIONS_MAX = 8;
const CONNECT_MS_MAX = 10_000;
const STATEMENT_MS_MAX = 15_000;
/** A server that froze does not keep its own time: the client counts too. */
const ANSWER_MS_MAX = 20_000;
/** A process that froze inside a transaction must not hold the projection's lock for ever. */
const IDLE_IN_TRANSACTION_MS_MAX = 30_000;
const INT8 = 20;

export type Database = Kysely<Tables>;

/** What every connection of ours has in common. */
export const connectionTo = (url: string) =>
  ({
    connectionString: url,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS_MAX,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    keepAlive: true,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        (oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as never,
    },
  }) satisfies pg.ClientConfig;

/** Opens the read model and brings its schema up to date. @throws when the server cannot be reached */
export const openDatabase = async (url: string): Promise<Database> => {
  const pool = new pg.Pool({
    ...connectionTo(url),
    max: CONNECTIONS_MAX,
    statement_timeout: STATEMENT_MS_MAX,
    query_timeout: ANSWER_MS_MAX,
  });
  // A connection that dies is replaced at the next query, and a query under way fails by itself. Without these listeners
  // the loss would end the process: the first hears of idle connections only, the second of those between two queries.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  try {
    await migrate(db as never);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return db;
};

const AWAY = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH', 'EAI_AGAIN']);
/** SQLSTATE: connection lost, shutting down or starting up, too many connections, statement took too long. */
const AWAY_STATES = /^(08...|57P0[1-5]|53300|57014|25P03)$/;
/** What the client says in words only. */
const AWAY_WORDS =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error)/;

/** True for failures that come from the server being away or too busy, and not from what was asked of it. */
export const isDatabaseAway = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && (AWAY.has(code) || AWAY_STATES.test(code))) return true;
  return AWAY_WORDS.test(error.message);
};
