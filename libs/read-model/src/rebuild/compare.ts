import { createHash } from 'node:crypto';
import { openDatabase } from '../database.ts';
import { derivedTables } from '../tables.ts';
import { BulkFold } from './bulk-fold.ts';
import { FreshTables } from './fresh-tables.ts';
import { replayTo } from './rebuild.ts';
import type { LogSource, RebuildOptions } from './rebuild.ts';
import { Session } from './session.ts';

const COMPARE_SCHEMA = 'crucible_compare';
const ROWS_PER_FETCH = 2_000;
/** What one transaction sees must stay while the log is replayed. */
const SNAPSHOT_IDLE_MS_MAX = 60 * 60_000;

export interface TableComparison {
  readonly table: string;
  readonly live: { readonly rows: number; readonly sha256: string };
  readonly replayed: { readonly rows: number; readonly sha256: string };
}

/** The first row, in the order of the key, that is not the same; null where only the other has one. */
export interface FirstDifference {
  readonly table: string;
  readonly live: string | null;
  readonly replayed: string | null;
}

export interface Comparison {
  readonly equal: boolean;
  /** Position that both are true of. */
  readonly position: number;
  readonly tables: readonly TableComparison[];
  readonly firstDifference: FirstDifference | null;
}

/** What orders the rows of each table: its primary key, text by bytes. */
const orders: Readonly<Record<(typeof derivedTables)[number], string>> = {
  projection: 'name collate "C"',
  evaluation: 'id',
  trial: 'evaluation_id, id collate "C"',
  trial_call: 'position',
  executor: 'id collate "C"',
  delivery: 'id',
  logged_event: 'position',
  dead_letter: 'id',
  alert: 'id',
  stop: 'id',
  rule_set: 'executor_id collate "C"',
  model_set: 'executor_id collate "C"',
  image_set: 'executor_id collate "C"',
};

/**
 * Replays the log into tables of its own, up to the position that the live tables have, and compares every row's text with
 * the live one. Both are read as of one moment while the live projection goes on; memory is bounded.
 * @throws RebuildRefused when a rebuild or another comparison is at work
 */
export const compareReadModel = async (
  url: string,
  source: LogSource,
  options: RebuildOptions = {},
): Promise<Comparison> => {
  await (await openDatabase(url)).destroy();
  const [session, live] = [await Session.open(url), await Session.reader(url)];
  try {
    return await compareIn(session, live, source, options);
  } finally {
    await live.close();
    await session.close();
  }
};

const compareIn = async (
  session: Session,
  live: Session,
  source: LogSource,
  options: RebuildOptions,
): Promise<Comparison> => {
  const fresh = await FreshTables.make(session, COMPARE_SCHEMA);
  await live.run('begin isolation level repeatable read, read only');
  await live.run(`set local idle_in_transaction_session_timeout = ${SNAPSHOT_IDLE_MS_MAX}`);
  for (const table of derivedTables) await live.run(`lock table ${fresh.liveTable(table)} in access share mode`);
  const [row] = await live.rows<{ position: number }>(`select position from ${fresh.liveTable('projection')}`);
  const position = row?.position ?? 0;
  const fold = new BulkFold(session, options.trialsHeldMax);
  const report = (): void => options.onProgress?.({ stage: 'replay', position: fold.position, head: position });
  await replayTo(fold, source, position, options.signal ?? new AbortController().signal, report);
  await fold.flush();
  await session.run('begin isolation level repeatable read, read only');
  const tables: TableComparison[] = [];
  let firstDifference: FirstDifference | null = null;
  for (const table of derivedTables) {
    const [left, right] = [
      rowsOf(live, fresh.liveTable(table), table),
      rowsOf(session, fresh.freshTable(table), table),
    ];
    const { difference, ...sides } = await compareRows(left, right);
    tables.push({ table, ...sides });
    if (difference !== null) firstDifference ??= { table, ...difference };
  }
  await session.run('commit');
  await fresh.drop();
  return { equal: firstDifference === null, position, tables, firstDifference };
};

/** Every row's text, in the order of the key. */
async function* rowsOf(
  session: Session,
  from: string,
  table: (typeof derivedTables)[number],
): AsyncGenerator<string, undefined> {
  await session.run(
    `declare rows_of_${table} no scroll cursor for select r::text as line from ${from} r order by ${orders[table]}`,
  );
  for (;;) {
    const rows = await session.rows<{ line: string }>(`fetch ${ROWS_PER_FETCH} from rows_of_${table}`);
    for (const { line } of rows) yield line;
    if (rows.length < ROWS_PER_FETCH) break;
  }
  await session.run(`close rows_of_${table}`);
}

type Lines = AsyncGenerator<string, undefined>;
type Compared = Omit<TableComparison, 'table'> & { readonly difference: Omit<FirstDifference, 'table'> | null };

const compareRows = async (live: Lines, replayed: Lines): Promise<Compared> => {
  const [left, right] = [new Tally(), new Tally()];
  let difference: Compared['difference'] = null;
  for (;;) {
    const [one, other] = [(await live.next()).value ?? null, (await replayed.next()).value ?? null];
    if (one === null && other === null) break;
    left.add(one);
    right.add(other);
    if (one !== other) difference ??= { live: one, replayed: other };
  }
  return { live: left.sum(), replayed: right.sum(), difference };
};

class Tally {
  readonly #hash = createHash('sha256');
  #rows = 0;

  add(line: string | null): void {
    if (line === null) return;
    this.#rows += 1;
    this.#hash.update(`${line}\n`);
  }

  sum(): { rows: number; sha256: string } {
    return { rows: this.#rows, sha256: this.#hash.digest('hex') };
  }
}
