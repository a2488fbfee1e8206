import type { Positioned } from '@crucible/domain';
import { simulate } from '@crucible/domain/testing';
import { subjects } from '@crucible/events';
import type { CrucibleEvent, EvaluationId } from '@crucible/events';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../database.ts';
import type { Database } from '../database.ts';
import type { Logged } from '../logged.ts';
import { Projector } from '../projector.ts';
import { ReadModel } from '../queries.ts';
import { createTestDatabase } from '../testing/index.ts';
import type { TestDatabase } from '../testing/index.ts';
import { foldInMemory } from '../testing/fold.ts';
import { sourceOf } from '../testing/source.ts';
import { compareReadModel } from './compare.ts';
import { rebuildReadModel } from './rebuild.ts';
import type { LogSource } from './rebuild.ts';
import { RebuildRefused, Session } from './session.ts';

let server: TestDatabase;
let db: Database;
let projector: Projector;
let model: ReadModel;

beforeEach(async () => {
  server = await createTestDatabase(process.env['CRUCIBLE_TEST_DATABASE_URL']);
  db = await openDatabase(server.url);
  projector = new Projector(db);
  model = new ReadModel(db);
});
afterEach(async () => {
  await db?.destroy();
  await server?.drop();
});

/** A troubled platform's log, in which now and then nobody can read a message. */
const logOf = (seed: number, evaluationsMax = 20): Logged[] =>
  simulate({ seed, evaluationsMax, samplesMax: 12, troubledSteps: 3_000 }).log.entries.map((entry) =>
    entry.position % 41 === 0 ? { position: entry.position, subject: subjects.platform('executor'), ok: false } : entry,
  );

const applyAll = async (log: readonly Logged[], size: number, from = 0): Promise<void> => {
  for (let at = from; at < log.length; at += size)
    await projector.apply(log.slice(at, at + size), Math.min(log.length, at + size));
};
const schemas = async (): Promise<string[]> => {
  const { rows } = await sql<{
    name: string;
  }>`select nspname as name from pg_namespace where nspname like 'crucible%'`.execute(db);
  return rows.map(({ name }) => name);
};
const indexes = async (): Promise<string[]> => {
  const found = sql<{ indexdef: string }>`select indexdef from pg_indexes where schemaname = 'public' order by 1`;
  return (await found.execute(db)).rows.map(({ indexdef }) => indexdef);
};

describe('a rebuild', () => {
  it.each([
    [1, 40_000],
    [2, 40_000],
    [3, 5],
    [4, 1],
    [5, 30],
  ])('comes to the bytes that the live projection wrote (seed %i, %i trials held)', async (seed, trialsHeldMax) => {
    const log = logOf(seed);
    await applyAll(log, 13);
    const before = await indexes();
    const first = await compareReadModel(server.url, sourceOf(log), { trialsHeldMax });
    expect(first).toMatchObject({ equal: true, position: log.length, firstDifference: null });
    const stages = new Set<string>();
    const rebuilt = await rebuildReadModel(server.url, sourceOf(log), {
      trialsHeldMax,
      onProgress: ({ stage }) => stages.add(stage),
    });
    expect(rebuilt).toMatchObject({ events: log.length, position: log.length });
    expect([...stages]).toEqual(['replay', 'index']);
    const second = await compareReadModel(server.url, sourceOf(log));
    expect(second).toEqual(first);
    expect(await indexes()).toEqual(before);
    expect(await schemas()).toEqual([]);
  });

  it('brings whatever an event may hold through COPY as it is', async () => {
    const hostile = 'a\u0000b\ud800c\udfff\u202e<script>\t\n\r\\N\\.\n\\.\n{"x",}\\"';
    const log = logOf(14, 5).map((message) => {
      if (message.ok === false) return { ...message, subject: hostile };
      const { event } = message;
      const suite = event.type === 'crucible.evaluation.submitted.v2' ? { ...event.data.suite, name: hostile } : {};
      const edited = { ...event, team: hostile, actor: hostile, data: { ...event.data, suite, sampleId: hostile } };
      return { ...message, event: edited as unknown as CrucibleEvent };
    });
    const limits = ['memory', 'a"b', 'c\\d', '{', ''];
    const finished = log.flatMap((message) =>
      message.ok !== false && message.event.type === 'crucible.trial.finished.v2' ? [message.event] : [],
    );
    expect(finished.length).toBeGreaterThan(0);
    for (const { data } of finished) Object.assign(data, { limitsHit: limits });
    await applyAll(log, 10);
    expect(
      await db.selectFrom('trial').select('limits_hit').where('status', '=', 'finished').executeTakeFirst(),
    ).toEqual({
      limits_hit: limits,
    });
    await rebuildReadModel(server.url, sourceOf(log));
    expect(await compareReadModel(server.url, sourceOf(log), { trialsHeldMax: 1 })).toMatchObject({ equal: true });
    const { items } = await model.evaluations(hostile.replace('\0', '\ufffd').toWellFormed(), { limit: 1 });
    expect(items[0]?.suite.name).toBe(hostile);
  });

  it('mends what was changed or lost behind the projection’s back', async () => {
    const log = logOf(6);
    await applyAll(log, 100);
    await sql`delete from trial where sample_index = 0`.execute(db);
    await sql`update evaluation set status = 'forged'`.execute(db);
    expect((await compareReadModel(server.url, sourceOf(log))).equal).toBe(false);
    await rebuildReadModel(server.url, sourceOf(log));
    expect((await compareReadModel(server.url, sourceOf(log))).equal).toBe(true);
  });

  it('fills an empty database, and one whose log is empty', async () => {
    expect(await rebuildReadModel(server.url, sourceOf([]))).toMatchObject({ events: 0, position: 0 });
    const log = logOf(7);
    await rebuildReadModel(server.url, sourceOf(log));
    expect(await projector.position()).toBe(log.length);
    expect((await compareReadModel(server.url, sourceOf(log))).equal).toBe(true);
  });

  it('is not seen by readers, and the live projection goes on through the exchange', async () => {
    const all = logOf(8, 40);
    const half = Math.floor(all.length / 2);
    const log = all.slice(0, half);
    await applyAll(log, 50);
    const folded = foldInMemory(log.filter((each): each is Positioned & Logged => each.ok !== false));
    const trialsOf = (id: string): number =>
      [...folded.trials.values()].filter(({ evaluationId }) => evaluationId === id).length;
    const [id] = [...folded.evaluations.keys()].sort((one, other) => trialsOf(other) - trialsOf(one)) as [EvaluationId];
    const least = { evaluations: folded.evaluations.size, trials: trialsOf(id) };
    expect(least.trials).toBeGreaterThan(5);
    const reading = new AbortController();
    const reads = [1, 2, 3].map((each) => readWithout(reading.signal, id, least, each));
    const live = (async () => {
      for (let at = half; at < all.length; at += 7) {
        log.push(...all.slice(at, at + 7));
        await projector.apply(all.slice(at, at + 7), Math.min(all.length, at + 7));
      }
    })();
    for (let round = 0; round < 6; round += 1) await rebuildReadModel(server.url, sourceOf(log));
    await live;
    reading.abort();
    const moments = await Promise.all(reads);
    expect(Math.min(...moments)).toBeGreaterThan(20);
    expect(await projector.position()).toBe(all.length);
    expect((await compareReadModel(server.url, sourceOf(all))).equal).toBe(true);
  });

  /** Reads until the signal: nothing that was there is missing, and no position goes back. */
  const readWithout = async (
    signal: AbortSignal,
    id: EvaluationId,
    least: { evaluations: number; trials: number },
    kind: number,
  ): Promise<number> => {
    let moments = 0;
    let position = 0;
    while (!signal.aborted) {
      if (kind === 1) {
        const list = await model.evaluations('default', { limit: 500 });
        expect(list.items.length).toBeGreaterThanOrEqual(least.evaluations);
        expect(list.position).toBeGreaterThanOrEqual(position);
        position = list.position;
      } else if (kind === 2) {
        const snapshot = await model.snapshot('default', id);
        expect(snapshot?.evaluation.position ?? 0).toBeGreaterThan(0);
        expect(snapshot?.position).toBeGreaterThanOrEqual(position);
        position = snapshot?.position ?? 0;
        expect(snapshot?.trials.length).toBeGreaterThanOrEqual(least.trials);
      } else {
        const { items, ...list } = await model.events(null, { order: 'desc', limit: 1 });
        expect(items[0]?.position).toBe(list.position);
        expect(list.position).toBeGreaterThanOrEqual(position);
        position = list.position;
        expect(await projector.position()).toBeGreaterThanOrEqual(position);
      }
      moments += 1;
    }
    return moments;
  };

  it('that breaks off leaves the live tables as they are, and the next one clears its leftovers', async () => {
    const log = logOf(9);
    await applyAll(log, 100);
    const whole = await compareReadModel(server.url, sourceOf(log));
    const breaking: LogSource = {
      ...sourceOf(log),
      async *read(from, to, signal) {
        for await (const batch of sourceOf(log).read(from, to, signal)) {
          if ((batch.at(-1)?.position ?? 0) > log.length / 2) await server.cutConnections();
          yield batch;
        }
      },
    };
    await expect(rebuildReadModel(server.url, breaking, { trialsHeldMax: 3 })).rejects.toThrow();
    expect(await schemas()).toEqual(['crucible_rebuild']);
    expect(await projector.position()).toBe(log.length);
    const short: LogSource = { ...sourceOf(log), read: (from, to, signal) => sourceOf(log).read(from, to - 5, signal) };
    await expect(rebuildReadModel(server.url, short)).rejects.toThrow(/ended at/);
    await expect(
      rebuildReadModel(server.url, sourceOf(log), { signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow('enough');
    expect(await compareReadModel(server.url, sourceOf(log))).toEqual(whole);
    await rebuildReadModel(server.url, sourceOf(log));
    expect(await schemas()).toEqual([]);
    expect(await compareReadModel(server.url, sourceOf(log))).toEqual(whole);
  });

  it('refuses to begin beside another, and to put another log’s rows in place', async () => {
    const log = logOf(10);
    await applyAll(log, 100);
    const other = await Session.open(server.url);
    await expect(rebuildReadModel(server.url, sourceOf(log))).rejects.toThrow(RebuildRefused);
    await expect(compareReadModel(server.url, sourceOf(log))).rejects.toThrow(/another rebuild or comparison/);
    await other.close();
    await expect(rebuildReadModel(server.url, sourceOf(log.slice(0, 20)))).rejects.toThrow(/not its log/);
    expect(await projector.position()).toBe(log.length);
  });

  it('waits for a reader that takes long, and gives way to others meanwhile', async () => {
    const log = logOf(11);
    await applyAll(log, 100);
    const reader = await Session.reader(server.url);
    await reader.run('begin isolation level repeatable read');
    await reader.rows('select count(*) from trial');
    const rebuilding = rebuildReadModel(server.url, sourceOf(log));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const begin = performance.now();
    await model.evaluations('default', { limit: 1 });
    expect(performance.now() - begin).toBeLessThan(5_000);
    await reader.close();
    await rebuilding;
    expect((await compareReadModel(server.url, sourceOf(log))).equal).toBe(true);
  });
});

describe('a comparison', () => {
  it('names the first row that differs, and on which side one is missing', async () => {
    const log = logOf(12);
    await applyAll(log, 100);
    await sql`update logged_event set actor = 'somebody else' where position = 7`.execute(db);
    const changed = await compareReadModel(server.url, sourceOf(log));
    expect(changed.firstDifference).toMatchObject({ table: 'logged_event' });
    expect(changed.firstDifference?.live).toContain('somebody else');
    expect(changed.firstDifference?.replayed).toContain('user:simulated');
    await sql`delete from trial where ctid = (select min(ctid) from trial)`.execute(db);
    const lacking = await compareReadModel(server.url, sourceOf(log));
    expect(lacking.firstDifference?.table).toBe('trial');
    const trial = lacking.tables.find(({ table }) => table === 'trial');
    expect((trial?.replayed.rows ?? 0) - (trial?.live.rows ?? 0)).toBe(1);
    await sql`insert into delivery values (gen_random_uuid(), true, 1)`.execute(db);
    const more = await compareReadModel(server.url, sourceOf(log));
    expect(
      more.tables.filter(({ live, replayed }) => live.sha256 !== replayed.sha256).map(({ table }) => table),
    ).toEqual(['trial', 'delivery', 'logged_event']);
    expect(await schemas()).toEqual([]);
  });

  it('is of one moment while the live projection goes on', async () => {
    const log = logOf(13, 40);
    const live = applyAll(log, 5);
    let rounds = 0;
    for (let done = false; !done; rounds += 1) {
      const compared = await compareReadModel(server.url, sourceOf(log));
      expect(compared.firstDifference).toBeNull();
      done = compared.position === log.length;
    }
    await live;
    expect(rounds).toBeGreaterThan(1);
  });
});
