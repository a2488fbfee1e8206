import { BusUnavailable, RetryLater } from '@crucible/event-log';
import type { DurableEvents, QueuedMessage, StoredEvent, Work, WorkItem, WorkQueue } from '@crucible/event-log';
import { evaluationIdSchema, subjects, trialIdSchema } from '@crucible/events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { durableEvents } from './durable.ts';
import type { DurableLetters } from './durable.ts';
import { BATCH, orderedBatches, orderedEvents } from './ordered.ts';
import type { OrderedLetters } from './ordered.ts';
import type { Deliver, DeliverySource } from './strategy.ts';
import { askRedrive, lettersOf, putEvent, quiet, recordedOf, settledOf, TestLog, until } from './testing/letters.ts';
import { ABANDONED_WORK, WORK, workOf } from './work.ts';
import type { AbandonedWork } from './work.ts';

let log: TestLog;
let stop: AbortController;
let running: Promise<void>[];
beforeEach(() => {
  log = new TestLog();
  stop = new AbortController();
  running = [];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(running);
});

const garbage = (subject: string = subjects.platform('delivery')): number => log.inject(subject, Uint8Array.of(0xff));
const run = (source: DeliverySource, deliver: Deliver): void => void running.push(source.run(deliver, stop.signal));
const outage = new BusUnavailable('the bus is away');

describe('events in order', () => {
  const ordered = (more: Partial<OrderedLetters> = {}): DeliverySource => {
    const letters = { deadLetters: lettersOf(log), consumer: 'schedule', attemptsMax: 2, ...more };
    return orderedEvents(log, { from: () => 1, logger: quiet, letters });
  };
  const handledBy =
    (seen: number[], fail: (position: number) => unknown = () => undefined): Deliver =>
    async (_pattern, payload) => {
      const { position, ok } = payload as StoredEvent;
      expect(ok).toBe(true);
      const error = fail(position);
      if (error !== undefined) throw error;
      seen.push(position);
    };

  it('go on behind one that cannot be read, which is put aside', async () => {
    await putEvent(log);
    const spoilt = garbage();
    await putEvent(log);
    const seen: number[] = [];
    run(ordered(), handledBy(seen));
    await until(() => seen.includes(3));
    expect(seen.slice(0, 2)).toEqual([1, 3]);
    expect(await recordedOf(log)).toMatchObject([
      { position: spoilt, reason: 'undecodable', consumer: 'notifier/schedule' },
    ]);
  });

  it('go on behind one that the handler failed at as often as it may', async () => {
    for (const _ of [1, 2, 3]) await putEvent(log);
    const seen: number[] = [];
    let failures = 0;
    const fail = (position: number) => (position === 2 ? ((failures += 1), new TypeError('no')) : undefined);
    run(ordered(), handledBy(seen, fail));
    await until(() => seen.includes(3));
    expect(failures).toBe(2);
    expect(await recordedOf(log)).toMatchObject([
      { position: 2, reason: 'handler-failed', deliveries: 2, detail: 'TypeError: no' },
    ]);
  });

  it('wait for what is away, however long, and count nothing', async () => {
    await putEvent(log);
    const seen: number[] = [];
    const away = [outage, new Error('no', { cause: outage }), new RangeError('database'), outage];
    const isAway = (error: unknown): boolean => error instanceof RangeError;
    run(
      ordered({ attemptsMax: 1, isAway }),
      handledBy(seen, () => away.shift()),
    );
    await until(() => seen.length === 1);
    expect(await recordedOf(log)).toEqual([]);
  });

  it('wait with the record, too, and lose none', async () => {
    garbage();
    await putEvent(log);
    log.away = true;
    const seen: number[] = [];
    run(ordered(), handledBy(seen));
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(seen).toEqual([]);
    log.away = false;
    await until(() => seen.includes(2));
    expect(await recordedOf(log)).toHaveLength(1);
  });

  it('read again from the start put nothing aside twice', async () => {
    garbage();
    await putEvent(log);
    for (const _ of [1, 2]) {
      const seen: number[] = [];
      run(ordered(), handledBy(seen));
      await until(() => seen.includes(2));
    }
    expect(await recordedOf(log)).toHaveLength(1);
  });

  it('say what else to do when one is asked for again', async () => {
    await putEvent(log);
    const letters = lettersOf(log);
    const source = ordered({ deadLetters: letters, attemptsMax: 1, insteadOfRedrive: 'start anew' });
    run(
      source,
      handledBy([], (position) => (position === 1 ? new TypeError('no') : undefined)),
    );
    await until(async () => (await recordedOf(log)).length === 1);
    const [letter] = await recordedOf(log);
    await letters.redrive(await askRedrive(log, letter?.deadLetterId ?? ''));
    expect((await settledOf(log))[0]).toMatchObject({ outcome: 'failed', detail: 'start anew' });
  });
});

describe('events in batches', () => {
  const batches =
    (seen: (number | 'over')[][], poison: ReadonlySet<number>): Deliver =>
    async (pattern, payload) => {
      expect(pattern).toBe(BATCH);
      const batch = payload as readonly StoredEvent[];
      if (batch.some(({ position, ok }) => ok && poison.has(position))) throw new TypeError('no such view');
      seen.push(batch.map(({ position, ok }) => (ok ? position : 'over')));
    };
  const source = (from = 1): DeliverySource =>
    orderedBatches(log, {
      from: () => from,
      batchMax: 8,
      logger: quiet,
      letters: { deadLetters: lettersOf(log, 'gateway'), consumer: 'projector', attemptsMax: 2 },
    });

  it('that fail are halved down to the one event, and everything else is handled once and in order', async () => {
    for (let index = 0; index < 20; index += 1) await putEvent(log);
    const seen: (number | 'over')[][] = [];
    run(source(), batches(seen, new Set([6, 7, 20])));
    await until(() => seen.flat().length >= 22);
    const events = Array.from({ length: 19 }, (_, index) => index + 1).filter(
      (position) => position !== 6 && position !== 7,
    );
    expect(seen.flat().filter((each) => each !== 'over' && each <= 20)).toEqual(events);
    expect((await recordedOf(log, 'gateway')).map(({ position }) => position)).toEqual([6, 7, 20]);
  });

  it('come with what cannot be read in its place, put aside', async () => {
    await putEvent(log);
    garbage();
    await putEvent(log);
    const seen: (number | 'over')[][] = [];
    run(source(), batches(seen, new Set()));
    await until(() => seen.flat().includes(3));
    expect(seen.flat().slice(0, 3)).toEqual([1, 'over', 3]);
    expect(await recordedOf(log, 'gateway')).toMatchObject([{ position: 2, reason: 'undecodable' }]);
  });
});

describe('events through a durable consumer', () => {
  /** What became of a delivery at the server. */
  type Fate = 'acknowledged' | 'again' | number;
  let hand: (stored: StoredEvent, delivery: number) => Promise<Fate>;
  const events: DurableEvents = {
    consume(_options, signal, handle) {
      hand = async (stored, delivery) => {
        try {
          await handle(stored, delivery);
          return 'acknowledged';
        } catch (error) {
          return error instanceof RetryLater ? error.delayMs : 'again';
        }
      };
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    },
  };
  const consume = (deliver: Deliver, more: Partial<DurableLetters> = {}): void => {
    const letters = { deadLetters: lettersOf(log), consumer: 'webhook', attemptsMax: 3, ...more };
    run(durableEvents(events, { durable: 'd', subject: 's', concurrency: 1, logger: quiet, letters }), deliver);
  };
  const stored = async (position: number): Promise<StoredEvent> => {
    for await (const each of log.follow({ from: position, signal: stop.signal })) return each;
    throw new Error('nothing there');
  };
  const failing =
    (error: unknown): Deliver =>
    () =>
      Promise.reject(error as Error);

  it('are acknowledged when they cannot be read, once that is recorded', async () => {
    const message = await stored(garbage());
    consume(failing(new Error('never asked')));
    expect(await hand(message, 1)).toBe('acknowledged');
    expect(await recordedOf(log)).toMatchObject([{ reason: 'undecodable', deliveries: 1 }]);
    expect(await hand(message, 2)).toBe('acknowledged');
    expect(await recordedOf(log)).toHaveLength(1);
  });

  it('come again until the limit, then are put aside with the last reason', async () => {
    const message = await stored(await putEvent(log));
    consume(failing(new TypeError('no')));
    expect([await hand(message, 1), await hand(message, 2)]).toEqual(['again', 'again']);
    expect(await recordedOf(log)).toEqual([]);
    expect(await hand(message, 3)).toBe('acknowledged');
    expect(await recordedOf(log)).toMatchObject([{ reason: 'handler-failed', deliveries: 3, detail: 'TypeError: no' }]);
  });

  it('are put aside unseen when they ended every process that had them', async () => {
    const message = await stored(await putEvent(log));
    consume(failing(new Error('never asked')));
    expect(await hand(message, 4)).toBe('acknowledged');
    expect((await recordedOf(log))[0]?.detail).toMatch(/^given out 3 times/);
  });

  it('that are wanted later stay so beyond the limit of failures', async () => {
    const message = await stored(await putEvent(log));
    consume(failing(new RetryLater('not yet', 77)), { laterMax: 20 });
    for (const delivery of [1, 2, 3, 4, 12, 23]) expect(await hand(message, delivery)).toBe(77);
    expect(await recordedOf(log)).toEqual([]);
  });

  it('wait in hand while the bus is away, given out again or not, and count nothing', async () => {
    const message = await stored(await putEvent(log));
    let tries = 0;
    consume(
      () => {
        tries += 1;
        return tries <= 3 ? Promise.reject(outage) : Promise.resolve();
      },
      { attemptsMax: 1 },
    );
    const twice = [hand(message, 1), hand(message, 2)];
    expect(await Promise.all(twice)).toEqual(['acknowledged', 'acknowledged']);
    expect(tries).toBe(4);
    expect(await recordedOf(log)).toEqual([]);
  });

  it('are given back, and not put aside, when the process ends', async () => {
    const message = await stored(await putEvent(log));
    consume(failing(outage), { attemptsMax: 1 });
    const fate = hand(message, 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    stop.abort();
    expect(await fate).toBe('again');
    expect(await recordedOf(log)).toEqual([]);
  });
});

describe('work of a queue', () => {
  const item: WorkItem = {
    evaluationId: evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f'),
    trialId: trialIdSchema.parse('0-1-1'),
    position: 4,
  };
  const message = { position: 9, subject: subjects.dispatch('default'), messageId: null, body: Uint8Array.of(1) };
  let onWork: (work: Work) => Promise<void>;
  let onUnreadable: (message: QueuedMessage) => Promise<void>;
  const queue: WorkQueue = {
    push: () => Promise.reject(new Error('nobody pushes here')),
    take(_pool, _capacity, signal, work, unreadable) {
      onWork = work;
      onUnreadable = unreadable ?? (() => Promise.reject(new Error('not asked for')));
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    },
  };
  let fates: string[];
  const workWith = (delivery: number): Work => ({
    item,
    message,
    delivery,
    done: () => Promise.resolve(void fates.push('done')),
    later: () => void fates.push('later'),
  });
  const take = (deliver: Deliver): void => {
    fates = [];
    const letters = { deadLetters: lettersOf(log, 'sandbox-executor'), consumer: 'work', attemptsMax: 2 };
    run(workOf(queue, { pool: 'default', capacity: () => 1, logger: quiet, letters }), deliver);
  };
  const recorded = () => recordedOf(log, 'sandbox-executor');

  it('that is no item is put aside with its first bytes', async () => {
    take(() => Promise.reject(new Error('never asked')));
    await onUnreadable({ ...message, body: new TextEncoder().encode('{"evaluationId":1}'), delivery: 1 });
    expect(await recorded()).toMatchObject([{ stream: 'DISPATCH', position: 9, reason: 'undecodable' }]);
    expect((await recorded())[0]?.detail).toContain('{"evaluationId":1}');
  });

  it('comes again until the limit; then it is abandoned, recorded and let go, in this order', async () => {
    const abandoned: AbandonedWork[] = [];
    log.afterAppend = () => void fates.push('recorded');
    take((pattern, payload) => {
      if (pattern === WORK) return Promise.reject(new TypeError('no suite'));
      expect(pattern).toBe(ABANDONED_WORK);
      abandoned.push(payload as AbandonedWork);
      fates.push('abandoned');
      return Promise.resolve();
    });
    await onWork(workWith(1));
    await onWork(workWith(2));
    expect(fates).toEqual(['later', 'abandoned', 'recorded', 'done']);
    expect(abandoned).toEqual([{ item, why: 'TypeError: no suite' }]);
    expect(await recorded()).toMatchObject([{ stream: 'DISPATCH', position: 9, reason: 'handler-failed' }]);
  });

  it('waits while the bus is away and counts nothing', async () => {
    let tries = 0;
    take(() => ((tries += 1) <= 3 ? Promise.reject(outage) : Promise.resolve()));
    await onWork(workWith(1));
    expect([tries, fates]).toEqual([4, []]);
    expect(await recorded()).toEqual([]);
  });

  it('that ends every taker is abandoned untried', async () => {
    const patterns: string[] = [];
    take((pattern) => Promise.resolve(void patterns.push(pattern)));
    await onWork(workWith(101));
    expect([patterns, fates]).toEqual([[ABANDONED_WORK], ['done']]);
  });
});
