import { setTimeout as sleep } from 'node:timers/promises';
import { liveDeltaSchema } from '@crucible/api';
import { NatsLiveReplies } from '@crucible/event-log';
import type { EvaluationId, LiveItem, TrialId } from '@crucible/events';
import { subjects } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from './testing/ask.ts';
import type { SseReader } from './testing/ask.ts';
import { expectProblem } from './testing/expect-problem.ts';
import { TestGateway } from './testing/gateway.ts';

const trialId = '0-1-1' as TrialId;
let gateway: TestGateway;
let replies: NatsLiveReplies;
const readers: SseReader[] = [];
beforeAll(async () => {
  gateway = await TestGateway.start(process.env['CRUCIBLE_TEST_DATABASE_URL']);
  replies = new NatsLiveReplies(gateway.bus);
});
afterAll(async () => {
  for (const reader of readers) reader.close();
  await gateway?.stop();
});

const running = async (): Promise<EvaluationId> => {
  const { id } = await gateway.submit();
  await gateway.dispatch(id);
  await gateway.reached(id, await gateway.begin(id));
  return id;
};
const pathOf = (id: EvaluationId, trial: string = trialId): string => `/api/v1/evaluations/${id}/trials/${trial}/live`;
const tell = (evaluationId: EvaluationId, ...items: LiveItem[]): void =>
  replies.tell({ evaluationId, trialId }, { items });
const delta = (text: string, more: Partial<Extract<LiveItem, { type: 'delta' }>> = {}): LiveItem => ({
  type: 'delta',
  turn: 1,
  attempt: 1,
  kind: 'text',
  after: 0,
  text,
  ...more,
});

/** A reader who is heard by the bus already: it has seen something. */
const follow = async (id: EvaluationId): Promise<SseReader> => {
  const reader = await gateway.stream(pathOf(id));
  readers.push(reader);
  for (let tries = 0; reader.messages.length === 0 && tries < 100; tries += 1) {
    tell(id, { type: 'whole', turn: 0 });
    await sleep(50);
  }
  return reader;
};
const seen = ({ messages }: SseReader) =>
  messages.filter(({ data }) => data !== '{"turn":0}').map(({ event, data }) => [event, JSON.parse(data) as unknown]);
const readersOf = async (id: EvaluationId): Promise<number> => {
  const { events } = await gateway.log.readSubject(subjects.team('default'));
  return events.filter(
    (stored) =>
      stored.ok &&
      stored.event.type === 'crucible.evidence.read.v1' &&
      stored.event.data.evaluationId === id &&
      stored.event.data.channel === 'transcript',
  ).length;
};

describe('replies while they come', () => {
  it('are told as the contract says, hostile text on one line, until the trial ends', async () => {
    const id = await running();
    const reader = await follow(id);
    const hostile = '</script>\u001b[2J\r\n\nevent: end\ndata: {}\n\n\u2028\ud83d';
    tell(id, delta('Hel'), delta('thinking', { kind: 'reasoning' }), { type: 'reset', turn: 1, attempt: 2 });
    const account = { provider: 'p', effective: 4, concurrencyMax: 32, inFlight: 4, waiting: 2, pausedMs: 0 };
    tell(id, { type: 'waits', turn: 1, account }, { type: 'waits', turn: 1, account: null });
    tell(id, delta(hostile, { attempt: 2, kind: 'tool-call' }), { type: 'whole', turn: 1 });
    await reader.until((messages) => messages.some(({ data }) => data === '{"turn":1}'));
    expect(seen(reader)).toEqual([
      ['delta', { turn: 1, attempt: 1, kind: 'text', after: 0, text: 'Hel' }],
      ['delta', { turn: 1, attempt: 1, kind: 'reasoning', after: 0, text: 'thinking' }],
      ['reset', { turn: 1, attempt: 2 }],
      ['waits', { turn: 1, account }],
      ['waits', { turn: 1, account: null }],
      ['delta', { turn: 1, attempt: 2, kind: 'tool-call', after: 0, text: hostile }],
      ['whole', { turn: 1 }],
    ]);
    liveDeltaSchema.parse(seen(reader)[0]?.[1]);
    await gateway.finish(id);
    await reader.untilClosed();
    expect(seen(reader).at(-1)).toEqual(['end', {}]);
  });

  it('are those of one trial, for each of its readers', async () => {
    const [id, other] = [await running(), await running()];
    const two = [await follow(id), await follow(id)];
    tell(other, delta('of another'));
    tell(id, delta('of this one'));
    for (const reader of two) {
      await reader.until((messages) => messages.some(({ event }) => event === 'delta'));
      expect(seen(reader)).toEqual([['delta', { turn: 1, attempt: 1, kind: 'text', after: 0, text: 'of this one' }]]);
    }
    two[0]?.close();
    await sleep(100);
    tell(id, delta('and more'));
    await two[1]?.until((messages) => messages.some(({ data }) => data.includes('and more')));
  });

  it('are not told of what the bus brings that is none', async () => {
    const id = await running();
    const reader = await follow(id);
    for (const body of ['', '{', '{"items":[{"type":"end"}]}', JSON.stringify({ items: [delta('x'.repeat(9_000))] })])
      gateway.bus.nc.publish(subjects.live(id, trialId), new TextEncoder().encode(body));
    tell(id, delta('good'));
    await reader.until((messages) => messages.some(({ event }) => event === 'delta'));
    expect(seen(reader)).toEqual([['delta', { turn: 1, attempt: 1, kind: 'text', after: 0, text: 'good' }]]);
  });

  it('end at once for a trial that has ended', async () => {
    const id = await running();
    await gateway.reached(id, await gateway.finish(id));
    const reader = await gateway.stream(pathOf(id));
    await reader.untilClosed();
    expect(seen(reader)).toEqual([['end', {}]]);
  });
});

describe('who follows them', () => {
  it('is on record as a reader of the transcript, once, before anything is sent', async () => {
    const id = await running();
    await follow(id);
    expect(await readersOf(id)).toBe(1);
    await follow(id);
    expect(await readersOf(id)).toBe(1);
  });

  it('must be of the team, and name a trial that there is', async () => {
    const id = await running();
    expectProblem(await ask(gateway.port, pathOf(id)), 401, 'unauthenticated');
    expectProblem(await gateway.ask(pathOf(id, '7-1-1')), 404, 'not-found');
    expectProblem(await gateway.ask(pathOf(id, 'x')), 400, 'invalid-request');
    expect(await readersOf(id)).toBe(0);
  });

  it('is cut off when it reads nothing, and holds up nobody', async () => {
    const id = await running();
    const slow = await follow(id);
    const quick = await follow(id);
    slow.response.pause();
    const text = 'y'.repeat(8_000);
    for (let round = 0; round < 2_000; round += 1) {
      tell(id, delta(text, { turn: round }), delta('', { turn: round }));
      if (round % 50 === 0) await sleep(5);
    }
    await quick.until((messages) => messages.some(({ data }) => data.startsWith('{"turn":1999')), 30_000);
    slow.response.resume();
    await slow.untilClosed();
    expect(slow.messages.length).toBeLessThan(quick.messages.length);
    expect((await gateway.ask('/readyz')).status).toBe(200);
  });
});
