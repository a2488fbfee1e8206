import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Bench } from './testing/bench.ts';

let bench: Bench;
beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  bench = new Bench();
});
afterEach(() => {
  bench.stopAll();
  vi.useRealTimers();
});

const settle = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe('scheduler, a budget that is used up', () => {
  it.each(['evaluation', 'team', 'platform'] as const)(
    'of the %s lets the trials end that run, and begins no other',
    async (scope) => {
      bench.start(8);
      const id = await bench.submit({ samples: 6, concurrencyMax: 3 });
      await settle();
      expect(bench.queue.trials()).toEqual(['0-1-1', '1-1-1', '2-1-1']);
      await bench.begin(id, '0-1-1');
      await bench.begin(id, '1-1-1');
      await bench.budgetReached(id, '0-1-1', scope);
      await settle();
      // The third had not been taken yet: it is taken back, with the reason.
      const withdrawn = await bench.dataOf('crucible.trial.withdrawn.v1');
      expect(withdrawn).toEqual([
        {
          evaluationId: id,
          trialId: '2-1-1',
          reason: `it did not begin: the budget of the ${scope} allows 1000 tokens, and 990 are spent`,
        },
      ]);
      await bench.finish(id, '0-1-1', 'errored');
      await settle(120_000);
      expect(await bench.dataOf('crucible.evaluation.completed.v1')).toEqual([]);
      await bench.finish(id, '1-1-1', 'passed');
      await settle(120_000);
      expect(bench.queue.trials()).toEqual(['0-1-1', '1-1-1', '2-1-1']);
      expect(await bench.dataOf('crucible.evaluation.completed.v1')).toMatchObject([
        { status: 'completed', trials: { total: 6, passed: 1, failed: 0, errored: 1, withdrawn: 4 } },
      ]);
    },
  );

  it('of one trial keeps no other from beginning', async () => {
    bench.start(1);
    const id = await bench.submit({ samples: 2 });
    await settle();
    await bench.begin(id, '0-1-1');
    await bench.budgetReached(id, '0-1-1', 'trial');
    await bench.finish(id, '0-1-1', 'failed');
    await settle();
    expect(bench.queue.trials()).toEqual(['0-1-1', '1-1-1']);
  });

  it('of one evaluation is that of no other, and is known to a scheduler that starts later', async () => {
    const first = bench.start(4);
    const id = await bench.submit({ samples: 4, concurrencyMax: 1 });
    await settle();
    await bench.begin(id, '0-1-1');
    await bench.budgetReached(id, '0-1-1', 'evaluation');
    first.stop();
    const other = await bench.submit({ samples: 1 });
    await bench.finish(id, '0-1-1', 'errored');
    bench.start(4);
    await settle(60_000);
    expect(await bench.dataOf('crucible.trial.dispatched.v1', id)).toHaveLength(1);
    expect(await bench.dataOf('crucible.trial.dispatched.v1', other)).toHaveLength(1);
    expect(await bench.dataOf('crucible.evaluation.completed.v1', id)).toMatchObject([
      { trials: { total: 4, errored: 1, withdrawn: 3 } },
    ]);
  });
});
