import { chanceFrom, simulate } from '@crucible/domain/testing';
import type { Chance } from '@crucible/domain/testing';
import type { Positioned } from '@crucible/domain';
import type { CrucibleEvent } from '@crucible/events';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isDatabaseAway, openDatabase } from './database.ts';
import type { Database } from './database.ts';
import { Projector } from './projector.ts';
import { ReadModel } from './queries.ts';
import { createTestDatabase } from './testing/index.ts';
import type { TestDatabase } from './testing/index.ts';
import { foldInMemory } from './testing/fold.ts';

let server: TestDatabase;
let db: Database;
let projector: Projector;

beforeAll(async () => {
  server = await createTestDatabase(process.env['CRUCIBLE_TEST_DATABASE_URL']);
  db = await openDatabase(server.url);
  projector = new Projector(db);
});
afterAll(async () => {
  await db?.destroy();
  await server?.drop();
});
beforeEach(() => projector.reset());

const logOf = (seed: number): Positioned[] =>
  simulate({ seed, evaluationsMax: 5, samplesMax: 6, troubledSteps: 300 }).log.entries.map(({ position, event }) => ({
    position,
    event,
  }));

/** What the rows hold, and every column beside the views that lists filter and sort by. */
const expectRowsOf = async (log: readonly Positioned[]): Promise<void> => {
  const folded = foldInMemory(log);
  const evaluations = await db.selectFrom('evaluation').selectAll().orderBy('id').execute();
  expect(evaluations).toEqual(
    [...folded.evaluations.values()]
      .sort((one, other) => (one.id < other.id ? -1 : 1))
      .map((view) => ({
        id: view.id,
        team: view.team,
        status: view.status,
        suite_name: view.suite.name,
        subject_kind: view.subject.kind,
        subject_model: view.subject.kind === 'program' ? null : view.subject.model,
        submitted_position: folded.submittedAt.get(view.id),
        position: view.position,
        view,
      })),
  );
  const trials = await db.selectFrom('trial').selectAll().execute();
  expect(new Map(trials.map((row) => [`${row.evaluation_id}/${row.id}`, row.view]))).toEqual(folded.trials);
  for (const { view, ...row } of trials) {
    const { status, latest, outcome, reason, verdict, position } = view;
    expect(row).toMatchObject({ status, latest, outcome, reason, verdict, position, limits_hit: view.limitsHit });
    expect(row).toMatchObject({
      approvals_waiting: view.approvals.length,
      looser_profile: (view.profile?.looserThanStrict.length ?? 0) > 0,
    });
    expect([row.sample_index, row.epoch, row.attempt]).toEqual([view.sampleIndex, view.epoch, view.attempt]);
  }
  expect(await projector.position()).toBe(log.at(-1)?.position ?? 0);
};

/** Batches as followers give them: of any size, and after a restart from an earlier place again. */
function* batchesOf(log: readonly Positioned[], chance: Chance, batchMax: number): Generator<Positioned[]> {
  for (let at = 0; at < log.length;) {
    const batch = log.slice(at, at + chance.between(1, batchMax));
    yield batch;
    at += batch.length;
    if (chance.oneIn(6)) at = Math.max(0, at - chance.between(1, 40));
  }
}
const upTo = (batch: readonly Positioned[]): number => batch.at(-1)?.position ?? 0;

describe('projector', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'holds what the reducers say, in batches of any size, with replays (seed %i)',
    async (seed) => {
      const log = logOf(seed);
      for (const batch of batchesOf(log, chanceFrom(seed), seed % 2 === 0 ? 5 : 200))
        await projector.apply(batch, upTo(batch));
      await expectRowsOf(log);
    },
  );

  it.each([11, 12, 13])('is not confused by another one on the same log (seed %i)', async (seed) => {
    const log = logOf(seed);
    const others = await Promise.all([openDatabase(server.url), openDatabase(server.url)]);
    const runs = [projector, ...others.map((other) => new Projector(other))].map(async (each, index) => {
      for (const batch of batchesOf(log, chanceFrom(seed * 10 + index), 30)) await each.apply(batch, upTo(batch));
    });
    await Promise.all(runs);
    await Promise.all(others.map((other) => other.destroy()));
    await expectRowsOf(log);
  });

  it('is not confused by another one at the very first event', async () => {
    const log = logOf(21);
    const other = await openDatabase(server.url);
    for (let round = 0; round < 10; round += 1) {
      await projector.reset();
      const short = log.slice(0, 20);
      await Promise.all([projector.apply(log, upTo(log)), new Projector(other).apply(short, upTo(short))]);
      await expectRowsOf(log);
    }
    await other.destroy();
  });

  it('loses and repeats nothing when its connections are cut in the middle, and the process lives on', async () => {
    const log = logOf(31);
    const chance = chanceFrom(31);
    let failures = 0;
    const cutting = new AbortController();
    const cut = async (): Promise<void> => {
      while (!cutting.signal.aborted) {
        await server.cutConnections();
        await new Promise((resolve) => setTimeout(resolve, chance.between(1, 25)));
      }
    };
    const untilApplied = async (batch: readonly Positioned[]): Promise<void> => {
      try {
        await projector.apply(batch, upTo(batch));
      } catch (error) {
        failures += 1;
        expect(isDatabaseAway(error), String(error)).toBe(true);
        await untilApplied(batch);
      }
    };
    const cuts = cut();
    while (failures < 5) for (const batch of batchesOf(log, chance, 3)) await untilApplied(batch);
    cutting.abort();
    await cuts;
    await expectRowsOf(log);
  });

  it('makes room for whatever an event may hold', async () => {
    const [submission, ...rest] = logOf(41);
    const id = (submission?.event.data as { evaluationId: string }).evaluationId;
    const hostile = 'a\u0000b\ud800c\udfff\u202e<script>';
    const dispatched = rest.find(({ event }) => event.type === 'crucible.trial.dispatched.v1')?.event;
    const edit = (event: CrucibleEvent | undefined, data: object): CrucibleEvent =>
      ({ ...event, data: { ...event?.data, ...data } }) as CrucibleEvent;
    const events = [
      {
        ...edit(submission?.event, {
          suite: {
            name: hostile,
            version: hostile,
            title: hostile,
            digest: 'ab'.repeat(32),
            bytes: Number.MAX_SAFE_INTEGER,
          },
        }),
        team: hostile,
      },
      {
        ...submission?.event,
        type: 'crucible.evaluation.cancel-requested.v1',
        data: { evaluationId: id, reason: hostile },
      },
      edit(dispatched, {
        evaluationId: id,
        sampleIndex: Number.MAX_SAFE_INTEGER,
        epoch: Number.MAX_SAFE_INTEGER,
        attempt: 1,
        sampleId: hostile,
      }),
      edit(dispatched, {
        evaluationId: id,
        trialId: '1-1-2',
        sampleIndex: Number.MAX_SAFE_INTEGER,
        attempt: 99_999_999_999,
      }),
      {
        ...submission?.event,
        type: 'crucible.executor.started.v1',
        data: {
          executorId: hostile,
          pool: hostile,
          capacity: 2 ** 40,
          runtime: hostile,
          kernelObserved: true,
          sandboxesReaped: 0,
        },
      },
      { ...submission?.event, type: 'crucible.executor.stopped.v1', data: { executorId: hostile, reason: hostile } },
    ] as CrucibleEvent[];
    const batch = events.map((event, index) => ({ position: index + 1, event }));
    await projector.apply(batch, batch.length);
    const { items } = await new ReadModel(db).evaluations(hostile.replace('\u0000', '\ufffd').toWellFormed(), {
      limit: 10,
    });
    expect(items).toMatchObject([{ cancelReason: hostile, suite: { title: hostile } }]);
    expect((await new ReadModel(db).platform()).executors).toMatchObject([
      { id: hostile.replace('\u0000', '\ufffd'), status: 'stopped' },
    ]);
  });

  it('moves on behind events that nobody could read', async () => {
    await projector.apply([], 7);
    expect(await projector.position()).toBe(7);
    await projector.apply([], 5);
    expect(await projector.position()).toBe(7);
  });

  it('counts each delivery once and keeps executors by their last word', async () => {
    const base = logOf(1)[0]?.event;
    const delivery = {
      deliveryId: '017f22e2-79b0-7cc3-98c4-dc0c0c07398f',
      evaluationId: '017f22e2-79b0-7cc3-98c4-dc0c0c07398f',
      channel: 'webhook',
      about: 'x',
      destination: 'x',
      attempts: 1,
    };
    const executor = {
      executorId: 'e',
      pool: 'default',
      capacity: 4,
      runtime: 'runsc',
      kernelObserved: true,
      sandboxesReaped: 0,
    };
    const make = (type: string, data: object): CrucibleEvent => ({ ...base, type, data }) as CrucibleEvent;
    const events = [
      make('crucible.executor.stopped.v1', { executorId: 'unknown', reason: '' }),
      make('crucible.executor.started.v1', executor),
      make('crucible.delivery.failed.v1', { ...delivery, error: '' }),
      make('crucible.delivery.succeeded.v1', {
        ...delivery,
        deliveryId: delivery.deliveryId.replace('0', '1'),
        status: 200,
      }),
      make('crucible.executor.stopped.v1', { executorId: 'e', reason: '' }),
      make('crucible.executor.started.v1', { ...executor, capacity: 8 }),
    ].map((event, index) => ({ position: index + 1, event }));
    await projector.apply(events, 6);
    await projector.apply(events, 6);
    expect(await new ReadModel(db).platform()).toMatchObject({
      position: 6,
      deliveries: { succeeded: 1, failed: 1 },
      executors: [{ id: 'e', capacity: 8, status: 'up' }],
    });
  });

  it('brings an older schema up to date, and begins anew where what it holds cannot be known from its rows', async () => {
    const log = logOf(51);
    await projector.apply(log, upTo(log));
    await sql`alter table evaluation alter column view type jsonb using view::text::jsonb`.execute(db);
    await sql`drop table logged_event, dead_letter, alert, stop, rule_set, trial_call, model_set, image_set`.execute(
      db,
    );
    await sql`alter table evaluation drop column subject_kind, drop column subject_model`.execute(db);
    await sql`alter table trial drop column approvals_waiting, drop column looser_profile`.execute(db);
    await sql`delete from kysely_migration where name <> '001-first'`.execute(db);
    await (await openDatabase(server.url)).destroy();
    await expectRowsOf([]);
    await projector.apply(log, upTo(log));
    await expectRowsOf(log);
  });
});
