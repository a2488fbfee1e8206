import type { StopApplied } from '@crucible/api';
import { BusUnavailable } from '@crucible/event-log';
import { describe, expect, it } from 'vitest';
import type { PlatformInfo } from '../platform/info.ts';
import type { Confirmation, StopBus } from './stop-bus.ts';
import { isConfirmed, StopClient } from './stops.ts';
import type { Stopped } from './stops.ts';

const stopId = '019ab3f2-0a4d-7c51-8e2f-3b4c5d6e7f80';
const stop: Stopped = { stopId, position: 40, by: 'gateway' };
const applied = (executorId: string, unconfirmed = 0): StopApplied => ({
  executorId,
  killed: 1,
  unconfirmed,
  latencyMs: 2,
});

/** A bus with these executors, that says this about a stop. */
const busOf = (executors: readonly string[], told: readonly Confirmation[] = [], head = 39) =>
  ({
    executors: () => Promise.resolve(new Set(executors)),
    head: () => Promise.resolve(head),
    async *confirmations() {
      await Promise.resolve();
      yield* told;
    },
    close: () => Promise.resolve(),
  }) as unknown as StopBus;
const failing = {
  executors: () => Promise.reject(new BusUnavailable('the bus does not answer')),
  head: () => Promise.resolve(39),
  close: () => Promise.resolve(),
} as unknown as StopBus;

/** What a stop by this bus comes to. */
const outcomeBy = async (bus: StopBus | null) => {
  const client = new StopClient({ url: 'http://127.0.0.1:9', token: 't' } as PlatformInfo, () => Promise.resolve(bus));
  const before = await client.watch();
  const executors: StopApplied[] = [];
  for await (const each of client.confirmations(stop, before, 1_000)) executors.push(each);
  await client.close();
  return { asked: before !== null, executors, confirmed: isConfirmed(before, executors) };
};
const unasked = { asked: false, executors: [], confirmed: false };

describe('a stop of which nobody says that it was done', () => {
  it('is not confirmed when there is no bus to ask', async () => {
    expect(await outcomeBy(null)).toEqual(unasked);
  });

  it('is not confirmed when the bus fails as it is asked who there is', async () => {
    expect(await outcomeBy(failing)).toEqual(unasked);
  });

  it('is not confirmed while one executor of two is silent', async () => {
    const bus = busOf(['one', 'two'], [{ applied: applied('one'), position: 41 }]);
    expect(await outcomeBy(bus)).toEqual({ asked: true, executors: [applied('one')], confirmed: false });
  });

  it('is not confirmed when something was not seen to be gone', async () => {
    const bus = busOf(['one'], [{ applied: applied('one', 1), position: 41 }]);
    expect(await outcomeBy(bus)).toEqual({ asked: true, executors: [applied('one', 1)], confirmed: false });
  });
});

describe('a stop of which it is known', () => {
  it('is confirmed by every executor, and by none where none is up', async () => {
    const told = ['one', 'two'].map((id, index) => ({ applied: applied(id), position: 41 + index }));
    expect(await outcomeBy(busOf(['one', 'two'], told))).toMatchObject({ asked: true, confirmed: true });
    expect(await outcomeBy(busOf([]))).toEqual({ asked: true, executors: [], confirmed: true });
  });

  it('asked for again counts what was good news before, and of bad news only what is new', async () => {
    const before: Confirmation[] = [
      { applied: applied('one', 1), position: 41 },
      { applied: applied('two'), position: 42 },
    ];
    expect(await outcomeBy(busOf(['one', 'two'], before, 60))).toEqual({
      asked: true,
      executors: [applied('two')],
      confirmed: false,
    });
    const again = busOf(['one', 'two'], [...before, { applied: applied('one'), position: 61 }], 60);
    expect(await outcomeBy(again)).toMatchObject({ executors: [applied('two'), applied('one')], confirmed: true });
  });
});
