import { subjects } from '@crucible/events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Bench } from './testing/bench.ts';

const correlationId = '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f';
let bench: Bench;
beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  bench = new Bench();
});
afterEach(() => {
  bench.stopAll();
  vi.useRealTimers();
});

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
const spoilt = (reason: 'undecodable' | 'handler-failed', stream: 'EVENTS' | 'DISPATCH' = 'DISPATCH') =>
  bench.log.append({
    subject: subjects.deadLetters('sandbox-executor'),
    event: {
      type: 'crucible.dead-letter.recorded.v1',
      data: {
        deadLetterId: '019ab3f0-5c1e-5a42-9d3e-2f6b8c0d1e2f',
        consumer: 'sandbox-executor/work',
        stream,
        position: 1,
        subject: subjects.dispatch('default'),
        deliveries: 1,
        reason,
        detail: 'no item of work',
        bytes: 1,
        sha256: 'a'.repeat(64),
      },
    },
    origin: { source: 'sandbox-executor', team: 'default', actor: 'service:sandbox-executor', correlationId },
  });

describe('an item of the queue that nobody can read', () => {
  it('is answered by queueing once more what still waits for an executor, for it may have been one of those', async () => {
    bench.start(4);
    const id = await bench.submit({ samples: 3 });
    await settle();
    await bench.run(id, '1-1-1');
    await settle();
    bench.queue.pushed.length = 0;
    await spoilt('undecodable');
    await settle();
    expect(bench.queue.trials()).toEqual(['0-1-1', '2-1-1']);
  });

  it('is the only such reason', async () => {
    bench.start(4);
    await bench.submit({ samples: 3 });
    await settle();
    bench.queue.pushed.length = 0;
    await spoilt('handler-failed');
    await spoilt('undecodable', 'EVENTS');
    await settle();
    expect(bench.queue.pushed).toEqual([]);
  });
});

describe('a trial that an executor gave back for good', () => {
  it('is counted as withdrawn, and its evaluation comes to its end', async () => {
    bench.start(4);
    const id = await bench.submit({ samples: 2 });
    await settle();
    await bench.run(id, '0-1-1');
    await bench.withdraw(id, '1-1-1');
    await settle();
    expect(await bench.dataOf('crucible.evaluation.completed.v1')).toMatchObject([
      { status: 'completed', trials: { total: 2, passed: 1, withdrawn: 1 } },
    ]);
  });
});
