import type { TrialView } from '@crucible/domain';
import type { EvaluationId } from '@crucible/events';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Database } from './database.ts';
import { Fold, needsOf, trialKey } from './fold.ts';
import type { HeldEvaluation, Needs, TrialKey } from './fold.ts';
import type { Logged } from './logged.ts';
import { changedRows } from './rows.ts';
import type { RowsOf } from './rows.ts';
import {
  alertsById,
  beginProjection,
  deadLettersById,
  evaluationsById,
  executorsById,
  lockProjection,
  moveProjection,
  positionOf,
  stopsById,
  trialsById,
  writeBatch,
  writeRows,
} from './statements.ts';
import { derivedTables } from './tables.ts';
import type { Tables } from './tables.ts';

/** Views that are kept at hand from batch to batch, of each kind. */
const RECENT_MAX = 256;

/** What was written last, and the position it is true of: events come in runs about the same trials. */
class Recent {
  readonly #evaluations = new Map<EvaluationId, HeldEvaluation>();
  readonly #trials = new Map<TrialKey, TrialView>();
  #position: number | undefined;

  /** Gives a fold what it needs and is here, as of a position, and takes that off the needs. */
  give(fold: Fold, needs: Needs, position: number): void {
    if (this.#position !== position) return this.forget();
    move(needs.evaluations, this.#evaluations, fold.evaluations);
    move(needs.trials, this.#trials, fold.trials);
  }

  take(fold: Fold, position: number): void {
    this.#position = position;
    keepLast(this.#evaluations, fold.evaluations);
    keepLast(this.#trials, fold.trials);
  }

  forget(): void {
    this.#position = undefined;
    this.#evaluations.clear();
    this.#trials.clear();
  }
}

const move = <Key, View>(
  needs: Pick<Set<Key>, 'delete' | 'keys'>,
  from: ReadonlyMap<Key, View>,
  to: Map<Key, View>,
): void => {
  for (const key of [...needs.keys()]) {
    const view = from.get(key);
    if (view === undefined) continue;
    to.set(key, view);
    needs.delete(key);
  }
};

const keepLast = <Key, View>(kept: Map<Key, View>, added: ReadonlyMap<Key, View>): void => {
  for (const [key, view] of added) {
    kept.delete(key);
    kept.set(key, view);
  }
  for (const key of kept.keys()) {
    if (kept.size <= RECENT_MAX) return;
    kept.delete(key);
  }
};

/** Builds the read model: a reducer's views as rows, and the position they are true of, in one transaction. */
export class Projector {
  readonly #db: Database;
  readonly #recent = new Recent();

  constructor(db: Database) {
    this.#db = db;
  }

  /** Position up to which the read model is built; 0 for none of it. */
  async position(): Promise<number> {
    return (await positionOf(this.#db).executeTakeFirst())?.position ?? 0;
  }

  /** Forgets everything: for a read model that was built from another log than the one there is. */
  async reset(): Promise<void> {
    await sql`truncate ${sql.join(derivedTables.map((name) => sql.table(name)))}`.execute(this.#db);
  }

  /**
   * Folds a batch, ascending by position, in one transaction. Messages at or before the kept position change nothing.
   * @param upTo position that the read model is true of afterwards
   */
  async apply(batch: readonly Logged[], upTo: number): Promise<void> {
    try {
      const { fold, position } = await this.#db.transaction().execute((tx) => this.#applyIn(tx, batch, upTo));
      this.#recent.take(fold, position);
    } catch (error) {
      this.#recent.forget();
      throw error;
    }
  }

  async #applyIn(
    tx: Kysely<Tables>,
    batch: readonly Logged[],
    upTo: number,
  ): Promise<{ readonly fold: Fold; readonly position: number }> {
    const kept = await lock(tx);
    const fresh = batch.filter(({ position }) => position > kept);
    const fold = new Fold();
    const needs = needsOf(fresh);
    this.#recent.give(fold, needs, kept);
    await loadInto(fold, tx, needs);
    for (const message of fresh) fold.apply(message);
    const rows = changedRows(fold).filter((of) => of.rows.length > 0);
    if (rows.length > 0) await writeBatch(tx, rows, upTo).execute(tx);
    else if (upTo > kept) await moveProjection(tx, upTo).execute();
    return { fold, position: Math.max(kept, upTo) };
  }
}

/** Nobody else writes the read model until the transaction is over. Returns the position it is true of. */
const lock = async (tx: Kysely<Tables>): Promise<number> => {
  const locked = await lockProjection(tx).executeTakeFirst();
  if (locked !== undefined) return locked.position;
  await beginProjection(tx).execute();
  return (await lockProjection(tx).executeTakeFirstOrThrow()).position;
};

/** Reads the rows that are needed and there. */
export const loadInto = async (fold: Fold, db: Kysely<Tables>, needs: Needs): Promise<void> => {
  if (needs.evaluations.size > 0)
    for (const { view, submitted_position } of await evaluationsById(db, [...needs.evaluations]).execute())
      fold.evaluations.set(view.id, { view, submittedPosition: submitted_position });
  if (needs.trials.size > 0) {
    const pairs = [...needs.trials.values()];
    const [evaluationIds, ids] = [pairs.map(([evaluation]) => evaluation), pairs.map(([, trial]) => trial)];
    for (const { view } of await trialsById(db, evaluationIds, ids).execute())
      fold.trials.set(trialKey(view.evaluationId, view.id), view);
  }
  if (needs.executors.size > 0)
    for (const held of await executorsById(db, [...needs.executors]).execute()) fold.executors.set(held.view.id, held);
  if (needs.deadLetters.size > 0)
    for (const held of await deadLettersById(db, [...needs.deadLetters]).execute())
      fold.deadLetters.set(held.view.id, held);
  if (needs.alerts.size > 0)
    for (const { view } of await alertsById(db, [...needs.alerts]).execute()) fold.alerts.set(view.id, view);
  if (needs.stops.size > 0)
    for (const held of await stopsById(db, [...needs.stops]).execute()) fold.stops.set(held.record.stopId, held);
};

export const save = async (db: Kysely<Tables>, { shape, rows }: RowsOf): Promise<void> => {
  if (rows.length > 0) await writeRows(shape, rows).execute(db);
};
