import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SandboxHealth } from './sandbox-health.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A health whose probes end as told; they are heard of like every preparation. */
const healthWith = (outcomes: (string | null)[]) => {
  const changes: (string | null)[] = [];
  let probes = 0;
  const health: SandboxHealth = new SandboxHealth({
    probeEveryMs: 3_000,
    onChange: (problem) => changes.push(problem),
    probe: () => {
      probes += 1;
      const outcome = outcomes.shift() ?? null;
      health.heard(outcome === null ? null : new Error(outcome));
      return outcome === null ? Promise.resolve() : Promise.reject(new Error(outcome));
    },
  });
  return { health, changes, probes: () => probes };
};

describe('the health of sandboxes', () => {
  it('is not good before one was proven, and then is without a word', () => {
    const { health, changes } = healthWith([null]);
    expect(health.problem).toBe('no sandbox has been proven yet');
    health.begin();
    expect([health.problem, changes]).toEqual([null, []]);
  });

  it('is told when it ends and when it comes back, once, with the newest problem shown', async () => {
    const { health, changes, probes } = healthWith([null, 'no engine', 'no runtime', null]);
    health.begin();
    health.heard(new Error('isolation not proven: routes'));
    health.heard(new Error('no engine at all'));
    await vi.advanceTimersByTimeAsync(6_000);
    expect([health.problem, probes()]).toEqual(['no runtime', 3]);
    await vi.advanceTimersByTimeAsync(3_000);
    expect([health.problem, changes]).toEqual([null, ['isolation not proven: routes', null]]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(probes()).toBe(4);
  });

  it('is told when nothing could be proven from the start', async () => {
    const { health, changes } = healthWith(['no engine', null]);
    health.begin();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(changes).toEqual(['no engine', null]);
  });

  it('asks nothing and says nothing once it is closed', async () => {
    const { health, changes, probes } = healthWith(['no engine']);
    health.begin();
    health.close();
    health.heard(null);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([changes, probes()]).toEqual([['no engine'], 1]);
  });
});
