import { deadLetterListSchema, deadLetterSchema } from '@crucible/api';
import type { DeadLetter } from '@crucible/api';
import { subjects } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectProblem } from './testing/expect-problem.ts';
import { TestGateway } from './testing/gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start(process.env['CRUCIBLE_TEST_DATABASE_URL']);
});
afterAll(() => gateway?.stop());

const letters = async (): Promise<DeadLetter[]> =>
  deadLetterListSchema.parse((await gateway.ask('/api/v1/dead-letters')).json).items;

const until = async <T>(look: () => Promise<T | undefined>, waitMsMax = 40_000): Promise<T> => {
  for (const deadline = Date.now() + waitMsMax; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`it did not come to pass:\n${gateway.output.slice(-2_000)}`);
  }
};
const letterAt = (position: number): Promise<DeadLetter> =>
  until(async () => (await letters()).find((letter) => letter.position === position));

const redrive = async ({ id, redrives }: DeadLetter): Promise<DeadLetter> => {
  const answer = await gateway.ask(`/api/v1/dead-letters/${id}/redrive`, { method: 'POST' });
  expect([answer.status, answer.json.id]).toEqual([202, id]);
  return until(async () => {
    const now = deadLetterSchema.parse((await gateway.ask(`/api/v1/dead-letters/${id}`)).json);
    return now.redrives > redrives && now.status !== 'redriving' ? now : undefined;
  });
};

describe('an event that the projector cannot take', () => {
  it('is put aside after its attempts, and everything else is shown', { timeout: 120_000 }, async () => {
    const [healthy, poisoned] = [await gateway.submit(), await gateway.submit()];
    await gateway.reached(poisoned.id, poisoned.position);
    await gateway.database.run(
      `alter table evaluation add constraint poison check (id::text <> '${poisoned.id}' or status = 'submitted')`,
    );
    const [before, bad, after] = [
      await gateway.admit(healthy.id),
      await gateway.admit(poisoned.id),
      await gateway.complete(healthy.id),
    ];
    const letter = await letterAt(bad);
    expect(letter).toMatchObject({
      consumer: 'gateway/projector',
      stream: 'EVENTS',
      reason: 'handler-failed',
      deliveries: 8,
      status: 'open',
    });
    expect(letter.detail).toContain('poison');
    await gateway.reached(healthy.id, after);
    expect((await gateway.ask(`/api/v1/evaluations/${healthy.id}`)).json.evaluation).toMatchObject({
      status: 'completed',
      position: after,
    });
    expect(before).toBeLessThan(after);
    expect((await gateway.ask('/readyz')).status).toBe(200);
    expect((await letters()).length).toBe(1);

    const asked = await redrive(letter);
    expect(asked).toMatchObject({ status: 'open', redrives: 1 });
    expect(asked.detail).toContain('./crucible projections rebuild');
    await gateway.database.run('alter table evaluation drop constraint poison');
  });

  it('is waited for when the database is to blame, and nothing is put aside', { timeout: 60_000 }, async () => {
    const known = (await letters()).length;
    const { id, position } = await gateway.submit();
    await gateway.reached(id, position);
    await gateway.database.run('alter table evaluation rename to elsewhere');
    const end = await gateway.complete(id);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await gateway.database.run('alter table elsewhere rename to evaluation');
    await until(async () =>
      (await gateway.ask(`/api/v1/evaluations/${id}?position=${end}`)).status === 200 ? true : undefined,
    );
    expect((await letters()).length).toBe(known);
  });
});

describe('what is no event', () => {
  it('is put aside once, also over restarts', { timeout: 60_000 }, async () => {
    const { seq } = await gateway.bus.js.publish(subjects.platform('delivery'), new Uint8Array(65_000).fill(0xff));
    expect(await letterAt(seq)).toMatchObject({ consumer: 'gateway/projector', reason: 'undecodable', deliveries: 1 });
    await gateway.die();
    await gateway.boot();
    const { id, position } = await gateway.submit();
    await gateway.reached(id, position);
    expect((await letters()).filter((letter) => letter.position === seq)).toHaveLength(1);
  });
});

describe('asking for dead letters', () => {
  it.each([
    ['/api/v1/dead-letters?status=lost', 400, 'invalid-request'],
    ['/api/v1/dead-letters/nothing', 400, 'invalid-request'],
    ['/api/v1/dead-letters/019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f', 404, 'not-found'],
  ])('%s is answered with %i', async (path, status, kind) => {
    expectProblem(await gateway.ask(path), status, kind);
  });

  it('needs a login, and to redrive one that there is', async () => {
    const path = '/api/v1/dead-letters/019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f/redrive';
    expectProblem(await gateway.ask(path, { method: 'POST' }), 404, 'not-found');
    expect((await fetch(`http://127.0.0.1:${gateway.port}/api/v1/dead-letters`)).status).toBe(401);
  });
});
