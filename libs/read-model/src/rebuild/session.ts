import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import type { Writable } from 'node:stream';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { connectionTo } from '../database.ts';
import { arrayOfText } from '../rows.ts';
import type { Row, RowsOf } from '../rows.ts';
import type { Tables } from '../tables.ts';

/** Building an index over a whole log takes as long as it takes, within reason. */
const STATEMENT_MS_MAX = 30 * 60_000;
const ROWS_PER_CHUNK = 500;
const INDEX_MEMORY_MIB_MAX = 256;
/** Names this work among advisory locks of the database: one rebuild or comparison at a time. */
const WORK_LOCK = 7_261_003;

/** Thrown when a rebuild or comparison cannot be done now; the message says why. Nothing was changed. */
export class RebuildRefused extends Error {
  override readonly name = 'RebuildRefused';
}

/** One connection for one piece of work: what is said on it is in order, and its lock ends with it. */
export class Session {
  readonly #client: pg.Client;
  /** The same connection, with our tables found where the search path says. */
  readonly db: Kysely<Tables>;

  private constructor(client: pg.Client) {
    this.#client = client;
    // One client in place of a pool, so that the search path holds for everything.
    const only = { query: client.query.bind(client), release: () => undefined };
    const pool = { options: {}, connect: () => Promise.resolve(only as never), end: () => Promise.resolve() };
    this.db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  }

  /** @throws RebuildRefused when another one is at work */
  static async open(url: string): Promise<Session> {
    const session = await Session.reader(url);
    try {
      const [got] = await session.rows<{ locked: boolean }>(`select pg_try_advisory_lock(${WORK_LOCK}) as locked`);
      if (got?.locked !== true)
        throw new RebuildRefused('another rebuild or comparison of the read model is under way');
      // What is built can be built again; the exchange waits for the disk, and with it for all before.
      await session.run('set synchronous_commit = off');
      await session.run(`set maintenance_work_mem = '${INDEX_MEMORY_MIB_MAX}MB'`);
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** A connection that only looks, beside one that works. */
  static async reader(url: string): Promise<Session> {
    const client = new pg.Client({ ...connectionTo(url), statement_timeout: STATEMENT_MS_MAX });
    // The query under way says that the connection is lost.
    client.on('error', () => undefined);
    await client.connect();
    return new Session(client);
  }

  async run(statement: string): Promise<void> {
    await this.#client.query(statement);
  }

  async rows<R>(statement: string, values: readonly unknown[] = []): Promise<R[]> {
    return (await this.#client.query(statement, [...values])).rows as R[];
  }

  /** Adds rows that are not there yet, in the format of COPY. */
  async copy({ shape, rows }: RowsOf): Promise<void> {
    if (rows.length === 0) return;
    const columns = Object.keys(shape.columns).map((name) => pg.escapeIdentifier(name));
    const target = this.#client.query(
      copyFrom(`copy ${pg.escapeIdentifier(shape.name)} (${columns.join(',')}) from stdin`),
    );
    await pipeline(Readable.from(chunksOf(rows), { objectMode: true }), target);
  }

  /** A table as the text of COPY. */
  async copyOut(table: string, to: Writable): Promise<void> {
    await pipeline(this.#client.query(copyTo(`copy ${pg.escapeIdentifier(table)} to stdout`)), to);
  }

  async copyIn(table: string, from: Readable): Promise<void> {
    await pipeline(from, this.#client.query(copyFrom(`copy ${pg.escapeIdentifier(table)} from stdin`)));
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}

function* chunksOf(rows: readonly Row[]): Generator<Buffer> {
  for (let at = 0; at < rows.length; at += ROWS_PER_CHUNK)
    yield Buffer.from(
      rows
        .slice(at, at + ROWS_PER_CHUNK)
        .map(copyLine)
        .join(''),
    );
}

const special = /[\\\n\r\t]/;
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const escaped = (text: string): string =>
  special.test(text) ? text.replace(/[\\\n\r\t]/g, (character) => escapes[character] as string) : text;

/** One row as COPY takes it as text: tabs between, `\N` for null. */
export const copyLine = (row: Row): string => {
  let line = '';
  for (const [index, value] of row.entries()) {
    if (index > 0) line += '\t';
    if (value === null) line += '\\N';
    else if (typeof value === 'string') line += escaped(value);
    else if (typeof value === 'object') line += escaped(arrayOfText(value));
    else line += String(value);
  }
  return `${line}\n`;
};
