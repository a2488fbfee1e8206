import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { UsageSample } from './port.ts';
import type { GuestReport } from './record.ts';
import { UsageSampler } from './usage-sampler.ts';

beforeEach(
  () =>
    void vi.useFakeTimers({
      toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'Date', 'performance'],
    }),
);
afterEach(() => void vi.useRealTimers());

const sampled = () => {
  const samples: UsageSample[] = [];
  let cpuUs = 500;
  const sampler = new UsageSampler({ usage: () => ({ cpuUs: (cpuUs += 100), memoryBytes: 7 }) }, (sample) =>
    samples.push(sample),
  );
  return { sampler, samples };
};
const word = { diskBytes: 4_096, tmpBytes: 1, tasks: 3 };

describe('UsageSampler', () => {
  it('samples each second what was used since the program began', () => {
    const { sampler, samples } = sampled();
    sampler.begin();
    const beganAt = Date.now();
    for (let second = 0; second < 3; second += 1) {
      vi.advanceTimersByTime(1_000);
      sampler.told(word);
    }
    vi.advanceTimersByTime(200);
    expect(samples.map(({ cpuUs }) => cpuUs)).toEqual([100, 200, 300]);
    expect(samples[0]).toEqual({ at: beganAt + 1_100, cpuUs: 100, memoryBytes: 7, ...word });
  });

  it('says nothing about what init has been silent on', () => {
    const { sampler, samples } = sampled();
    sampler.begin();
    sampler.told(word);
    vi.advanceTimersByTime(5_200);
    expect(samples.map(({ tasks }) => tasks)).toEqual([3, 3, null, null, null]);
    expect(samples.at(-1)).toMatchObject({ diskBytes: null, tmpBytes: null, memoryBytes: 7 });
    expect(sampler.silentMs).toBe(5_200);
  });

  it('gives a last sample as it was before the sandbox went, with what init reported', () => {
    const { sampler, samples } = sampled();
    sampler.begin();
    vi.advanceTimersByTime(300);
    sampler.freeze();
    sampler.freeze();
    const at = Date.now();
    vi.advanceTimersByTime(2_000);
    sampler.end({ diskBytes: 9, tmpBytes: 8 } as GuestReport);
    sampler.end(null);
    expect(samples).toEqual([{ at, cpuUs: 100, memoryBytes: 7, tasks: 0, diskBytes: 9, tmpBytes: 8 }]);
  });

  it('gives nothing for a program that never began', () => {
    const { sampler, samples } = sampled();
    sampler.freeze();
    sampler.end(null);
    expect(samples).toEqual([]);
    expect(sampler.silentMs).toBe(0);
  });
});
