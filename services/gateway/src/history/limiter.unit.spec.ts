import { describe, expect, it } from 'vitest';
import { Limiter } from './limiter.ts';

const never = new AbortController().signal;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a limiter', () => {
  it('lets so much run at once, the rest in the order it came, and refuses what is beyond', async () => {
    const limiter = new Limiter({ atOnceMax: 2, waitingMax: 2 });
    const begun: number[] = [];
    const ends = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
    const running = ends.map(({ promise }, index) =>
      limiter.run(never, () => {
        begun.push(index);
        return promise;
      }),
    );
    await expect(running[4]).rejects.toThrow('try again');
    expect(begun).toEqual([0, 1]);
    ends[1]?.resolve();
    await turn();
    expect(begun).toEqual([0, 1, 2]);
    for (const { resolve } of ends) resolve();
    await Promise.allSettled(running);
    expect(begun).toEqual([0, 1, 2, 3]);
    expect(await limiter.run(never, () => Promise.resolve('again'))).toBe('again');
  });

  it('forgets who left while waiting, and gives the place of what failed to the next', async () => {
    const limiter = new Limiter({ atOnceMax: 1, waitingMax: 5 });
    const first = Promise.withResolvers<void>();
    const leaving = new AbortController();
    const running = limiter.run(never, () => first.promise);
    const left = limiter.run(leaving.signal, () => Promise.resolve('never'));
    const stayed = limiter.run(never, () => Promise.resolve('stayed'));
    leaving.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    first.reject(new Error('failed'));
    await expect(running).rejects.toThrow('failed');
    expect(await stayed).toBe('stayed');
    await expect(limiter.run(leaving.signal, () => Promise.resolve('no'))).rejects.toThrow('left');
    expect(await limiter.run(never, () => Promise.resolve('free'))).toBe('free');
  });
});
