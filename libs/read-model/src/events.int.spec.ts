import { eventListSchema, deadLetterListSchema } from '@crucible/api';
import type { EventListQuery } from '@crucible/api';
import { simulate } from '@crucible/domain/testing';
import { examples, subjects } from '@crucible/events';
import type { CrucibleEvent, EvaluationId, EventType, TrialId } from '@crucible/events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from './database.ts';
import type { Database } from './database.ts';
import { loggedRow } from './logged.ts';
import type { Logged } from './logged.ts';
import { Projector } from './projector.ts';
import { ReadModel } from './queries.ts';
import { createTestDatabase } from './testing/index.ts';
import type { TestDatabase } from './testing/index.ts';

let server: TestDatabase;
let db: Database;
let projector: Projector;
let model: ReadModel;

beforeAll(async () => {
  server = await createTestDatabase(process.env['CRUCIBLE_TEST_DATABASE_URL']);
  db = await openDatabase(server.url);
  projector = new Projector(db);
  model = new ReadModel(db);
});
afterAll(async () => {
  await db?.destroy();
  await server?.drop();
});
beforeEach(() => projector.reset());

const id = (count: number): string => `00000009-0000-7000-8000-${String(count).padStart(12, '0')}`;
const listOf = (query: Partial<EventListQuery>): EventListQuery => ({ order: 'desc', limit: 100, ...query });

/** Messages in the order given, with the example data of their type where nothing else is said. */
const logOf = (
  messages: readonly (
    { type: EventType; subject?: string; data?: object; team?: string; actor?: string } | { unreadable: string }
  )[],
): Logged[] =>
  messages.map((message, index) => {
    const position = index + 1;
    if ('unreadable' in message) return { position, subject: message.unreadable, ok: false };
    const { type, data, team = 'default', actor = 'user:local' } = message;
    const subject = message.subject ?? subjects.platform('executor');
    const event = {
      id: id(position),
      type,
      subject,
      time: '2026-01-01T00:00:00.000Z',
      team,
      actor,
      data: { ...examples[type].data, ...data },
    };
    return { position, subject, ok: true, event: event as unknown as CrucibleEvent };
  });
const apply = (log: readonly Logged[]): Promise<void> => projector.apply(log, log.length);
const positions = async (team: string | null, query: Partial<EventListQuery>): Promise<number[]> =>
  (await model.events(team, listOf(query))).items.map(({ position }) => position);

describe('the list of events', () => {
  const log: Logged[] = simulate({ seed: 3, evaluationsMax: 6, troubledSteps: 400 }).log.entries;

  it('has every message once, with what can be said of it, and fits the published shape', async () => {
    await apply(log);
    const list = await model.events(null, listOf({ order: 'asc', limit: 1_000 }));
    eventListSchema.parse(list);
    expect(list.position).toBe(log.length);
    expect(list.items).toEqual(
      log.map((message) => {
        const { evaluation_id: evaluationId, trial_id: trialId, stop_id: _, ...rest } = loggedRow(message);
        return { ...rest, evaluationId, trialId };
      }),
    );
  });

  it('is filtered by each thing that can be asked, alone and together', async () => {
    await apply(log);
    const rows = log.map(loggedRow);
    const evaluation = rows[0]?.evaluation_id as EvaluationId;
    const trial = rows.find(({ trial_id }) => trial_id !== null)?.trial_id as TrialId;
    const expected = (wanted: (row: (typeof rows)[number]) => boolean): number[] =>
      rows.filter(wanted).map(({ position }) => position);
    const asc = { order: 'asc', limit: 1_000 } as const;
    const type = 'crucible.trial.finished.v2';
    expect(await positions(null, { ...asc, type })).toEqual(expected((row) => row.type === type));
    expect(await positions(null, { ...asc, type: 'crucible.trial.*' })).toEqual(
      expected((row) => row.type?.startsWith('crucible.trial.') === true),
    );
    expect(await positions(null, { ...asc, type: 'crucible_%*' })).toEqual([]);
    expect(await positions(null, { ...asc, type: 'a\0*' })).toEqual([]);
    expect(await positions(null, { ...asc, evaluation })).toEqual(
      expected(({ evaluation_id }) => evaluation_id === evaluation),
    );
    expect(await positions(null, { ...asc, evaluation, trial, type })).toEqual(
      expected((row) => row.evaluation_id === evaluation && row.trial_id === trial && row.type === type),
    );
    expect(await positions(null, { ...asc, actor: 'nobody\0' })).toEqual([]);
    expect(await positions(null, { id: rows[4]?.id as string })).toEqual([5]);
    expect(await positions(null, { id: "'; drop table logged_event" })).toEqual([]);
    expect(await positions(null, { after: 3, before: 9 })).toEqual([8, 7, 6, 5, 4]);
    expect(await positions(null, { order: 'asc', after: 3, limit: 2 })).toEqual([4, 5]);
  });

  it('keeps one row for each message, however often and in whatever batches it is applied', async () => {
    for (const size of [7, 50, 3]) {
      for (let at = 0; at < log.length; at += size)
        await projector.apply(log.slice(at, at + size), Math.min(log.length, at + size));
    }
    expect((await positions(null, { order: 'asc', limit: 1_000 })).length).toBe(log.length);
  });

  it('shows a team its own events and the platform’s, and what nobody can read among those', async () => {
    const [mine, theirs] = [id(101), id(102)] as [EvaluationId, EvaluationId];
    await apply(
      logOf([
        {
          type: 'crucible.evaluation.submitted.v2',
          subject: subjects.evaluation(mine),
          data: { evaluationId: mine },
          team: 'mine',
        },
        {
          type: 'crucible.evaluation.submitted.v2',
          subject: subjects.evaluation(theirs),
          data: { evaluationId: theirs },
          team: 'theirs',
        },
        { type: 'crucible.executor.started.v1', team: 'somebody' },
        {
          type: 'crucible.delivery.failed.v1',
          subject: subjects.platform('delivery'),
          data: { evaluationId: theirs },
          team: 'theirs',
        },
        { unreadable: subjects.evaluation(mine) },
        { unreadable: subjects.trial(theirs, '0-1-1' as TrialId) },
        { unreadable: subjects.platform('executor') },
        { unreadable: subjects.team('mine') },
        { unreadable: subjects.team('theirs') },
        { unreadable: 'crucible.events.evaluation.\0not-an-id' },
      ]),
    );
    expect(await positions('mine', {})).toEqual([8, 7, 5, 3, 1]);
    expect(await positions('theirs', {})).toEqual([9, 7, 6, 4, 3, 2]);
    expect(await positions(null, {})).toHaveLength(10);
    const { items } = await model.events(null, listOf({ evaluation: theirs, trial: '0-1-1' as TrialId }));
    expect(items).toMatchObject([{ position: 6, id: null, type: null, time: null, actor: null, team: null }]);
  });
});

describe('events of emergency stops', () => {
  const theirs = id(102) as EvaluationId;
  const stop = (count: number, scope: object, team: string) => ({
    type: 'crucible.stop.engaged.v1' as const,
    subject: subjects.platform('stop'),
    data: { stopId: id(count), scope },
    team,
  });
  const released = (count: number) => ({
    type: 'crucible.stop.released.v1' as const,
    subject: subjects.platform('stop'),
    data: { stopId: id(count) },
    team: 'ops',
  });
  /** Executors speak for no team: what they write bears the default one's name. */
  const applied = (count: number) => ({ type: 'crucible.stop.applied.v1' as const, data: { stopId: id(count) } });
  const log = logOf([
    {
      type: 'crucible.evaluation.submitted.v2',
      subject: subjects.evaluation(theirs),
      data: { evaluationId: theirs },
      team: 'theirs',
    },
    applied(201),
    stop(201, { kind: 'platform' }, 'ops'),
    stop(202, { kind: 'team', team: 'mine' }, 'mine'),
    stop(203, { kind: 'evaluation', evaluationId: theirs }, 'theirs'),
    applied(201),
    applied(202),
    applied(203),
    released(201),
    released(202),
    released(203),
    stop(204, { kind: 'team', team: 'mine' }, 'ops'),
    applied(205),
  ]);

  it.each([1, 4, 100])('are for those whom the stop is for, and whoever pulled it, in batches of %i', async (size) => {
    for (let at = 0; at < log.length; at += size)
      await projector.apply(log.slice(at, at + size), Math.min(log.length, at + size));
    expect(await positions('mine', { type: 'crucible.stop.*' })).toEqual([12, 10, 9, 7, 6, 4, 3]);
    expect(await positions('theirs', { type: 'crucible.stop.*' })).toEqual([11, 9, 8, 6, 5, 3]);
    expect(await positions('ops', { type: 'crucible.stop.*' })).toEqual([12, 9, 6, 3]);
    expect(await positions('default', { type: 'crucible.stop.*' })).toEqual([9, 6, 3]);
    expect(await positions(null, { type: 'crucible.stop.*' })).toHaveLength(12);
    const audiences = await model.stopAudiences([202, 203, 205, 206].map(id));
    expect(audiences).toEqual(
      new Map([
        [id(202), { scope: { kind: 'team', team: 'mine' }, teams: ['mine'], from: 4 }],
        [id(203), { scope: { kind: 'evaluation', evaluationId: theirs }, teams: ['theirs'], from: 5 }],
      ]),
    );
  });
});

describe('dead letters', () => {
  const recorded = (count: number, consumer: string) => ({
    type: 'crucible.dead-letter.recorded.v1' as const,
    subject: subjects.deadLetters('notifier'),
    data: { deadLetterId: id(count), consumer },
  });
  const redrive = (count: number) => ({
    type: 'crucible.dead-letter.redrive-requested.v1' as const,
    data: { deadLetterId: id(count) },
  });
  const settled = (count: number, outcome: 'handled' | 'failed', detail = '') => ({
    type: 'crucible.dead-letter.settled.v1' as const,
    subject: subjects.deadLetters('notifier'),
    data: { deadLetterId: id(count), outcome, detail },
  });
  const log = logOf([
    recorded(1, 'notifier/webhook'),
    recorded(2, 'scheduler/events'),
    recorded(3, 'notifier/webhook'),
    redrive(1),
    settled(1, 'failed', 'still no answer'),
    redrive(1),
    settled(1, 'handled'),
    redrive(2),
    redrive(99),
    settled(98, 'handled'),
    recorded(3, 'notifier/webhook'),
    // Of another service's letter.
    settled(2, 'handled'),
  ]);

  it.each([1, 2, 100])('stand where their last event left them, in batches of %i', async (size) => {
    for (let at = 0; at < log.length; at += size)
      await projector.apply(log.slice(at, at + size), Math.min(log.length, at + size));
    const list = await model.deadLetters({ limit: 10 });
    deadLetterListSchema.parse(list);
    expect(list.items).toMatchObject([
      { id: id(3), status: 'open', redrives: 0, recordedPosition: 3 },
      { id: id(2), status: 'redriving', redrives: 1, recordedPosition: 2 },
      { id: id(1), status: 'handled', redrives: 2, detail: 'still no answer', recordedPosition: 1 },
    ]);
    expect((await model.deadLetters({ limit: 10, status: 'open' })).items.map((each) => each.id)).toEqual([id(3)]);
    expect((await model.deadLetters({ limit: 1, consumer: 'notifier/webhook' })).items.map((each) => each.id)).toEqual([
      id(3),
    ]);
    expect(await model.deadLetter(id(2))).toEqual(list.items[1]);
    expect(await model.deadLetter(id(99))).toBeNull();
    expect(await model.deadLetter('no id')).toBeNull();
  });
});
