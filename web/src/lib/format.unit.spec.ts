import { describe, expect, it } from 'vitest';
import { ago, bytes, duration, elapsed, offset, score, spanMs } from './format.ts';

describe('format', () => {
  it('writes durations in the units that matter', () => {
    expect([0, 999, 1_000, 59_940, 59_960, 185_000, 3_600_000, 7_830_000].map(duration)).toEqual([
      '0 ms',
      '999 ms',
      '1.0 s',
      '59.9 s',
      '1 min 00 s',
      '3 min 05 s',
      '1 h 00 min',
      '2 h 10 min',
    ]);
    expect([elapsed(4_900), elapsed(65_000)]).toEqual(['4 s', '1 min 05 s']);
  });

  it('says 100% only when all is right and 0% only when nothing is', () => {
    expect([null, 0, 1, 0.9999, 0.0001, 0.5].map(score)).toEqual(['–', '0%', '100%', '99.9%', '0.1%', '50.0%']);
  });

  it('writes sizes, offsets and ages', () => {
    expect([0, 1023, 1024, 1536, 64 * 1024 ** 2].map(bytes)).toEqual(['0 B', '1023 B', '1 KiB', '1.5 KiB', '64 MiB']);
    expect(offset(63_241)).toBe('1:03.241');
    const now = Date.parse('2026-01-02T00:00:00Z');
    expect([1, 90, 7_200, 86_400].map((seconds) => ago(new Date(now - seconds * 1_000).toISOString(), now))).toEqual([
      'just now',
      '1 minute ago',
      '2 hours ago',
      'yesterday',
    ]);
  });

  it('measures up to now while a thing goes on', () => {
    expect(spanMs(null, null, 5)).toBeNull();
    expect(spanMs('1970-01-01T00:00:01Z', null, 4_000)).toBe(3_000);
    expect(spanMs('1970-01-01T00:00:01Z', '1970-01-01T00:00:02Z', 9_000)).toBe(1_000);
  });
});
