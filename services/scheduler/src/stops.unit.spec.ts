import { subjects } from '@crucible/events';
import type { NewEvent, StopScope } from '@crucible/events';
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

describe('scheduler, an emergency stop', () => {
  const stopId = '019ab3f2-0a4d-7c51-8e2f-3b4c5d6e7f80';
  const say = (event: NewEvent): Promise<unknown> =>
    bench.log.append({
      subject: subjects.platform('stop'),
      event,
      origin: { source: 'gateway', team: 'default', actor: 'user:local', correlationId: stopId },
    });
  const engage = (scope: StopScope): Promise<unknown> =>
    say({ type: 'crucible.stop.engaged.v1', data: { stopId, scope, reason: 'r' } });
  const release = (): Promise<unknown> =>
    say({ type: 'crucible.stop.released.v1', data: { stopId, reason: 'looked at' } });

  it('dispatches nothing in its scope, and goes on with what had not begun after its release', async () => {
    bench.start(2);
    const id = await bench.submit({ samples: 4 });
    await settle();
    expect(bench.queue.trials()).toEqual(['0-1-1', '1-1-1']);
    await engage({ kind: 'platform' });
    await bench.run(id, '0-1-1', 'stopped');
    await settle(60_000);
    expect((await bench.dataOf('crucible.trial.dispatched.v1')).length).toBe(2);
    bench.queue.pushed.length = 0;
    await release();
    await settle();
    // What an executor let go is queued once more; what the stop ended is not tried again.
    expect(bench.queue.trials()).toEqual(['1-1-1', '2-1-1']);
  });

  it('in another scope holds nothing up', async () => {
    bench.start(1);
    await engage({ kind: 'team', team: 'red' });
    await bench.submit();
    await settle();
    expect(bench.queue.trials()).toEqual(['0-1-1']);
  });

  it('is known to a scheduler that starts later', async () => {
    await engage({ kind: 'platform' });
    bench.start();
    await bench.submit();
    await settle(60_000);
    expect(bench.queue.trials()).toEqual([]);
    await release();
    await settle();
    expect(bench.queue.trials()).toEqual(['0-1-1']);
  });
});
