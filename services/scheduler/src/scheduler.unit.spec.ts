import { BusUnavailable } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Bench } from './testing/bench.ts';

const gone = 'c'.repeat(64);
let bench: Bench;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  bench = new Bench();
});
afterEach(() => {
  bench.stopAll();
  vi.useRealTimers();
});

/** Lets everything that waits for nothing but promises run its course. */
const settle = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const down = (): never => {
  throw new BusUnavailable('down');
};

describe('scheduler', () => {
  it('admits, dispatches within the bounds, and completes', async () => {
    bench.start(2);
    const id = await bench.submit({ samples: 3 });
    await settle();
    expect(bench.queue.trials()).toEqual(['0-1-1', '1-1-1']);
    await bench.run(id, '0-1-1');
    await settle();
    expect(bench.queue.trials()).toEqual(['0-1-1', '1-1-1', '2-1-1']);
    await bench.run(id, '1-1-1', 'failed');
    await bench.run(id, '2-1-1');
    await settle();
    const [completion] = await bench.dataOf('crucible.evaluation.completed.v1');
    expect(completion).toMatchObject({
      evaluationId: id,
      status: 'completed',
      trials: { total: 3, passed: 2, failed: 1, errored: 0, withdrawn: 0 },
    });
    expect(completion?.score).toBeCloseTo(2 / 3);
  });

  it('writes nothing before it has read the whole log', async () => {
    const id = await bench.submit({ samples: 1 });
    bench.start().stop();
    const first = bench.start();
    await settle();
    first.stop();
    await bench.run(id, '0-1-1');
    const { scheduler } = bench.start();
    expect(scheduler.notReady()).toMatch('folding');
    await settle();
    expect(scheduler.notReady()).toBeNull();
    expect((await bench.dataOf('crucible.trial.dispatched.v1')).length).toBe(1);
    expect((await bench.dataOf('crucible.evaluation.completed.v1')).length).toBe(1);
  });

  it('answers for its team and its cause in all it writes', async () => {
    bench.start();
    await bench.submit();
    await settle();
    const [submitted, ...written] = await bench.events();
    for (const event of written) {
      expect(event).toMatchObject({
        source: '/crucible/scheduler',
        actor: 'service:scheduler',
        team: submitted?.team,
        correlationid: submitted?.correlationid,
      });
      expect(event.causationid).toBe(submitted?.id);
    }
  });

  it('stops acting when its process ends, whatever arrives', async () => {
    const { scheduler, stop } = bench.start();
    await settle();
    stop();
    await bench.submit();
    const { events } = await bench.log.readSubject(
      subjects.evaluation((await bench.dataOf('crucible.evaluation.submitted.v2'))[0]!.evaluationId),
    );
    await scheduler.onEvent(events[0]!);
    await settle(100_000);
    expect((await bench.events()).length).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('scheduler, what a crash or the bus can do', () => {
  it('pushes again after a restart what is dispatched and not taken', async () => {
    const life = bench.start();
    const id = await bench.submit({ samples: 2 });
    await settle();
    life.stop();
    await bench.run(id, '0-1-1');
    bench.queue.pushed.length = 0;
    bench.start();
    await settle();
    expect(bench.queue.trials()).toEqual(['1-1-1']);
  });

  it('does not lose work when the queue fails behind the append', async () => {
    bench.start();
    bench.queue.fail = new BusUnavailable('down');
    await bench.submit({ samples: 2 });
    await settle();
    expect((await bench.dataOf('crucible.trial.dispatched.v1')).length).toBe(1);
    expect(bench.queue.trials()).toEqual([]);
    bench.queue.fail = undefined;
    await settle(15_000);
    expect(bench.queue.trials()).toEqual(['0-1-1', '1-1-1']);
  });

  it('does not lose work when an append was stored and its acknowledgement lost', async () => {
    bench.start();
    let lost = 0;
    bench.log.afterAppend = ({ event }) => {
      if (event.type === 'crucible.trial.dispatched.v1' && (lost += 1) === 1) down();
    };
    const id = await bench.submit({ samples: 1 });
    await settle(15_000);
    expect((await bench.dataOf('crucible.trial.dispatched.v1')).length).toBe(1);
    expect(bench.queue.trials()).toEqual(['0-1-1']);
    await bench.run(id, '0-1-1');
    await settle();
    expect((await bench.dataOf('crucible.evaluation.completed.v1')).length).toBe(1);
  });

  it('waits for a bus that is away, longer each time, and goes on without a new event', async () => {
    bench.start();
    bench.log.beforeAppend = ({ event }) => (event.type === 'crucible.evaluation.submitted.v2' ? undefined : down());
    await bench.submit();
    await settle(60_000);
    expect(bench.log.appends).toBeLessThan(20);
    bench.log.beforeAppend = () => undefined;
    await settle(15_000);
    expect(bench.queue.trials()).toEqual(['0-1-1']);
  });

  it('dispatches nothing twice when two of them share a log, and neither turns in circles', async () => {
    bench.start(3);
    bench.start(3);
    const ids = [await bench.submit({ samples: 4 }), await bench.submit({ samples: 4 })];
    for (let round = 0; round < 20; round += 1) {
      await settle(500);
      const open = new Map(
        (await bench.dataOf('crucible.trial.dispatched.v1')).map((data) => [
          `${data.evaluationId}/${data.trialId}`,
          data,
        ]),
      );
      for (const { evaluationId, trialId } of await bench.dataOf('crucible.trial.finished.v2'))
        open.delete(`${evaluationId}/${trialId}`);
      const next = [...open.values()][0];
      if (next !== undefined) await bench.run(next.evaluationId, next.trialId);
    }
    await settle(1_000);
    const dispatched = (await bench.dataOf('crucible.trial.dispatched.v1')).map(
      ({ evaluationId, trialId }) => `${evaluationId}/${trialId}`,
    );
    expect(new Set(dispatched).size).toBe(dispatched.length);
    for (const id of ids) {
      expect((await bench.dataOf('crucible.evaluation.admitted.v1', id)).length).toBe(1);
      expect(await bench.dataOf('crucible.evaluation.completed.v1', id)).toMatchObject([
        { trials: { total: 4, passed: 4 } },
      ]);
    }
    expect(bench.log.appends).toBeLessThan(200);
  });

  it('goes on behind bytes that are no event, on any subject, without turning in circles', async () => {
    const id = await bench.submit({ samples: 2 });
    bench.log.inject(subjects.evaluation(id), Buffer.from('not an event'));
    bench.log.inject(`${subjects.evaluation(id)}.trial.0-1-1`, Buffer.from('{}'));
    bench.start();
    await settle();
    expect(bench.queue.trials()).toEqual(['0-1-1', '1-1-1']);
    bench.log.inject(subjects.evaluation(id), Buffer.from([0xff]));
    for (const trial of ['0-1-1', '1-1-1']) await bench.run(id, trial);
    await settle();
    expect((await bench.dataOf('crucible.evaluation.completed.v1')).length).toBe(1);
    expect(bench.log.appends).toBeLessThan(30);
  });
});

describe('scheduler, retries', () => {
  it('makes them when they are due, and then no more', async () => {
    bench.start();
    const id = await bench.submit({ attemptsMax: 2 });
    await settle();
    await bench.run(id, '0-1-1', 'errored');
    await settle(990);
    expect(bench.queue.trials()).toEqual(['0-1-1']);
    await settle(20);
    expect(bench.queue.trials()).toEqual(['0-1-1', '0-1-2']);
    await bench.run(id, '0-1-2', 'errored');
    await settle(60_000);
    expect(await bench.dataOf('crucible.evaluation.completed.v1')).toMatchObject([
      { trials: { total: 1, errored: 1 }, score: null },
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('makes one that falls due while it looks for what is due', async () => {
    // The first look of a millisecond is still in the one before, as when a timer comes a fraction of one early.
    let looked = 0;
    bench.start(8, () => {
      const nowMs = Date.now();
      const isFirst = nowMs !== looked;
      looked = nowMs;
      return isFirst ? nowMs - 1 : nowMs;
    });
    const id = await bench.submit();
    await settle();
    await bench.run(id, '0-1-1', 'errored');
    await settle(60_000);
    expect(bench.queue.trials()).toEqual(['0-1-1', '0-1-2']);
  });

  it('sets no timer for one that is due and waits for room', async () => {
    bench.start(1);
    const id = await bench.submit();
    await settle();
    await bench.run(id, '0-1-1', 'errored');
    await bench.submit();
    await settle(5_000);
    // The second evaluation has the one place; the retry waits for it to end, and its event will say so.
    expect(bench.queue.trials()).toEqual(['0-1-1', '0-1-1']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('makes them after a restart too', async () => {
    const life = bench.start();
    const id = await bench.submit();
    await settle();
    await bench.run(id, '0-1-1', 'errored');
    await settle(100);
    life.stop();
    await settle(10_000);
    bench.start();
    await settle();
    expect(bench.queue.trials()).toEqual(['0-1-1', '0-1-2']);
  });

  it('withdraws what waits and makes no retry once a cancel was asked for', async () => {
    bench.start(1);
    const id = await bench.submit({ samples: 3 });
    await settle();
    await bench.cancel(id);
    await settle(60_000);
    expect((await bench.dataOf('crucible.trial.withdrawn.v1')).length).toBe(1);
    expect(await bench.dataOf('crucible.evaluation.completed.v1')).toMatchObject([
      { status: 'cancelled', trials: { total: 3, withdrawn: 3 } },
    ]);
  });
});

describe('scheduler, a suite that cannot be read', () => {
  it('holds up no other evaluation, and is cancelled with the reason after a few tries', async () => {
    bench.start();
    const lost = await bench.submit({ suite: gone });
    const fine = await bench.submit();
    await settle();
    expect(bench.queue.pushed).toMatchObject([{ evaluationId: fine }]);
    await settle(10_000);
    const [cancel] = await bench.dataOf('crucible.evaluation.cancel-requested.v1', lost);
    expect(cancel?.reason).toContain(gone);
    expect(await bench.dataOf('crucible.evaluation.completed.v1', lost)).toMatchObject([
      { status: 'cancelled', trials: { total: 1, withdrawn: 1 }, score: null },
    ]);
    expect(bench.content.reads).toBeLessThan(8);
  });

  it.each([
    ['is no JSON', '{'],
    ['is no suite', '{"apiVersion":"crucible/v1"}'],
  ])('is given up when it %s', async (_, text) => {
    bench.start();
    bench.content.keep(gone, text);
    const id = await bench.submit({ suite: gone });
    await settle(10_000);
    expect(await bench.dataOf('crucible.evaluation.completed.v1', id)).toMatchObject([{ status: 'cancelled' }]);
  });

  it('is given up when it has fewer samples than were submitted, with what ran kept', async () => {
    bench.start(2);
    const id = await bench.submit({ samples: 11 });
    for (let index = 0; index < 10; index += 1) {
      await settle();
      await bench.run(id, `${index}-1-1`);
    }
    await settle(10_000);
    expect(await bench.dataOf('crucible.evaluation.completed.v1', id)).toMatchObject([
      { status: 'cancelled', trials: { total: 11, passed: 10, withdrawn: 1 }, score: 1 },
    ]);
  });

  it('is waited for while the store is only away, however long, and a cancel gets through meanwhile', async () => {
    bench.start();
    bench.content.fail = new BusUnavailable('the store is away');
    const id = await bench.submit();
    const other = await bench.submit();
    await settle(600_000);
    expect(await bench.dataOf('crucible.evaluation.cancel-requested.v1')).toEqual([]);
    expect(bench.content.reads).toBeLessThan(100);
    await bench.cancel(other);
    await settle();
    expect(await bench.dataOf('crucible.evaluation.completed.v1', other)).toMatchObject([{ status: 'cancelled' }]);
    bench.content.fail = undefined;
    await settle(60_000);
    expect(bench.queue.pushed).toMatchObject([{ evaluationId: id }]);
  });
});
