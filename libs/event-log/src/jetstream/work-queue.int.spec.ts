import { setTimeout as sleep } from 'node:timers/promises';
import { subjects, trialIdSchema } from '@crucible/events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newEvaluationId } from '../event-log.contract.ts';
import type { Work, WorkItem } from '../port.ts';
import { TestNatsServer } from '../testing/index.ts';
import type { Bus } from './connection.ts';
import { JetStreamWorkQueue } from './work-queue.ts';

const ACK_WAIT_MS = 1_000;

let server: TestNatsServer;
let bus: Bus;
beforeAll(async () => {
  server = await TestNatsServer.start();
  bus = await server.bus('test');
});
afterAll(() => server.stop());

let pools = 0;
let pool: string;
let stop: AbortController;
let takers: Promise<void>[];
beforeEach(() => {
  pool = `pool-${(pools += 1)}`;
  stop = new AbortController();
  takers = [];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(takers);
});

const queueOn = (on: Bus): JetStreamWorkQueue => new JetStreamWorkQueue(on, { ackWaitMs: ACK_WAIT_MS });
const itemNumber = (index: number): WorkItem => ({
  evaluationId: newEvaluationId(),
  trialId: trialIdSchema.parse(`${index}-1-1`),
  position: index + 1,
});
const taking = (on: Bus, free: () => number, onWork: (work: Work) => Promise<void>, signal = stop.signal): void =>
  void takers.push(queueOn(on).take(pool, free, signal, onWork));
const until = async (condition: () => boolean, waitMs = 10_000): Promise<void> => {
  for (const deadline = Date.now() + waitMs; !condition(); await sleep(10)) {
    if (Date.now() > deadline) throw new Error('it did not come to pass');
  }
};
const waiting = async (): Promise<number> =>
  (await bus.jsm.streams.info('DISPATCH', { subjects_filter: subjects.dispatch(pool) })).state.subjects?.[
    subjects.dispatch(pool)
  ] ?? 0;

describe('the work queue', () => {
  it('gives each item to one of two takers and takes it off when done', async () => {
    const items = Array.from({ length: 40 }, (_, index) => itemNumber(index));
    for (const item of items) await queueOn(bus).push(pool, item);
    const taken: [string, number][] = [];
    for (const name of ['first', 'second']) {
      taking(
        await server.bus(name),
        () => 2,
        async ({ item, done }) => {
          taken.push([name, item.position]);
          await sleep(5);
          await done();
        },
      );
    }
    await until(() => taken.length === items.length);
    await sleep(ACK_WAIT_MS * 1.5);
    expect(taken.map(([, position]) => position).toSorted((a, b) => a - b)).toEqual(
      items.map(({ position }) => position),
    );
    expect(new Set(taken.map(([name]) => name)).size).toBe(2);
    expect(await waiting()).toBe(0);
  });

  it('keeps one copy of an item that is pushed twice', async () => {
    const item = itemNumber(0);
    await queueOn(bus).push(pool, item);
    await queueOn(bus).push(pool, item);
    expect(await waiting()).toBe(1);
  });

  it('takes nothing while there is no room', async () => {
    await queueOn(bus).push(pool, itemNumber(0));
    let free = 0;
    const taken: Work[] = [];
    taking(
      bus,
      () => free,
      async (work) => {
        taken.push(work);
        await work.done();
      },
    );
    await sleep(300);
    expect(taken).toEqual([]);
    free = 1;
    await until(() => taken.length === 1);
  });

  it('gives all the work of a dead taker to another, and says so', async () => {
    for (const index of [0, 1, 2]) await queueOn(bus).push(pool, itemNumber(index));
    const doomed = await server.bus('doomed');
    const dying = new AbortController();
    const first: Work[] = [];
    taking(
      doomed,
      () => 3,
      async (work) => void first.push(work),
      dying.signal,
    );
    await until(() => first.length === 3);
    // As when its process dies: the connection goes, and nothing extends the lease any more.
    await doomed.nc.close();
    dying.abort();
    const second: Work[] = [];
    const work = async (taken: Work): Promise<void> => {
      second.push(taken);
      await taken.done();
    };
    taking(bus, () => 3, work);
    await until(() => second.length === 3);
    const told = (works: readonly Work[]) => works.map(({ item, delivery }) => [item.position, delivery]).toSorted();
    expect(told(first)).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    expect(told(second)).toEqual([
      [1, 2],
      [2, 2],
      [3, 2],
    ]);
  });

  it('leaves long work with the taker who lives', async () => {
    await queueOn(bus).push(pool, itemNumber(0));
    let deliveries = 0;
    let finished = false;
    taking(
      bus,
      () => 4,
      async (work) => {
        deliveries += 1;
        await sleep(ACK_WAIT_MS * 3);
        await work.done();
        finished = true;
      },
    );
    await until(() => finished);
    expect(deliveries).toBe(1);
  });

  it('brings back later what was given back, and goes on with the rest meanwhile', async () => {
    await queueOn(bus).push(pool, itemNumber(0));
    await queueOn(bus).push(pool, itemNumber(1));
    const taken: { position: number; delivery: number; atMs: number }[] = [];
    taking(
      bus,
      () => 1,
      async ({ item, delivery, later, done }) => {
        taken.push({ position: item.position, delivery, atMs: Date.now() });
        if (item.position === 1 && delivery === 1) later(600);
        else await done();
      },
    );
    await until(() => taken.length === 3);
    expect(taken.map(({ position, delivery }) => [position, delivery])).toEqual([
      [1, 1],
      [2, 1],
      [1, 2],
    ]);
    expect((taken[2]?.atMs ?? 0) - (taken[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(590);
  });

  it('throws away what is no item and goes on', async () => {
    await bus.js.publish(subjects.dispatch(pool), Buffer.from('{"evaluationId":1}'));
    await bus.js.publish(subjects.dispatch(pool), Uint8Array.of(0xff));
    await queueOn(bus).push(pool, itemNumber(0));
    let taken = 0;
    taking(
      bus,
      () => 1,
      async (work) => {
        taken += 1;
        await work.done();
      },
    );
    await until(() => taken === 1);
    await sleep(ACK_WAIT_MS * 1.5);
    expect(taken).toBe(1);
    expect(await waiting()).toBe(0);
  });
});

describe('the work queue when its server is killed', () => {
  it('goes on with the items that were not done', async () => {
    const mortal = await TestNatsServer.start();
    try {
      const on = await mortal.bus('test');
      const queue = queueOn(on);
      for (let index = 0; index < 10; index += 1) await queue.push(pool, itemNumber(index));
      const done: number[] = [];
      taking(
        on,
        () => 2,
        async (work) => {
          await sleep(50);
          await work.done();
          done.push(work.item.position);
        },
      );
      await until(() => done.length >= 3);
      await mortal.die();
      await sleep(300);
      await mortal.comeBack();
      await until(() => new Set(done).size === 10, 30_000);
      stop.abort();
      await Promise.all(takers);
    } finally {
      await mortal.stop();
    }
  });
});
