import { ServiceUnavailableException } from '@nestjs/common';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Health, HealthController } from './health.ts';

afterEach(() => {
  vi.useRealTimers();
});

describe('health', () => {
  it('is ready when nothing is required or all is well', async () => {
    const health = new Health();
    expect(await new HealthController(health).readyz()).toEqual({ status: 'ready' });
    health.require('bus', () => null);
    health.require('database', () => Promise.resolve(null));
    expect(await new HealthController(health).readyz()).toEqual({ status: 'ready' });
  });

  it('names everything that is wrong, also what threw', async () => {
    const health = new Health();
    health.require('well', () => null);
    health.require('told', () => 'behind');
    health.require('rejected', () => Promise.reject(new Error('gone')));
    health.require('thrown', () => {
      throw new Error('broken');
    });
    const problems = { told: 'behind', rejected: 'gone', thrown: 'broken' };
    expect(await health.problems()).toEqual(problems);
    const refusal = await new HealthController(health).readyz().catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ServiceUnavailableException);
    expect((refusal as ServiceUnavailableException).getResponse()).toEqual({ status: 'not-ready', problems });
  });

  it('asks again each time', async () => {
    const health = new Health();
    let problem: string | null = 'starting';
    health.require('state', () => problem);
    expect(await health.problems()).toEqual({ state: 'starting' });
    problem = null;
    expect(await health.problems()).toEqual({});
  });

  it('does not wait for a check that hangs, nor for the sum of slow ones', async () => {
    vi.useFakeTimers();
    const health = new Health();
    for (const name of ['first', 'second', 'third']) health.require(name, () => new Promise(() => undefined));
    const problems = health.problems();
    await vi.advanceTimersByTimeAsync(2_000);
    const late = 'no answer in 2000 ms';
    expect(await problems).toEqual({ first: late, second: late, third: late });
  });

  it('answers while the process lives, whatever is wrong', () => {
    const health = new Health();
    health.require('bus', () => 'gone');
    expect(new HealthController(health).healthz()).toEqual({ status: 'ok' });
  });
});
