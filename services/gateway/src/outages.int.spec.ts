import { setTimeout as sleep } from 'node:timers/promises';
import { subjects } from '@crucible/events';
import { createTestDatabase } from '@crucible/read-model/testing';
import type { TestDatabase } from '@crucible/read-model/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from './testing/ask.ts';
import { expectProblem } from './testing/expect-problem.ts';
import { TestGateway } from './testing/gateway.ts';
import { TcpGate } from './testing/tcp-gate.ts';

const serverUrl = process.env['CRUCIBLE_TEST_DATABASE_URL'];
let postgres: TcpGate;
let gateway: TestGateway;
const spares: TestDatabase[] = [];

beforeAll(async () => {
  postgres = await TcpGate.to(serverUrl ?? 'postgres://127.0.0.1:1');
  gateway = await TestGateway.start(serverUrl, (url) => postgres.through(url));
});
afterAll(async () => {
  await gateway?.stop();
  await postgres?.shut();
  for (const spare of spares) await spare.drop();
});

/** A database with nothing in it. */
const emptyDatabase = async (): Promise<string> => {
  const spare = await createTestDatabase(serverUrl);
  spares.push(spare);
  return spare.url;
};

const readiness = async (): Promise<number> => (await ask(gateway.port, '/readyz')).status;
const untilReady = async (wanted: number): Promise<void> => {
  for (const deadline = Date.now() + 15_000; (await readiness()) !== wanted; await sleep(50)) {
    if (Date.now() > deadline) throw new Error(`readiness stays ${await readiness()}`);
  }
};
const submit = { method: 'POST', body: { suite: { name: 'tiny' } } } as const;

describe('without Postgres', () => {
  it('is not ready, answers with problems, takes submissions, and catches up once it is back', async () => {
    const { id, position } = await gateway.submit(3);
    await gateway.reached(id, position);
    const stream = await gateway.stream(`/api/v1/evaluations/${id}/stream`);
    await stream.until((messages) => messages.length === 1);
    await postgres.shut();
    await untilReady(503);
    expect((await ask(gateway.port, '/healthz')).status).toBe(200);
    for (const path of [
      '/api/v1/evaluations',
      `/api/v1/evaluations/${id}`,
      '/api/v1/platform',
      `/api/v1/evaluations/${id}/stream`,
    ]) {
      expectProblem(await gateway.ask(path), 503, 'read-model-unavailable');
    }
    const accepted = await gateway.ask('/api/v1/evaluations', submit);
    expect(accepted.status).toBe(202);
    const positions = [
      await gateway.admit(id),
      await gateway.dispatch(id),
      await gateway.begin(id),
      await gateway.finish(id),
    ];
    // A stream of all has its headers out before its snapshot is read: it is ended, and not left hanging.
    await (await gateway.stream('/api/v1/stream')).untilClosed();
    await postgres.open();
    await untilReady(200);
    await stream.until((messages) => messages.length === 1 + positions.length, 15_000);
    expect(stream.messages.slice(1).map((message) => Number(message.id))).toEqual(positions);
    stream.close();
    expect(
      (await gateway.ask(`/api/v1/evaluations/${accepted.json.id}?position=${accepted.json.position}`)).status,
    ).toBe(200);
    expect((await gateway.ask(`/api/v1/evaluations/${id}`)).json.evaluation.trials).toMatchObject({ passed: 1 });
  });

  it('that is there and does not answer is not ready either', async () => {
    postgres.freeze();
    await untilReady(503);
    expect((await ask(gateway.port, '/healthz')).status).toBe(200);
    await postgres.shut();
    await postgres.open();
    await untilReady(200);
  });
});

describe('without NATS', () => {
  it('is not ready, still reads, refuses changes with a problem, and goes on once it is back', async () => {
    const { id, position } = await gateway.submit();
    await gateway.reached(id, position);
    const stream = await gateway.stream(`/api/v1/evaluations/${id}/stream`);
    await stream.until((messages) => messages.length === 1);
    await gateway.nats.die('SIGKILL');
    await untilReady(503);
    expect((await gateway.ask(`/api/v1/evaluations/${id}`)).json.evaluation.id).toBe(id);
    const refused = await Promise.all([
      gateway.ask('/api/v1/evaluations', submit),
      gateway.ask(`/api/v1/evaluations/${id}/cancel`, { method: 'POST', body: {} }),
    ]);
    for (const answer of refused) expectProblem(answer, 503, 'event-log-unavailable');
    await gateway.nats.comeBack();
    await untilReady(200);
    const accepted = await gateway.ask('/api/v1/evaluations', submit);
    expect(accepted.status).toBe(202);
    await gateway.reached(accepted.json.id, accepted.json.position);
    const admitted = await gateway.admit(id);
    await stream.until((messages) => messages.some((message) => Number(message.id) === admitted), 15_000);
    stream.close();
  });
});

describe('bytes that are no event', () => {
  it('stop neither the read model nor a start from the first event', async () => {
    const { id } = await gateway.submit();
    for (const bytes of [
      Buffer.from([0xff]),
      Buffer.alloc(0),
      Buffer.from('null'),
      Buffer.alloc(65_000, 'x'),
      Buffer.from('{"specversion":"1.0","type":"crucible.evaluation.submitted.v2"}'),
    ]) {
      await gateway.bus.js.publish(subjects.evaluation(id), bytes);
      await gateway.bus.js.publish('crucible.events.nobody.knows.this', bytes);
    }
    await gateway.reached(id, await gateway.admit(id));
    expect((await gateway.ask(`/api/v1/evaluations/${id}`)).json.evaluation.status).toBe('running');
    const before = (await gateway.ask('/api/v1/evaluations?limit=500')).json;
    await gateway.die('SIGTERM');
    await gateway.boot(await emptyDatabase());
    // Not the position: what could not be read was put aside meanwhile, and that is events as well.
    expect((await gateway.ask('/api/v1/evaluations?limit=500')).json.items).toEqual(before.items);
    const { items } = (await gateway.ask('/api/v1/dead-letters')).json as { items: { position: number }[] };
    expect(items.length).toBe(10);
    expect(new Set(items.map(({ position }) => position)).size).toBe(10);
    await gateway.die();
  });
});

describe('a read model of another log', () => {
  it('is built anew', async () => {
    const other = await TestGateway.start(serverUrl);
    try {
      for (let count = 0; count < 5; count += 1) await other.submit();
      const { id, position } = await other.submit();
      await other.reached(id, position);
      await other.die('SIGTERM');
      await other.nats.stop();
      const fresh = await TestGateway.start(serverUrl);
      await fresh.die('SIGTERM');
      await fresh.boot(other.database.url);
      const own = await fresh.submit();
      await fresh.reached(own.id, own.position);
      expect((await fresh.ask('/api/v1/evaluations')).json.items).toMatchObject([{ id: own.id }]);
      await fresh.stop();
    } finally {
      await other.stop();
    }
  });
});

describe('the end', () => {
  it('comes at once when it is asked for, with streams open, and with nothing in the log that a person should look at', async () => {
    await gateway.boot(await emptyDatabase());
    const readers = await Promise.all(Array.from({ length: 5 }, () => gateway.stream('/api/v1/stream')));
    const started = Date.now();
    await gateway.die('SIGTERM');
    expect(Date.now() - started).toBeLessThan(5_000);
    for (const reader of readers) await reader.untilClosed();
    expect(gateway.output).not.toMatch(/unhandled|uncaught|MaxListeners|did not stop cleanly/i);
  });
});
