import type { EvaluationId } from '@crucible/events';
import { Fold, needsOf } from '../fold.ts';
import type { TrialKey } from '../fold.ts';
import type { Logged } from '../logged.ts';
import { loadInto, save } from '../projector.ts';
import { evaluationRow, otherRows, shapes, trialRow } from '../rows.ts';
import type { Row, RowsOf, TableShape } from '../rows.ts';
import { moveProjection } from '../statements.ts';
import type { Session } from './session.ts';

/** Views kept in memory, about 2 KB each. Those of ended evaluations leave first. */
const TRIALS_HELD_MAX = 40_000;
/** Rows of the log's index that are collected before they are sent. */
const LOGGED_HELD_MAX = 20_000;
const ROWS_PER_STATEMENT_MAX = 2_000;

/**
 * Folds a whole log with bounded memory: views stay until there are too many of them, and each is written when it leaves,
 * most of them once. What comes after that to one that left reads it back.
 */
export class BulkFold {
  readonly #session: Session;
  readonly #fold = new Fold();
  /** Of those held, which are rows already. */
  readonly #written = { evaluations: new Set<EvaluationId>(), trials: new Set<TrialKey>() };
  /** Evaluations of which something left: only theirs need to be looked for among the rows. 36 bytes of text each. */
  readonly #left = new Set<EvaluationId>();
  readonly #heldMax: number;
  #writing: Promise<void> = Promise.resolve();
  #position = 0;
  #events = 0;

  constructor(session: Session, heldMax = TRIALS_HELD_MAX) {
    this.#session = session;
    this.#heldMax = heldMax;
  }

  /** Position of the last message that was folded. */
  get position(): number {
    return this.#position;
  }

  /** How many messages were folded. */
  get events(): number {
    return this.#events;
  }

  /** Folds messages in the order of the log; rows are written by the way, the last of them by `flush`. */
  async apply(batch: readonly Logged[]): Promise<void> {
    await this.#load(batch);
    for (const message of batch) this.#fold.apply(message);
    this.#position = batch.at(-1)?.position ?? this.#position;
    this.#events += batch.length;
    if (this.#fold.trials.size > this.#heldMax) {
      await this.flush();
      this.#makeRoom();
      return;
    }
    if (this.#fold.logged.length > LOGGED_HELD_MAX) await this.#writeOthers();
    if (this.#fold.changed.trials.size > ROWS_PER_STATEMENT_MAX) await this.#writeSettled();
  }

  /** Writes all that is not written yet, and the position that it is true of. */
  async flush(): Promise<void> {
    const { changed } = this.#fold;
    await this.#writeViews(shapes.evaluation, changed.evaluations, this.#written.evaluations, (id) => {
      const held = this.#fold.evaluations.get(id);
      return held === undefined ? undefined : evaluationRow(held);
    });
    await this.#writeTrials(changed.trials);
    await this.#writeOthers();
    await this.#writing;
    await moveProjection(this.#session.db, this.#position).execute();
  }

  /** Trials that are over seldom change again: they are written while the next events are folded. */
  async #writeSettled(): Promise<void> {
    const { changed, trials } = this.#fold;
    const settled = new Set<TrialKey>();
    for (const key of changed.trials) {
      const status = trials.get(key)?.status;
      if (status !== 'finished' && status !== 'withdrawn') continue;
      settled.add(key);
      changed.trials.delete(key);
    }
    await this.#writeTrials(settled);
  }

  #writeTrials(keys: Set<TrialKey>): Promise<void> {
    return this.#writeViews(shapes.trial, keys, this.#written.trials, (key) => {
      const view = this.#fold.trials.get(key);
      return view === undefined ? undefined : trialRow(view);
    });
  }

  async #load(batch: readonly Logged[]): Promise<void> {
    const needs = needsOf(batch);
    for (const id of needs.evaluations)
      if (!this.#left.has(id) || this.#fold.evaluations.has(id)) needs.evaluations.delete(id);
    for (const [key, [id]] of needs.trials)
      if (!this.#left.has(id) || this.#fold.trials.has(key)) needs.trials.delete(key);
    for (const id of needs.executors) if (this.#fold.executors.has(id)) needs.executors.delete(id);
    for (const id of needs.deadLetters) if (this.#fold.deadLetters.has(id)) needs.deadLetters.delete(id);
    for (const id of needs.alerts) if (this.#fold.alerts.has(id)) needs.alerts.delete(id);
    for (const id of needs.stops) if (this.#fold.stops.has(id)) needs.stops.delete(id);
    const { evaluations, trials } = needs;
    if (Object.values(needs).every(({ size }: { readonly size: number }) => size === 0)) return;
    await this.#writing;
    await loadInto(this.#fold, this.#session.db, needs);
    for (const id of evaluations) if (this.#fold.evaluations.has(id)) this.#written.evaluations.add(id);
    for (const key of trials.keys()) if (this.#fold.trials.has(key)) this.#written.trials.add(key);
  }

  /** First writes by COPY, later ones as updates. */
  async #writeViews<Key>(
    shape: TableShape,
    changed: Set<Key>,
    written: Set<Key>,
    rowOf: (key: Key) => Row | undefined,
  ): Promise<void> {
    let [fresh, known]: [Row[], Row[]] = [[], []];
    for (const key of changed) {
      const row = rowOf(key);
      if (row === undefined) continue;
      (written.has(key) ? known : fresh).push(row);
      written.add(key);
      if (fresh.length + known.length < ROWS_PER_STATEMENT_MAX) continue;
      await this.#write({ shape, rows: fresh }, { shape, rows: known });
      [fresh, known] = [[], []];
    }
    changed.clear();
    await this.#write({ shape, rows: fresh }, { shape, rows: known });
  }

  async #writeOthers(): Promise<void> {
    const others = otherRows(this.#fold);
    const { changed } = this.#fold;
    changed.executors.clear();
    changed.deadLetters.clear();
    changed.alerts.clear();
    changed.stops.clear();
    changed.ruleSets.clear();
    changed.modelSets.clear();
    changed.imageSets.clear();
    this.#fold.deadLetters.clear();
    this.#fold.alerts.clear();
    this.#fold.stops.clear();
    this.#fold.deliveries = [];
    this.#fold.calls = [];
    this.#fold.logged = [];
    // Of these every row is new: there are as many as events, so they are copied.
    const isNew = ({ shape }: RowsOf): boolean => shape.name === 'logged_event' || shape.name === 'trial_call';
    const known = others.filter((rows) => !isNew(rows)).flatMap((rows) => [...inStatements(rows)]);
    for (const rows of others.filter(isNew)) await this.#write(rows);
    await this.#write(undefined, ...known);
  }

  /** Sends rows while the next ones are folded: one piece at a time is under way. */
  async #write(fresh: RowsOf | undefined, ...known: readonly RowsOf[]): Promise<void> {
    await this.#writing;
    this.#writing = (async () => {
      if (fresh !== undefined) await this.#session.copy(fresh);
      for (const rows of known) await save(this.#session.db, rows);
    })();
    // A failure is heard by whoever waits for it next, and is not unhandled until then.
    this.#writing.catch(() => undefined);
  }

  /** Lets go of what is written: first of evaluations that ended, then, if that is too little, of all. */
  #makeRoom(): void {
    this.#letGo((id) => this.#fold.evaluations.get(id)?.view.endedAt !== null);
    if (this.#fold.trials.size > this.#heldMax / 2) this.#letGo(() => true);
  }

  #letGo(leaves: (id: EvaluationId) => boolean): void {
    const { evaluations, trials } = this.#fold;
    for (const [key, { evaluationId }] of trials) {
      if (!leaves(evaluationId)) continue;
      this.#left.add(evaluationId);
      trials.delete(key);
      this.#written.trials.delete(key);
    }
    for (const id of evaluations.keys()) {
      if (!leaves(id)) continue;
      this.#left.add(id);
      evaluations.delete(id);
      this.#written.evaluations.delete(id);
    }
  }
}

function* inStatements({ shape, rows }: RowsOf): Generator<RowsOf> {
  for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT_MAX)
    yield { shape, rows: rows.slice(at, at + ROWS_PER_STATEMENT_MAX) };
}
