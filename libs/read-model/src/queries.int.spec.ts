import { chanceFrom, simulate } from '@crucible/domain/testing';
import type { EvaluationView, Positioned, TrialView } from '@crucible/domain';
import { limitSchema, outcomeSchema, reasonSchema, verdictSchema } from '@crucible/events';
import type { EvaluationId, TrialId } from '@crucible/events';
import { trialStatusSchema } from '@crucible/domain';
import {
  approvalListSchema,
  callListSchema,
  evaluationListSchema,
  evaluationSnapshotSchema,
  trialListSchema,
} from '@crucible/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from './database.ts';
import type { Database } from './database.ts';
import { Projector } from './projector.ts';
import { BadCursor } from './cursor.ts';
import { ReadModel } from './queries.ts';
import { createTestDatabase } from './testing/index.ts';
import type { TestDatabase } from './testing/index.ts';
import { foldInMemory } from './testing/fold.ts';
import type { Folded } from './testing/fold.ts';

const TEAM = 'default';
const log: Positioned[] = simulate({
  seed: 5,
  evaluationsMax: 40,
  samplesMax: 20,
  troubledSteps: 6_000,
}).log.entries.map(({ position, event }) => ({ position, event }));
const head = log.at(-1)?.position ?? 0;
let server: TestDatabase;
let db: Database;
let model: ReadModel;
let folded: Folded;

beforeAll(async () => {
  server = await createTestDatabase(process.env['CRUCIBLE_TEST_DATABASE_URL']);
  db = await openDatabase(server.url);
  model = new ReadModel(db);
  for (let at = 0; at < log.length; at += 500)
    await new Projector(db).apply(log.slice(at, at + 500), log[Math.min(at + 500, log.length) - 1]?.position ?? 0);
  folded = foldInMemory(log);
});
afterAll(async () => {
  await db?.destroy();
  await server?.drop();
});

/** All pages of a list, joined. */
const everyPage = async <T>(
  read: (cursor: string | undefined) => Promise<{ items: T[]; nextCursor: string | null }>,
  pagesMax = 1_000,
): Promise<T[]> => {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const answer = await read(cursor);
    items.push(...answer.items);
    if (answer.nextCursor === null) return items;
    cursor = answer.nextCursor;
  }
  throw new Error('the pages never end');
};

const newestFirst = (): EvaluationView[] =>
  [...folded.evaluations.values()].sort(
    (one, other) => (folded.submittedAt.get(other.id) ?? 0) - (folded.submittedAt.get(one.id) ?? 0),
  );
const trialsOf = (id: EvaluationId): TrialView[] =>
  [...folded.trials.values()]
    .filter(({ evaluationId }) => evaluationId === id)
    .sort(
      (one, other) => one.sampleIndex - other.sampleIndex || one.epoch - other.epoch || one.attempt - other.attempt,
    );
const busiest = (): EvaluationId =>
  [...folded.evaluations.keys()]
    .map((id) => id as EvaluationId)
    .sort((one, other) => trialsOf(other).length - trialsOf(one).length)[0] as EvaluationId;

describe('conversations', () => {
  const callsOf = (id: EvaluationId, trialId: TrialId): number[] =>
    log
      .filter(({ event }) => /^crucible\.trial\.(model|tool)-called\./.test(event.type))
      .filter(({ event }) => 'trialId' in event.data && event.data.trialId === trialId)
      .filter(({ event }) => (event.data as { evaluationId: string }).evaluationId === id)
      .map(({ position }) => position);
  const talkative = (): { id: EvaluationId; trialId: TrialId; positions: number[] } =>
    [...folded.trials.values()]
      .map(({ evaluationId: id, id: trialId }) => ({ id, trialId, positions: callsOf(id, trialId) }))
      .sort((one, other) => other.positions.length - one.positions.length)[0] as ReturnType<typeof talkative>;

  it.each([1, 2, 200])('give their calls in the order of the log, each once, in pages of %i', async (limit) => {
    const { id, trialId, positions } = talkative();
    expect(positions.length).toBeGreaterThan(2);
    const items: number[] = [];
    for (let after: number | null = 0; after !== null;) {
      const page = callListSchema.parse(await model.calls(id, trialId, { after, limit }));
      expect(page.position).toBe(head);
      items.push(...page.items.map(({ position }) => position));
      after = page.next;
    }
    expect(items).toEqual(positions);
  });

  it('give the calls of one kind', async () => {
    const { id, trialId, positions } = talkative();
    const [models, tools] = await Promise.all(
      (['model', 'tool'] as const).map((kind) => model.calls(id, trialId, { after: 0, limit: 500, kind })),
    );
    expect(models?.items.every(({ kind }) => kind === 'model')).toBe(true);
    expect((models?.items.length ?? 0) + (tools?.items.length ?? 0)).toBe(positions.length);
  });

  it('give the calls of a stretch of turns', async () => {
    const { id, trialId } = talkative();
    const all = (await model.calls(id, trialId, { after: 0, limit: 500 })).items;
    const turns = [...new Set(all.map(({ turn }) => turn))].sort((one, other) => one - other);
    const [fromTurn = 0, toTurn = 0] = [turns.at(0), turns.at(-2)];
    const some = await model.calls(id, trialId, { after: 0, limit: 500, fromTurn, toTurn });
    expect(some.items).toEqual(all.filter(({ turn }) => turn >= fromTurn && turn <= toTurn));
    expect(some.items.length).toBeLessThan(all.length);
  });

  it('tell what waits for a person while it waits, to its own team', async () => {
    const other = await createTestDatabase(process.env['CRUCIBLE_TEST_DATABASE_URL']);
    const past = await openDatabase(other.url);
    try {
      let waited = 0;
      for (let at = 0; at < log.length; at += 40) {
        const events = log.slice(at, at + 40);
        await new Projector(past).apply(events, events.at(-1)?.position ?? 0);
        const then = foldInMemory(log.slice(0, at + 40));
        const expected = [...then.trials.values()].flatMap(({ approvals }) => approvals.map((each) => each.approvalId));
        const list = approvalListSchema.parse(await new ReadModel(past).waitingApprovals(TEAM));
        expect(list.items.map(({ approvalId }) => approvalId).sort()).toEqual(expected.sort());
        waited += expected.length;
      }
      expect(waited).toBeGreaterThan(0);
      expect((await new ReadModel(past).waitingApprovals('other')).items).toEqual([]);
    } finally {
      await past.destroy();
      await other.drop();
    }
  });
});

describe('evaluations', () => {
  it.each(['model-1', 'model-2', 'none'])('of the model %s are found by it', async (name) => {
    const items = await everyPage((cursor) =>
      model.evaluations(TEAM, { limit: 3, model: name, ...(cursor === undefined ? {} : { cursor }) }),
    );
    const expected = newestFirst().filter(({ subject }) => subject.kind !== 'program' && subject.model === name);
    expect(items).toEqual(expected);
    if (name !== 'none') expect(items.length).toBeGreaterThan(0);
    const submitted = await model.submittedUpTo(TEAM, { at: head, model: name, limit: 500 });
    expect(submitted.map(({ view }) => view)).toEqual(expected);
  });

  it.each([1, 3, 7, 500])('come newest first, each once, in pages of %i', async (limit) => {
    const items = await everyPage((cursor) =>
      model.evaluations(TEAM, { limit, ...(cursor === undefined ? {} : { cursor }) }),
    );
    expect(items).toEqual(newestFirst());
    expect(items.length).toBe(40);
  });

  it('are filtered by status and by suite, also across pages', async () => {
    for (const filter of [
      { status: 'cancelled' as const },
      { status: 'completed' as const },
      { suite: 'suite-1' },
      { status: 'completed' as const, suite: 'suite-2' },
      { suite: "'; drop table evaluation; --" },
    ]) {
      const items = await everyPage((cursor) =>
        model.evaluations(TEAM, { limit: 2, ...filter, ...(cursor === undefined ? {} : { cursor }) }),
      );
      expect(items).toEqual(
        newestFirst().filter(
          ({ status, suite }) =>
            (!('status' in filter) || status === filter.status) &&
            (!('suite' in filter) || suite.name === filter.suite),
        ),
      );
    }
  });

  it('are no other team’s to see', async () => {
    const id = busiest();
    expect(await model.evaluations('other', { limit: 10 })).toEqual({ items: [], nextCursor: null, position: head });
    expect(await model.evaluation('other', id)).toEqual({ evaluation: null, stop: null, position: head });
    expect(await model.snapshot('other', id)).toBeNull();
  });

  it('fit the published shapes', async () => {
    evaluationListSchema.parse(await model.evaluations(TEAM, { limit: 50 }));
    evaluationSnapshotSchema.parse(await model.snapshot(TEAM, busiest()));
    trialListSchema.parse(await model.trials(busiest(), { limit: 100 }));
  });
});

describe('trials', () => {
  it.each([1, 4, 500])('come by sample, epoch and attempt, each once, in pages of %i', async (limit) => {
    const id = busiest();
    const items = await everyPage((cursor) => model.trials(id, { limit, ...(cursor === undefined ? {} : { cursor }) }));
    expect(items).toEqual(trialsOf(id));
    // Several pages of the middle size.
    expect(items.length).toBeGreaterThan(12);
  });

  it('are filtered by every column', async () => {
    const id = busiest();
    const filters = [
      ...trialStatusSchema.options.map((status) => ({ status })),
      ...outcomeSchema.options.map((outcome) => ({ outcome })),
      ...reasonSchema.options.map((reason) => ({ reason })),
      ...verdictSchema.options.map((verdict) => ({ verdict })),
      ...[true, false].map((latest) => ({ latest })),
      { outcome: 'errored' as const, latest: false },
    ];
    for (const filter of filters) {
      const items = await everyPage((cursor) =>
        model.trials(id, { limit: 3, ...filter, ...(cursor === undefined ? {} : { cursor }) }),
      );
      expect(items).toEqual(
        trialsOf(id).filter((trial) =>
          Object.entries(filter).every(([key, value]) => trial[key as keyof TrialView] === value),
        ),
      );
    }
    for (const limitHit of limitSchema.options)
      expect((await model.trials(id, { limit: 10, limitHit })).items).toEqual(
        trialsOf(id).filter((trial) => trial.limitsHit.includes(limitHit)),
      );
  });

  it('are found one by one, and only where they are', async () => {
    const id = busiest();
    const [first] = trialsOf(id);
    expect((await model.trial(id, first?.id as TrialId)).trial).toEqual(first);
    expect((await model.trial(id, '999-1-1' as TrialId)).trial).toBeNull();
  });
});

describe('cursors', () => {
  const cursorOf = (text: string): string => Buffer.from(text).toString('base64url');
  it.each([
    '',
    '!',
    cursorOf(''),
    cursorOf('1.2'),
    cursorOf('-1'),
    cursorOf('1e3'),
    cursorOf(' 1'),
    cursorOf('0x10'),
    cursorOf('99999999999999999999'),
    cursorOf('1;drop'),
  ])('that are not ours are refused: %j', async (cursor) => {
    await expect((async () => model.evaluations(TEAM, { limit: 1, cursor }))()).rejects.toThrow(BadCursor);
    await expect((async () => model.trials(busiest(), { limit: 1, cursor }))()).rejects.toThrow(BadCursor);
  });

  it('beyond every row give an empty page', async () => {
    const far = String(Number.MAX_SAFE_INTEGER);
    expect((await model.trials(busiest(), { limit: 1, cursor: cursorOf(`${far}.${far}.${far}`) })).items).toEqual([]);
    expect((await model.evaluations(TEAM, { limit: 1, cursor: cursorOf('0') })).items).toEqual([]);
  });

  it('keep their place while newer evaluations come in', async () => {
    const own = await createTestDatabase(process.env['CRUCIBLE_TEST_DATABASE_URL']);
    const growing = await openDatabase(own.url);
    const half = log.slice(0, Math.floor(log.length / 2));
    await new Projector(growing).apply(half, half.length);
    const reader = new ReadModel(growing);
    const before = await everyPage((cursor) =>
      reader.evaluations(TEAM, { limit: 500, ...(cursor === undefined ? {} : { cursor }) }),
    );
    let grown = false;
    const during = await everyPage(async (cursor) => {
      const page = await reader.evaluations(TEAM, { limit: 3, ...(cursor === undefined ? {} : { cursor }) });
      if (!grown) await new Projector(growing).apply(log, head);
      grown = true;
      return page;
    });
    expect(during.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    await growing.destroy();
    await own.drop();
  });
});

describe('isolation', () => {
  it('gives rows and position of one moment while the projector writes', async () => {
    const own = await createTestDatabase(process.env['CRUCIBLE_TEST_DATABASE_URL']);
    const growing = await openDatabase(own.url);
    const reader = new ReadModel(growing);
    const chance = chanceFrom(9);
    const id = busiest();
    let writing = true;
    const write = async (): Promise<void> => {
      for (let at = 0; at < log.length;) {
        const batch = log.slice(at, at + chance.between(1, 60));
        await new Projector(growing).apply(batch, batch.at(-1)?.position ?? 0);
        at += batch.length;
      }
      writing = false;
    };
    const done = write();
    let moments = 0;
    while (writing) {
      const snapshot = await reader.snapshot(TEAM, id);
      if (snapshot === null) continue;
      const then = foldInMemory(log.slice(0, snapshot.position));
      expect(snapshot.evaluation).toEqual(then.evaluations.get(id));
      expect(snapshot.trials.length).toBe(
        [...then.trials.values()].filter(({ evaluationId }) => evaluationId === id).length,
      );
      for (const trial of snapshot.trials) expect(trial).toEqual(then.trials.get(`${id}/${trial.id}`));
      moments += 1;
    }
    await done;
    expect(moments).toBeGreaterThan(5);
    await growing.destroy();
    await own.drop();
  });
});

describe('alerts', () => {
  it('say of each whether its trial ran in a looser sandbox than strict, in lists and alone', async () => {
    const alerts = await everyPage((cursor) =>
      model.alerts(TEAM, { limit: 50, ...(cursor === undefined ? {} : { cursor }) }),
    );
    const marks = new Set<boolean>();
    for (const { id, evaluationId, trialId, looserProfile } of alerts) {
      const trial = trialsOf(evaluationId).find((each) => each.id === trialId);
      expect(looserProfile).toBe((trial?.profile?.looserThanStrict.length ?? 0) > 0);
      marks.add(looserProfile);
      if (marks.size < 2 || !looserProfile) continue;
      expect((await model.alert(TEAM, id)).alert).toMatchObject({ id, looserProfile });
    }
    expect(marks.size).toBe(2);
  });
});
