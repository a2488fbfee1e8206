import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomOf } from '../scripted/random.ts';
import type { Clock } from './clock.ts';
import { Limiter } from './limiter.ts';
import type { Outcome, Permit } from './limiter.ts';

/** Time that stands still until it is moved. */
class ManualClock implements Clock {
  #nowMs = 0;
  #sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];
  readonly random = (): number => 0.5;
  readonly now = (): number => this.#nowMs;
  readonly sleep = (ms: number): Promise<void> =>
    new Promise((wake) => void this.#sleepers.push({ atMs: this.#nowMs + ms, wake }));

  async move(ms: number): Promise<void> {
    this.#nowMs += ms;
    const due = this.#sleepers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#sleepers = this.#sleepers.filter(({ atMs }) => atMs > this.#nowMs);
    due.forEach(({ wake }) => wake());
    await settled();
  }
}
const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const never = new AbortController().signal;

const take = (limiter: Limiter, signal = never, model = 'm', modelMax = 1_000): Promise<Permit | null> =>
  limiter.acquire(limiter.ticket(), model, modelMax, signal);
const must = (permit: Permit | null): Permit => {
  if (permit === null) throw new Error('no place');
  return permit;
};
/** A round of calls that fill every place, and end like this. */
const round = async (limiter: Limiter, clock: ManualClock, outcome: Outcome): Promise<void> => {
  const { effective } = limiter.view();
  const permits = await Promise.all(Array.from({ length: effective }, async () => must(await take(limiter))));
  await clock.move(1);
  for (const permit of permits) permit.release(outcome);
};

/** So many calls that succeed, while others wait for their places. */
const crowd = async (limiter: Limiter, calls: number): Promise<void> => {
  const gone = new AbortController();
  const places = Array.from({ length: calls }, () => take(limiter));
  const waiting = Array.from({ length: 100 }, () => take(limiter, gone.signal));
  for (const place of places) must(await place).release('succeeded');
  gone.abort();
  for (const place of waiting) (await place)?.release('neither');
};

describe('the number of calls at once', () => {
  it('doubles in a round of successes, until a limit is met', async () => {
    const clock = new ManualClock();
    const limiter = new Limiter(30, clock);
    expect(limiter.view()).toMatchObject({ effective: 8, concurrencyMax: 30 });
    await crowd(limiter, 8);
    expect(limiter.view().effective).toBe(16);
    await crowd(limiter, 50);
    expect(limiter.view().effective).toBe(30);
  });

  it('then grows by one for a round, up to the most that is allowed', async () => {
    const clock = new ManualClock();
    const limiter = new Limiter(10, clock);
    await round(limiter, clock, 'overloaded');
    await crowd(limiter, 6);
    expect(limiter.view().effective).toBe(5);
    await crowd(limiter, 500);
    expect(limiter.view().effective).toBe(10);
  });

  it('does not grow while there is room', async () => {
    const limiter = new Limiter(100, new ManualClock());
    for (let at = 0; at < 200; at += 1) must(await take(limiter)).release('succeeded');
    expect(limiter.view().effective).toBe(8);
  });

  it('halves once for a round that met a limit, and never comes to nothing', async () => {
    const clock = new ManualClock();
    const limiter = new Limiter(100, clock);
    await round(limiter, clock, 'overloaded');
    expect(limiter.view().effective).toBe(4);
    for (let at = 0; at < 5; at += 1) await round(limiter, clock, 'overloaded');
    expect(limiter.view().effective).toBe(1);
    await round(limiter, clock, 'neither');
    expect(limiter.view().effective).toBe(1);
  });

  it('is never exceeded, and nobody is left waiting, whatever comes of the calls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 20 }), fc.string(), async (concurrencyMax, seed) => {
        const random = randomOf(seed);
        const limiter = new Limiter(concurrencyMax, new ManualClock());
        let inside = 0;
        const call = async (): Promise<void> => {
          const permit = must(await take(limiter, never, random() < 0.5 ? 'a' : 'b', 3));
          inside += 1;
          expect(inside).toBeLessThanOrEqual(concurrencyMax);
          await settled();
          inside -= 1;
          permit.release(random() < 0.3 ? 'overloaded' : 'succeeded');
          permit.release('succeeded');
        };
        await Promise.all(Array.from({ length: 60 }, call));
        expect(limiter.view()).toMatchObject({ inFlight: 0, waiting: 0 });
      }),
      { numRuns: 30 },
    );
  });
});

describe('a place', () => {
  it('goes to whoever asked first, and to a call that tries again before all that asked later', async () => {
    const limiter = new Limiter(1, new ManualClock());
    const retried = limiter.ticket();
    const first = must(await limiter.acquire(retried, 'm', 1, never));
    const order: string[] = [];
    const ask = (name: string, ticket = limiter.ticket()): void =>
      void limiter.acquire(ticket, 'm', 1, never).then((permit) => {
        order.push(name);
        must(permit).release('neither');
      });
    ask('second');
    ask('third');
    ask('again', retried);
    first.release('neither');
    await settled();
    expect(order).toEqual(['again', 'second', 'third']);
  });

  it('is not waited for by a caller that is gone', async () => {
    const limiter = new Limiter(1, new ManualClock());
    const held = must(await take(limiter));
    const controller = new AbortController();
    const waiting = take(limiter, controller.signal);
    const behind = take(limiter);
    controller.abort();
    expect(await waiting).toBeNull();
    expect(await take(limiter, AbortSignal.abort())).toBeNull();
    held.release('succeeded');
    must(await behind).release('succeeded');
    expect(limiter.view()).toMatchObject({ inFlight: 0, waiting: 0 });
  });

  it('for one model is not held up by another that is at its own limit', async () => {
    const limiter = new Limiter(5, new ManualClock());
    must(await take(limiter, never, 'small', 1));
    void take(limiter, never, 'small', 1);
    expect(await take(limiter, never, 'large', 5)).not.toBeNull();
    expect(limiter.view()).toMatchObject({ inFlight: 2, waiting: 1 });
  });

  it('is there for nobody while the provider asked to wait', async () => {
    const clock = new ManualClock();
    const limiter = new Limiter(5, clock);
    limiter.pause(1_000);
    let inside = false;
    void take(limiter).then(() => (inside = true));
    await clock.move(999);
    expect([inside, limiter.view().pausedMs]).toEqual([false, 1]);
    await clock.move(1);
    expect([inside, limiter.view().pausedMs]).toEqual([true, 0]);
  });
});
