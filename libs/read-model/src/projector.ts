import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Database } from './database.ts';
import { Fold, needsOf, trialKey } from './fold.ts';
import type { Needs } from './fold.ts';
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
  writeRows,
} from './statements.ts';
import { derivedTables } from './tables.ts';
import type { Tables } from './tables.ts';

/** Builds the read model: a reducer's views as rows, and the position they are true of, in one transaction. */
export class Projector {
  readonly #db: Database;

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
    await this.#db.transaction().execute(async (tx) => {
      await beginProjection(tx).execute();
      const { position: kept } = await lockProjection(tx).executeTakeFirstOrThrow();
      const fresh = batch.filter(({ position }) => position > kept);
      const fold = new Fold();
      await loadInto(fold, tx, needsOf(fresh));
      for (const message of fresh) fold.apply(message);
      for (const rows of changedRows(fold)) await save(tx, rows);
      if (upTo > kept) await moveProjection(tx, upTo).execute();
    });
  }
}

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
