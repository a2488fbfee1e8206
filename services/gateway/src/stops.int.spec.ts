import { randomUUID } from 'node:crypto';
import { stopAnswerSchema } from '@crucible/api';
import { NatsControl } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { EventData } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from './testing/ask.ts';
import { expectProblem } from './testing/expect-problem.ts';
import { TestGateway } from './testing/gateway.ts';

let gateway: TestGateway;
const heard: EventData<'crucible.stop.engaged.v1'>[] = [];
beforeAll(async () => {
  gateway = await TestGateway.start(process.env['CRUCIBLE_TEST_DATABASE_URL']);
  new NatsControl(gateway.bus).onStop(({ data }) => void heard.push(data));
  await gateway.bus.nc.flush();
});
afterAll(() => gateway?.stop());

const post = (path: string, body: unknown): Promise<Answer> => gateway.ask(path, { method: 'POST', body });
const engage = (scope: unknown, reason = 'a drill'): Promise<Answer> => post('/api/v1/stops', { scope, reason });
const release = (id: string, reason = 'looked at'): Promise<Answer> => post(`/api/v1/stops/${id}/release`, { reason });
const recorded = async (): Promise<string[]> => {
  const { events } = await gateway.log.readSubject(subjects.platform('stop'));
  return events.flatMap((stored) =>
    stored.ok ? [`${stored.event.type} ${(stored.event.data as { stopId: string }).stopId}`] : [],
  );
};

describe('a stop', () => {
  it('is told to executors, written, answered, and released by a second act', async () => {
    const answer = await engage({ kind: 'platform' });
    expect(answer.status).toBe(201);
    const { stop, position } = stopAnswerSchema.parse(answer.json);
    expect(stop).toMatchObject({
      scope: { kind: 'platform' },
      reason: 'a drill',
      engagedBy: 'user:local',
      releasedAt: null,
    });
    expect(position).toBeGreaterThan(0);
    await expect.poll(() => heard.at(-1)).toEqual({ stopId: stop.stopId, scope: stop.scope, reason: 'a drill' });
    const released = await release(stop.stopId);
    expect(released.status).toBe(200);
    expect(stopAnswerSchema.parse(released.json).stop).toMatchObject({
      releasedBy: 'user:local',
      releaseReason: 'looked at',
    });
    expect(await recorded()).toEqual([
      `crucible.stop.engaged.v1 ${stop.stopId}`,
      `crucible.stop.released.v1 ${stop.stopId}`,
    ]);
    expectProblem(await release(stop.stopId), 409, 'already-released');
    expectProblem(await release(randomUUID()), 404, 'not-found');
  });

  it('asked for twice is one stop, and executors are told twice', async () => {
    const before = heard.length;
    const first = stopAnswerSchema.parse((await engage({ kind: 'team', team: 'red' })).json);
    const again = await engage({ kind: 'team', team: 'red' }, 'once more');
    expect(again.status).toBe(200);
    expect(stopAnswerSchema.parse(again.json)).toMatchObject({
      position: first.position,
      stop: { stopId: first.stop.stopId, reason: 'a drill' },
    });
    await expect
      .poll(() => heard.slice(before).map(({ stopId }) => stopId))
      .toEqual([first.stop.stopId, first.stop.stopId]);
    await release(first.stop.stopId);
  });

  it('asked for by many at once is written once', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => engage({ kind: 'team', team: 'blue' })));
    const ids = new Set(answers.map(({ json }) => stopAnswerSchema.parse(json).stop.stopId));
    expect(ids.size).toBe(1);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    await release([...ids][0] ?? '');
  });

  it('of an evaluation is for one that there is', async () => {
    const before = heard.length;
    expectProblem(await engage({ kind: 'evaluation', evaluationId: randomUUID() }), 404, 'not-found');
    expect(heard).toHaveLength(before);
    const { id } = (await post('/api/v1/evaluations', { suite: { name: 'tiny' } })).json as { id: string };
    const answer = await engage({ kind: 'evaluation', evaluationId: id });
    expect(answer.status).toBe(201);
    await release((answer.json as { stop: { stopId: string } }).stop.stopId);
  });

  it.each([
    ['no scope', { reason: 'r' }],
    ['no such scope', { scope: { kind: 'galaxy' }, reason: 'r' }],
    ['no reason', { scope: { kind: 'platform' } }],
    ['an empty reason', { scope: { kind: 'platform' }, reason: '  ' }],
  ])('with %s is refused, and nobody is told', async (_, body) => {
    const before = heard.length;
    expectProblem(await post('/api/v1/stops', body), 400, 'invalid-request');
    expect(heard).toHaveLength(before);
  });
});
