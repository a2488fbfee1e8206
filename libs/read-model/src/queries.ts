import type {
  AlertAnswer,
  AlertItem,
  AlertList,
  AlertListQuery,
  ApprovalList,
  CallList,
  CallListQuery,
  DeadLetter,
  DeadLetterList,
  EvaluationList,
  EvaluationSnapshot,
  EventList,
  EventListQuery,
  EventSummary,
  ImageList,
  ModelList,
  Platform,
  RuleList,
  StopList,
  StopListQuery,
  StopView,
  TrialList,
} from '@crucible/api';
import { alertAt, noAlerts, stopSummary } from '@crucible/domain';
import type { AlertCounts, AlertView, EvaluationView, StopAudience, StopRecord, TrialView } from '@crucible/domain';
import { uuidSchema } from '@crucible/events';
import type { EvaluationId, TrialId } from '@crucible/events';
import type { SqlBool, Transaction } from 'kysely';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { Database } from './database.ts';
import { imagesOf } from './images.ts';
import { modelsOf } from './models.ts';
import {
  alertPage,
  callPage,
  deadLetterPage,
  deliveryCounts,
  evaluationOfTeam,
  evaluationPage,
  everyTrial,
  executors,
  lockForReading,
  loggedEvents,
  modelSets,
  imageSets,
  oneAlert,
  oneDeadLetter,
  oneTrial,
  ruleSets,
  stopOver,
  stopPage,
  submittedUpTo,
  trialPage,
  unacknowledgedCounts,
  waitingTrials,
} from './reads.ts';
import type { DeadLetterListQuery, EvaluationListQuery, SubmittedQuery, TrialListQuery } from './reads.ts';
import { positionOf, stopsById } from './statements.ts';
import type { Tables } from './tables.ts';
import { textColumn } from './text-column.ts';

/** An evaluation as it is now, and the place of its submission, by which lists are ordered. */
export interface SubmittedEvaluation {
  readonly view: EvaluationView;
  readonly submittedPosition: number;
}

/** Trials whose waiting calls are shown at once. */
const waitingTrialsMax = 500;

/** Whom a stop is for, and the position of the event that says so: what was said of it before is for nobody. */
export interface WrittenAudience extends StopAudience {
  readonly from: number;
}

/** What the API and the UI read. Every answer carries the position that it is true of. */
export class ReadModel {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Rows and position as of one moment. */
  #at<T>(read: (tx: Transaction<Tables>) => Promise<T>): Promise<T & { position: number }> {
    return this.#db
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute(async (tx) => {
        await lockForReading.execute(tx);
        return { ...(await read(tx)), position: (await positionOf(tx).executeTakeFirst())?.position ?? 0 };
      });
  }

  evaluations(team: string, query: EvaluationListQuery): Promise<EvaluationList> {
    const before = query.cursor === undefined ? undefined : decodeCursor(query.cursor, 1)[0];
    const model = query.model === undefined ? {} : { model: textColumn(query.model) };
    return this.#at(async (tx) => {
      const rows = await evaluationPage(tx, team, { ...query, ...model }, before).execute();
      const page = rows.slice(0, query.limit);
      const last = page.at(-1);
      const nextCursor =
        rows.length > query.limit && last !== undefined ? encodeCursor([last.submitted_position]) : null;
      return { items: page.map(({ view }) => view), nextCursor };
    });
  }

  /** Evaluations that were there at a past position, newest first, each as it is now. */
  async submittedUpTo(team: string, query: SubmittedQuery): Promise<SubmittedEvaluation[]> {
    const { rows } = await this.#at(async (tx) => ({ rows: await submittedUpTo(tx, team, query).execute() }));
    return rows.map(({ view, submitted_position }) => ({ view, submittedPosition: submitted_position }));
  }

  /** Null when the team has no such evaluation. `stop` is the oldest stop in force that takes it in. */
  async evaluation(
    team: string,
    id: EvaluationId,
  ): Promise<{ evaluation: EvaluationView | null; stop: StopView | null; position: number }> {
    return this.#at(async (tx) => {
      const evaluation = await evaluationIn(tx, team, id);
      return { evaluation, stop: evaluation === null ? null : await stopIn(tx, team, id) };
    });
  }

  /** Null when the team has no such evaluation. */
  async snapshot(team: string, id: EvaluationId): Promise<EvaluationSnapshot | null> {
    const { evaluation, trials, position } = await this.#at(async (tx) => ({
      evaluation: await evaluationIn(tx, team, id),
      trials: await everyTrial(tx, id).execute(),
    }));
    return evaluation === null ? null : { evaluation, trials: trials.map(({ view }) => view), position };
  }

  trials(id: EvaluationId, query: TrialListQuery): Promise<TrialList> {
    const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor, 3);
    return this.#at(async (tx) => {
      const rows = await trialPage(tx, id, query, after).execute();
      const page = rows.slice(0, query.limit);
      const last = page.at(-1);
      const nextCursor =
        rows.length > query.limit && last !== undefined
          ? encodeCursor([last.sample_index, last.epoch, last.attempt])
          : null;
      return { items: page.map(({ view }) => view), nextCursor };
    });
  }

  async trial(id: EvaluationId, trialId: TrialId): Promise<{ trial: TrialView | null; position: number }> {
    return this.#at(async (tx) => ({ trial: (await oneTrial(tx, id, trialId).executeTakeFirst())?.view ?? null }));
  }

  /** Calls of one trial in their order. */
  calls(id: EvaluationId, trialId: TrialId, query: CallListQuery): Promise<CallList> {
    return this.#at(async (tx) => {
      const rows = await callPage(tx, id, trialId, query).execute();
      const items = rows.slice(0, query.limit).map(({ view }) => view);
      return { items, next: rows.length > query.limit ? (items.at(-1)?.position ?? null) : null };
    });
  }

  /** What waits for a person in a team's trials, the oldest first. */
  waitingApprovals(team: string): Promise<ApprovalList> {
    return this.#at(async (tx) => {
      const trials = await waitingTrials(tx, textColumn(team), waitingTrialsMax).execute();
      const items = trials.flatMap(({ view: { evaluationId, id: trialId, sampleId, approvals } }) =>
        approvals.map((approval) => ({ evaluationId, trialId, sampleId, ...approval })),
      );
      return { items: items.sort((one, other) => (one.requestedAt < other.requestedAt ? -1 : 1)) };
    });
  }

  platform(): Promise<Omit<Platform, 'version'>> {
    return this.#at(async (tx) => {
      const views = await executors(tx).execute();
      const counted = await deliveryCounts(tx).execute();
      const count = (succeeded: boolean): number => counted.find((row) => row.succeeded === succeeded)?.count ?? 0;
      return {
        executors: views.map(({ view }) => view),
        deliveries: { succeeded: count(true), failed: count(false) },
      };
    });
  }

  /**
   * The log as a list, without the events' data.
   * @param team whose events, beside the platform's own, may be seen; null for all there are
   */
  events(team: string | null, query: EventListQuery): Promise<EventList> {
    return this.#at(async (tx) => {
      // What is no id of ours is the id of nothing, and the column takes no other.
      if (query.id !== undefined && !uuidSchema.safeParse(query.id).success) return { items: [] };
      const actor = query.actor === undefined ? {} : { actor: textColumn(query.actor) };
      const type = query.type === undefined ? {} : { type: textColumn(query.type) };
      const rows = await loggedEvents(tx, team, { ...query, ...actor, ...type }).execute();
      return {
        items: rows.map(
          ({ evaluation_id, trial_id, ...rest }) =>
            ({ ...rest, evaluationId: evaluation_id, trialId: trial_id }) as EventSummary,
        ),
      };
    });
  }

  /** Messages that a consumer could not handle, newest first. */
  deadLetters(query: DeadLetterListQuery): Promise<DeadLetterList> {
    return this.#at(async (tx) => ({
      items: (await deadLetterPage(tx, query).execute()).map(({ view }) => view),
    }));
  }

  /** Null when there is no such dead letter. */
  async deadLetter(id: string): Promise<DeadLetter | null> {
    if (!uuidSchema.safeParse(id).success) return null;
    const { letter } = await this.#at(async (tx) => ({
      letter: (await oneDeadLetter(tx, id).executeTakeFirst())?.view ?? null,
    }));
    return letter;
  }

  /** A team's alerts, newest first, now or as they were at `at`. @throws BadCursor */
  alerts(team: string, query: AlertListQuery): Promise<AlertList> {
    const before = query.cursor === undefined ? undefined : decodeCursor(query.cursor, 1)[0];
    const { at } = query;
    const rule = query.rule === undefined ? {} : { rule: textColumn(query.rule) };
    return this.#at(async (tx) => {
      const rows = await alertPage(tx, team, { ...query, ...rule }, before).execute();
      const page = rows.slice(0, query.limit);
      const last = page.at(-1);
      const more = rows.length > query.limit && last !== undefined;
      const unacknowledged = { ...noAlerts };
      for (const { severity, count } of await unacknowledgedCounts(tx, team, at).execute())
        unacknowledged[severity as keyof AlertCounts] = count;
      return {
        items: page.flatMap((row) => itemAt(row, at) ?? []),
        nextCursor: more ? encodeCursor([last.raised_position]) : null,
        unacknowledged,
      };
    });
  }

  /** Alert null when the team has no such alert, or had none yet at `at`. */
  async alert(
    team: string,
    id: string,
    at?: number,
  ): Promise<Omit<AlertAnswer, 'alert'> & { alert: AlertAnswer['alert'] | null }> {
    return this.#at(async (tx) => {
      const row = await oneAlert(tx, team, id).executeTakeFirst();
      return { alert: (row && itemAt(row, at)) ?? null };
    });
  }

  /** Emergency stops that a team may see, newest first, now or as they were at `at`. @throws BadCursor */
  stops(team: string, query: StopListQuery): Promise<StopList> {
    const before = query.cursor === undefined ? undefined : decodeCursor(query.cursor, 1)[0];
    return this.#at(async (tx) => {
      const rows = await stopPage(tx, team, query, before).execute();
      const page = rows.slice(0, query.limit);
      const last = page.at(-1)?.engaged_position ?? null;
      return {
        items: page.flatMap(({ record }) => stopViewOf(record, query.at) ?? []),
        nextCursor: rows.length > query.limit && last !== null ? encodeCursor([last]) : null,
      };
    });
  }

  /** Whom stops are for, by their ids, each from where it was engaged; without those that nobody has engaged yet. */
  async stopAudiences(ids: readonly string[]): Promise<ReadonlyMap<string, WrittenAudience>> {
    const held = await stopsById(this.#db, ids).execute();
    return new Map(
      held.flatMap(({ record: { stopId, engaged }, teams }) =>
        engaged === null ? [] : [[stopId, { scope: engaged.scope, teams, from: engaged.position }] as const],
      ),
    );
  }

  /** The oldest stop in force that takes in an evaluation of this team; null when nothing holds it. */
  async stopOver(team: string, id: EvaluationId, at?: number): Promise<StopView | null> {
    const { stop } = await this.#at((tx) => stopIn(tx, team, id, at).then((found) => ({ stop: found })));
    return stop;
  }

  /** The models that executors which are up can call. */
  models(): Promise<ModelList> {
    return this.#at(async (tx) => {
      const [up, sets] = [await executors(tx).execute(), await modelSets(tx).execute()];
      return modelsOf(
        up.map(({ view }) => view),
        sets.map(({ view }) => view),
      );
    });
  }

  /** The images that executors which are up can make sandboxes from. */
  images(): Promise<ImageList> {
    return this.#at(async (tx) => {
      const [up, sets] = [await executors(tx).execute(), await imageSets(tx).execute()];
      return imagesOf(
        up.map(({ view }) => view),
        sets.map(({ view }) => view),
      );
    });
  }

  /** The rules that each executor loaded last. */
  rules(): Promise<RuleList> {
    return this.#at(async (tx) => ({ executors: (await ruleSets(tx).execute()).map(({ view }) => view) }));
  }
}

const stopViewOf = (record: StopRecord, at: number | undefined): StopView | undefined => {
  const summary = stopSummary(record, at);
  return summary === undefined ? undefined : { ...summary, executors: [...summary.executors] };
};

const stopIn = async (
  tx: Transaction<Tables>,
  team: string,
  id: EvaluationId,
  at?: number,
): Promise<StopView | null> => {
  const found = await stopOver(tx, textColumn(team), id, at).executeTakeFirst();
  return found === undefined ? null : (stopViewOf(found.record, at) ?? null);
};

const evaluationIn = async (tx: Transaction<Tables>, team: string, id: EvaluationId): Promise<EvaluationView | null> =>
  (await evaluationOfTeam(tx, team, id).executeTakeFirst())?.view ?? null;

/** An alert as it was at a position; undefined before it was raised. */
const itemAt = (
  { view, looser_profile }: { readonly view: AlertView; readonly looser_profile: SqlBool },
  at: number | undefined,
): AlertItem | undefined => {
  const then = at === undefined ? view : alertAt(view, at);
  return then && { ...then, looserProfile: Boolean(looser_profile) };
};
