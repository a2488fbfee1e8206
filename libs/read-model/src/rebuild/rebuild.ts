import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { openDatabase } from '../database.ts';
import type { Logged } from '../logged.ts';
import { derivedTables } from '../tables.ts';
import { BulkFold } from './bulk-fold.ts';
import { FreshTables } from './fresh-tables.ts';
import { RebuildRefused, Session } from './session.ts';

/** The log as a rebuild reads it. The event log is behind it, or a list in a test. */
export interface LogSource {
  /** Position of the newest message, 0 for none. */
  head(): Promise<number>;
  /** Every message from one position to another, both included, in order, in batches of any size. */
  read(from: number, to: number, signal: AbortSignal): AsyncIterable<readonly Logged[]>;
}

export interface RebuildProgress {
  readonly stage: 'replay' | 'index' | 'exchange';
  readonly position: number;
  readonly head: number;
}

export interface RebuildOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RebuildProgress) => void;
  /** Trials held in memory at once. */
  readonly trialsHeldMax?: number;
}

export interface Rebuilt {
  readonly events: number;
  readonly position: number;
  readonly replayMs: number;
  readonly indexMs: number;
  /** How long the live projection stood still, and readers at most. */
  readonly exchangeMs: number;
}

const REBUILD_SCHEMA = 'crucible_rebuild';
const RETIRED_SCHEMA = 'crucible_retired';
/** Few enough to be folded while the live projection waits. */
const CATCH_UP_EVENTS = 500;
const CATCH_UP_ROUNDS_MAX = 100;
const CATCH_UP_MS_MAX = 10_000;
/** Readers queue behind the exchange while it waits for those before it: it gives way and asks again. */
const LOCK_WAIT_MS_MAX = 1_000;
const LOCK_TRIES_MAX = 8;
const LOCK_PAUSE_MS = 250;

/**
 * Builds the read model anew from the log in tables beside the live ones, and puts them in their place in one transaction.
 * Readers and the live projection go on meanwhile; a crash leaves the live tables as they were.
 * @throws RebuildRefused when another is at work, or the live tables are not of this log
 */
export const rebuildReadModel = async (
  url: string,
  source: LogSource,
  options: RebuildOptions = {},
): Promise<Rebuilt> => {
  // For a database that was never used, or by an older version.
  await (await openDatabase(url)).destroy();
  const session = await Session.open(url);
  try {
    return await rebuildIn(session, source, options);
  } finally {
    await session.close();
  }
};

const rebuildIn = async (session: Session, source: LogSource, options: RebuildOptions): Promise<Rebuilt> => {
  const startedMs = performance.now();
  await session.run(`drop schema if exists ${RETIRED_SCHEMA} cascade`);
  const fresh = await FreshTables.make(session, REBUILD_SCHEMA);
  const fold = new BulkFold(session, options.trialsHeldMax);
  await replayToHead(fold, source, 'replay', options);
  await fold.flush();
  const replayedMs = performance.now();
  options.onProgress?.({ stage: 'index', position: fold.position, head: fold.position });
  await fresh.finish();
  await replayToHead(fold, source, 'exchange', options);
  // All that was written waits for the disk now, and not while readers wait.
  await session.run('set synchronous_commit = on');
  await fold.flush();
  const indexedMs = performance.now();
  await exchange(session, fresh, fold, source);
  return {
    events: fold.events,
    position: fold.position,
    replayMs: replayedMs - startedMs,
    indexMs: indexedMs - replayedMs,
    exchangeMs: performance.now() - indexedMs,
  };
};

/** Replays until only a few events are left, which whoever asks for them next has read in no time. */
const replayToHead = async (
  fold: BulkFold,
  source: LogSource,
  stage: RebuildProgress['stage'],
  { signal = new AbortController().signal, onProgress }: RebuildOptions,
): Promise<void> => {
  for (let round = 0; round < CATCH_UP_ROUNDS_MAX; round += 1) {
    const head = await source.head();
    if (head - fold.position <= (round === 0 ? 0 : CATCH_UP_EVENTS)) return;
    await replayTo(fold, source, head, signal, () => onProgress?.({ stage, position: fold.position, head }));
  }
};

/** @throws Error when the source ends before the position */
export const replayTo = async (
  fold: BulkFold,
  source: LogSource,
  to: number,
  signal: AbortSignal,
  onBatch: () => void = () => undefined,
): Promise<void> => {
  if (to <= fold.position) return;
  for await (const batch of source.read(fold.position + 1, to, signal)) {
    signal.throwIfAborted();
    await fold.apply(batch);
    onBatch();
  }
  signal.throwIfAborted();
  if (fold.position < to) throw new Error(`the log ended at ${fold.position}, before its position ${to}`);
};

/** No projection writes from the first lock on, and no reader looks between the second and the end. */
const exchange = async (session: Session, fresh: FreshTables, fold: BulkFold, source: LogSource): Promise<void> => {
  await session.run('begin');
  try {
    await session.run(`set local lock_timeout = ${CATCH_UP_MS_MAX}`);
    // Exclusive already keeps projections out, and lets readers in.
    await session.run(`lock table ${fresh.liveTable('projection')} in exclusive mode`);
    const [live] = await session.rows<{ position: number }>(`select position from ${fresh.liveTable('projection')}`);
    const head = await source.head();
    if (live !== undefined && live.position > head)
      throw new RebuildRefused(`the live read model is at ${live.position}, and the log ends at ${head}: not its log`);
    await replayTo(fold, source, head, AbortSignal.timeout(CATCH_UP_MS_MAX));
    await fold.flush();
    if (!(await fresh.stillAlike()))
      throw new RebuildRefused('the live tables were brought up to date meanwhile: start the rebuild again');
    await lockEverything(session, fresh);
    await putInPlace(session, fresh);
    await session.run('commit');
  } catch (error) {
    // Of a connection that is lost, the server takes the transaction back by itself.
    await session.run('rollback').catch(() => undefined);
    throw error;
  }
};

const putInPlace = async (session: Session, fresh: FreshTables): Promise<void> => {
  await session.run(`create schema ${RETIRED_SCHEMA}`);
  for (const table of derivedTables) {
    await session.run(`alter table ${fresh.liveTable(table)} set schema ${RETIRED_SCHEMA}`);
    await session.run(`alter table ${fresh.freshTable(table)} set schema ${pg.escapeIdentifier(fresh.live)}`);
  }
  await session.run(`drop schema ${RETIRED_SCHEMA} cascade`);
  await session.run(`drop schema ${fresh.schema} cascade`);
};

const isLockTimeout = (error: unknown): boolean => (error as { code?: unknown }).code === '55P03';

/** `projection` first, as readers do, so that nobody waits for us while we wait for them. */
const lockEverything = async (session: Session, fresh: FreshTables): Promise<void> => {
  const tables = derivedTables.map((table) => fresh.liveTable(table)).join(', ');
  for (let attempt = 1; ; attempt += 1) {
    await session.run('savepoint before_lock');
    await session.run(`set local lock_timeout = ${LOCK_WAIT_MS_MAX}`);
    try {
      return await session.run(`lock table ${tables} in access exclusive mode`);
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      if (attempt === LOCK_TRIES_MAX) throw new RebuildRefused('somebody reads the live tables without end');
      await session.run('rollback to savepoint before_lock');
      await pause(LOCK_PAUSE_MS);
    }
  }
};
