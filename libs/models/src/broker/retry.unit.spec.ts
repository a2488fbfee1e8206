import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retryAfterOf, retryBounds, waitBefore } from './retry.ts';
import type { Fault } from './retry.ts';

const fault = (more: Partial<Fault> = {}): Fault => ({
  failure: 'unavailable',
  detail: '',
  retryable: true,
  retryAfterMs: null,
  overload: false,
  ...more,
});
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the wait before another attempt', () => {
  it('doubles, with chance in its second half, up to its bound', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), chance, (attempt, random) => {
        const whole = Math.min(retryBounds.waitMsMax, retryBounds.firstWaitMs * 2 ** (attempt - 1));
        const wait = waitBefore(fault(), attempt, 10_000, () => random);
        expect(wait).toBeGreaterThanOrEqual(whole / 2 - 1);
        expect(wait).toBeLessThanOrEqual(whole);
      }),
    );
  });

  it('is never shorter than what the provider asked for, and little longer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: retryBounds.retryAfterMsMax }), chance, (retryAfterMs, random) => {
        const wait = waitBefore(fault({ retryAfterMs }), 1, 2, () => random);
        expect(wait).toBeGreaterThanOrEqual(retryAfterMs);
        expect(wait).toBeLessThanOrEqual(retryAfterMs + retryBounds.firstWaitMs);
      }),
    );
  });

  it('is none when there is no other attempt', () => {
    expect(waitBefore(fault(), 3, 3, () => 0)).toBeNull();
    expect(waitBefore(fault({ retryable: false }), 1, 3, () => 0)).toBeNull();
    expect(waitBefore(fault({ retryAfterMs: retryBounds.retryAfterMsMax + 1 }), 1, 3, () => 0)).toBeNull();
  });
});

describe('what a provider asks for', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each([
    [{ 'retry-after': '2' }, 2_000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
    [{ 'retry-after': '7', 'retry-after-ms': '1500' }, 1_500],
    [{ 'retry-after': 'soon' }, null],
    [{ 'retry-after': '-5' }, null],
    [{ 'retry-after': '' }, null],
    [{ 'retry-after-ms': 'x', 'retry-after': '1' }, 1_000],
    [{}, null],
  ])('is read from %j', (headers, ms) => {
    expect(retryAfterOf(headers as Record<string, string>, now)).toBe(ms);
  });
});
