import { setTimeout as sleep } from 'node:timers/promises';
import { subjects } from '@crucible/events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newEvaluationId, request } from '../event-log.contract.ts';
import { RetryLater } from '../port.ts';
import type { StoredEvent } from '../port.ts';
import { TestNatsServer } from '../testing/index.ts';
import type { Bus } from './connection.ts';
import { JetStreamDurableEvents } from './durable.ts';
import { JetStreamEventLog } from './event-log.ts';

const ACK_WAIT_MS = 1_000;

let server: TestNatsServer;
let bus: Bus;
let log: JetStreamEventLog;
beforeAll(async () => {
  server = await TestNatsServer.start();
  bus = await server.bus('test');
  log = new JetStreamEventLog(bus);
});
afterAll(() => server.stop());

let durables = 0;
let durable: string;
let subject: string;
let stop: AbortController;
let consumers: Promise<void>[];
beforeEach(() => {
  durable = `durable-${(durables += 1)}`;
  stop = new AbortController();
  consumers = [];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(consumers);
});

type Handle = (stored: StoredEvent, delivery: number) => Promise<void>;
const consume = (handle: Handle, options = { concurrency: 1 }, on = bus, signal = stop.signal): void => {
  const events = new JetStreamDurableEvents(on, { ackWaitMs: ACK_WAIT_MS });
  consumers.push(events.consume({ durable, subject, ...options }, signal, handle));
};
/** Events of one evaluation: a subject of its own for each test. */
const put = async (count: number): Promise<number[]> => {
  const id = newEvaluationId();
  subject = subjects.evaluation(id);
  const positions: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const result = await log.append(request(id));
    if (result.ok) positions.push(result.position);
  }
  return positions;
};
const until = async (condition: () => boolean, waitMs = 10_000): Promise<void> => {
  for (const deadline = Date.now() + waitMs; !condition(); await sleep(10)) {
    if (Date.now() > deadline) throw new Error('it did not come to pass');
  }
};

describe('durable events', () => {
  it('come in order, one at a time, and not again in another life', async () => {
    const positions = await put(20);
    const seen: number[] = [];
    let atOnce = 0;
    consume(async ({ position }, delivery) => {
      expect([(atOnce += 1), delivery]).toEqual([1, 1]);
      await sleep(1);
      seen.push(position);
      atOnce -= 1;
    });
    await until(() => seen.length === 20);
    stop.abort();
    await Promise.all(consumers);
    expect(seen).toEqual(positions);
    stop = new AbortController();
    consume(async ({ position }) => void seen.push(position));
    await sleep(ACK_WAIT_MS * 1.5);
    expect(seen.length).toBe(20);
  });

  it('come so many at once as there is room for, and no more', async () => {
    await put(12);
    let atOnce = 0;
    let most = 0;
    let handled = 0;
    const handle = async (): Promise<void> => {
      most = Math.max(most, (atOnce += 1));
      await sleep(30);
      atOnce -= 1;
      handled += 1;
    };
    consume(handle, { concurrency: 3 });
    await until(() => handled === 12);
    expect(most).toBe(3);
  });

  it('come again after an error, counted', async () => {
    await put(1);
    const deliveries: number[] = [];
    consume((_, delivery) => {
      deliveries.push(delivery);
      return delivery < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve();
    });
    await until(() => deliveries.length === 3);
    expect(deliveries).toEqual([1, 2, 3]);
  });

  it('come again after an error that took its time, while others are handled', async () => {
    const [first] = await put(6);
    const deliveries: number[] = [];
    const handle: Handle = async ({ position }, delivery) => {
      await sleep(100);
      if (position !== first) return;
      deliveries.push(delivery);
      if (delivery < 3) throw new Error('not yet');
    };
    consume(handle, { concurrency: 3 });
    await until(() => deliveries.length === 3);
    expect(deliveries).toEqual([1, 2, 3]);
  });

  it('come again when the handler wants them, which holds up nothing else', async () => {
    const [first, second] = await put(2);
    const seen: { position: number; atMs: number }[] = [];
    const handle: Handle = ({ position }, delivery) => {
      seen.push({ position, atMs: Date.now() });
      return position === first && delivery === 1 ? Promise.reject(new RetryLater('soon', 700)) : Promise.resolve();
    };
    consume(handle, { concurrency: 1, ...{ pendingMax: 10 } });
    await until(() => seen.length === 3);
    expect(seen.map(({ position }) => position)).toEqual([first, second, first]);
    const waitedMs = (seen[2]?.atMs ?? 0) - (seen[0]?.atMs ?? 0);
    expect(waitedMs).toBeGreaterThanOrEqual(690);
    expect(waitedMs).toBeLessThan(3_000);
  });

  it('stay with a handler that takes long', async () => {
    await put(1);
    const deliveries: number[] = [];
    let done = false;
    consume(async (_, delivery) => {
      deliveries.push(delivery);
      await sleep(ACK_WAIT_MS * 2.5);
      done = true;
    });
    await until(() => done);
    await sleep(ACK_WAIT_MS * 1.5);
    expect(deliveries).toEqual([1]);
  });

  it('of a dead process come to the next', async () => {
    await put(1);
    const doomed = await server.bus('doomed');
    const dying = new AbortController();
    const deliveries: number[] = [];
    let release = (): void => undefined;
    const never = new Promise<void>((resolve) => (release = resolve));
    consume((_, delivery) => (deliveries.push(delivery), never), { concurrency: 1 }, doomed, dying.signal);
    await until(() => deliveries.length === 1);
    await doomed.nc.close();
    dying.abort();
    consume(async (_, delivery) => void deliveries.push(delivery));
    await until(() => deliveries.length === 2);
    expect(deliveries).toEqual([1, 2]);
    release();
  });

  it('are handed over also when their bytes are no event', async () => {
    await put(1);
    await bus.js.publish(subject, Uint8Array.of(0xff));
    const seen: boolean[] = [];
    consume(async ({ ok }) => void seen.push(ok));
    await until(() => seen.length === 2);
    expect(seen).toEqual([true, false]);
  });

  it('in hand are finished before the consumer ends', async () => {
    await put(1);
    let finished = false;
    let began = false;
    consume(async () => {
      began = true;
      await sleep(300);
      finished = true;
    });
    await until(() => began);
    stop.abort();
    await Promise.all(consumers);
    expect(finished).toBe(true);
  });
});
