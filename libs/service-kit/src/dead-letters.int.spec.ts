import { setTimeout as sleep } from 'node:timers/promises';
import { durables, JetStreamDurableEvents, JetStreamEventLog, JetStreamWorkQueue } from '@crucible/event-log';
import type { Bus } from '@crucible/event-log';
import { TestNatsServer } from '@crucible/event-log/testing';
import { evaluationIdSchema, subjects, trialIdSchema } from '@crucible/events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DeadLetters } from './dead-letters.ts';
import { durableEvents } from './durable.ts';
import type { DeliveredEvent } from './durable.ts';
import { BATCH, orderedBatches } from './ordered.ts';
import { redrives } from './redrives.ts';
import type { Deliver, DeliverySource } from './strategy.ts';
import { askRedrive, corruptBodies, putEvent, quiet, recordedOf, settledOf, until } from './testing/letters.ts';
import { workOf } from './work.ts';

const ACK_WAIT_MS = 1_000;
const { webhook, notifierRedrive } = durables;

let server: TestNatsServer;
let bus: Bus;
let log: JetStreamEventLog;
let stop: AbortController;
let running: Promise<void>[];
beforeEach(async () => {
  server = await TestNatsServer.start();
  bus = await server.bus('test');
  log = new JetStreamEventLog(bus);
  stop = new AbortController();
  running = [];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(running);
  await server.stop();
});

const lettersOn = (on: Bus, service = 'notifier'): DeadLetters =>
  new DeadLetters(service, new JetStreamEventLog(on), () => on.edge.newId(), quiet);
const run = (source: DeliverySource, deliver: Deliver, signal = stop.signal): void =>
  void running.push(source.run(deliver, signal));
const consumer = (deadLetters: DeadLetters, on = bus, attemptsMax = 2): DeliverySource =>
  durableEvents(new JetStreamDurableEvents(on, { ackWaitMs: ACK_WAIT_MS }), {
    durable: webhook.durable,
    subject: webhook.subject,
    concurrency: 4,
    pendingMax: webhook.pendingMax,
    logger: quiet,
    letters: { deadLetters, consumer: 'webhook', attemptsMax },
  });
const unsettled = async (): Promise<number> => {
  const { num_ack_pending, num_pending } = await bus.jsm.consumers.info(webhook.stream, webhook.durable);
  return num_ack_pending + num_pending;
};

describe('a durable consumer', () => {
  it('puts aside each kind of corrupt bytes, and handles what comes behind them', async () => {
    const kinds = Object.values(corruptBodies);
    for (const body of kinds)
      await bus.js.publish(subjects.evaluation(evaluationIdSchema.parse(bus.edge.newId())), body);
    const last = await putEvent(log);
    const seen: number[] = [];
    run(consumer(lettersOn(bus)), async (_pattern, payload) => void seen.push((payload as DeliveredEvent).position));
    await until(async () => seen.includes(last) && (await recordedOf(log)).length === kinds.length);
    expect(seen).toEqual([last]);
    const recorded = (await recordedOf(log)).toSorted((one, other) => one.position - other.position);
    expect(recorded.map(({ reason, position, bytes }) => [reason, position, bytes])).toEqual(
      kinds.map((body, index) => ['undecodable', index + 1, body.byteLength]),
    );
    expect(recorded.map(({ detail }) => detail.split(':')[0])).toEqual([
      'not-json',
      'not-json',
      'unknown-type',
      'not-json',
      'not-json',
    ]);
    await until(async () => (await unsettled()) === 0);
  });

  it('puts aside what its handler fails at, after so many attempts, and holds up nothing', async () => {
    const poisoned = await putEvent(log, 'poison');
    const last = await putEvent(log);
    const attempts: number[] = [];
    run(consumer(lettersOn(bus)), async (_pattern, payload) => {
      const { position } = payload as DeliveredEvent;
      attempts.push(position);
      await Promise.resolve();
      if (position === poisoned) throw new TypeError('no');
    });
    await until(async () => (await recordedOf(log)).length === 1);
    await until(async () => (await unsettled()) === 0);
    expect(attempts.toSorted()).toEqual([poisoned, poisoned, last]);
    expect((await recordedOf(log))[0]).toMatchObject({ position: poisoned, deliveries: 2, reason: 'handler-failed' });
  });

  it('that dies between the record and the acknowledgement leaves one record', async () => {
    await bus.js.publish(subjects.evaluation(evaluationIdSchema.parse(bus.edge.newId())), Uint8Array.of(0xff));
    const doomed = await server.bus('doomed');
    const letters = lettersOn(doomed);
    const record = letters.record.bind(letters);
    const dying = new AbortController();
    letters.record = async (letter) => {
      await record(letter);
      dying.abort();
      await doomed.nc.close();
    };
    run(consumer(letters, doomed), () => Promise.resolve(), dying.signal);
    await until(() => doomed.nc.isClosed());
    expect(await recordedOf(log)).toHaveLength(1);
    expect(await unsettled()).toBe(1);
    run(consumer(lettersOn(bus)), () => Promise.resolve());
    await until(async () => (await unsettled()) === 0);
    expect(await recordedOf(log)).toHaveLength(1);
  });

  it(
    'whose server is killed while it puts things aside misses none and repeats none',
    { timeout: 90_000 },
    async () => {
      for (let index = 0; index < 30; index += 1)
        await bus.js.publish(subjects.evaluation(evaluationIdSchema.parse(bus.edge.newId())), Uint8Array.of(index));
      run(consumer(lettersOn(bus)), () => Promise.resolve());
      await until(async () => (await recordedOf(log)).length >= 5);
      await server.die();
      await sleep(500);
      await server.comeBack();
      await until(async () => (await unsettled().catch(() => 1)) === 0, 60_000);
      const positions = (await recordedOf(log)).map(({ position }) => position);
      expect(positions.toSorted((one, other) => one - other)).toEqual(
        Array.from({ length: 30 }, (_, index) => index + 1),
      );
    },
  );
});

describe('a dead letter that is asked for again', () => {
  const letterOf = async (poison: { cured: boolean }): Promise<string> => {
    const deadLetters = lettersOn(bus);
    const deliver: Deliver = () => (poison.cured ? Promise.resolve() : Promise.reject(new TypeError('still no')));
    run(consumer(deadLetters, bus, 1), deliver);
    const durable = new JetStreamDurableEvents(bus, { ackWaitMs: ACK_WAIT_MS });
    run(redrives(durable, notifierRedrive, deadLetters, quiet), () => Promise.reject(new Error('not for handlers')));
    await putEvent(log);
    await until(async () => (await recordedOf(log)).length === 1);
    return (await recordedOf(log))[0]?.deadLetterId ?? '';
  };

  it('is handled when what was wrong is mended, and says why not until then', async () => {
    const poison = { cured: false };
    const id = await letterOf(poison);
    await askRedrive(log, id);
    await until(async () => (await settledOf(log)).length === 1);
    poison.cured = true;
    await askRedrive(log, id);
    await until(async () => (await settledOf(log)).length === 2);
    expect(await settledOf(log)).toEqual([
      { deadLetterId: id, outcome: 'failed', detail: 'TypeError: still no' },
      { deadLetterId: id, outcome: 'handled', detail: '' },
    ]);
  });
});

describe('a reader in batches', () => {
  it('passes over what it cannot take, on the record, and reads all else in order', async () => {
    const positions: number[] = [];
    for (let index = 0; index < 12; index += 1) positions.push(await putEvent(log));
    await bus.js.publish(subjects.platform('delivery'), corruptBodies['garbage']);
    positions.push(await putEvent(log));
    const seen: number[] = [];
    const letters = { deadLetters: lettersOn(bus, 'gateway'), consumer: 'projector', attemptsMax: 2 };
    const deliver: Deliver = async (pattern, payload) => {
      expect(pattern).toBe(BATCH);
      const batch = payload as readonly DeliveredEvent[];
      await Promise.resolve();
      if (batch.some(({ position, ok }) => ok && position === 5)) throw new TypeError('no');
      seen.push(...batch.flatMap(({ position, ok }) => (ok ? [position] : [])));
    };
    run(orderedBatches(log, { from: () => 1, batchMax: 100, logger: quiet, letters }), deliver);
    await until(() => seen.includes(14));
    expect(seen.filter((position) => position <= 14)).toEqual(positions.filter((position) => position !== 5));
    expect((await recordedOf(log, 'gateway')).map(({ position }) => position).toSorted()).toEqual([13, 5]);
  });
});

describe('a work queue', () => {
  it('puts aside what is no item and what nobody can do, and does the rest', async () => {
    const queue = new JetStreamWorkQueue(bus, { ackWaitMs: ACK_WAIT_MS });
    const evaluationId = evaluationIdSchema.parse(bus.edge.newId());
    await bus.js.publish(subjects.dispatch('default'), Uint8Array.of(0xff, 0xfe));
    for (const [index, id] of ['0-1-1', '1-1-1'].entries())
      await queue.push('default', { evaluationId, trialId: trialIdSchema.parse(id), position: index + 1 });
    const done: string[] = [];
    const abandoned: string[] = [];
    const letters = { deadLetters: lettersOn(bus, 'sandbox-executor'), consumer: 'work', attemptsMax: 2 };
    run(workOf(queue, { pool: 'default', capacity: () => 2, logger: quiet, letters }), async (_pattern, payload) => {
      const work = payload as { item: { trialId: string }; done?: () => Promise<void> };
      if (work.done === undefined) return void abandoned.push(work.item.trialId);
      if (work.item.trialId === '0-1-1') throw new TypeError('no suite');
      await work.done();
      done.push(work.item.trialId);
    });
    await until(async () => (await recordedOf(log, 'sandbox-executor')).length === 2);
    await until(async () => (await bus.jsm.streams.info('DISPATCH')).state.messages === 0);
    expect([done, abandoned]).toEqual([['1-1-1'], ['0-1-1']]);
    const recorded = await recordedOf(log, 'sandbox-executor');
    expect(recorded.map(({ stream, position, reason }) => [stream, position, reason]).toSorted()).toEqual([
      ['DISPATCH', 1, 'undecodable'],
      ['DISPATCH', 2, 'handler-failed'],
    ]);
  });
});
