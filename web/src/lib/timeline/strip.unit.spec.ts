import { describe, expect, it } from 'vitest';
import { indexAtShare, marksOf, movedBy, played, shareOf, silenceMsMax, ticksOf } from './strip.ts';

/** Two bursts with a silence between. */
const times = [0, 10, 20, 30, 9_970, 9_980, 9_990, 10_000];

describe('the strip', () => {
  it('lays events out evenly, or true to the clock', () => {
    expect(times.map((_, index) => shareOf('events', times, index) * 7)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(shareOf('time', times, 3)).toBeCloseTo(0.003);
    expect([shareOf('time', [5], 0), shareOf('events', [], 0), shareOf('time', [5, 5, 5], 1)]).toEqual([1, 0, 0.5]);
  });

  it('finds the event nearest to a place', () => {
    for (const scale of ['events', 'time'] as const) {
      for (let index = 0; index < times.length; index += 1)
        expect(indexAtShare(scale, times, shareOf(scale, times, index))).toBe(index);
    }
    expect(indexAtShare('time', times, 0.4)).toBe(3);
    expect(indexAtShare('time', times, 0.6)).toBe(4);
    expect([indexAtShare('time', times, -1), indexAtShare('time', times, 2), indexAtShare('time', [], 0.5)]).toEqual([
      0, 7, 0,
    ]);
    expect(indexAtShare('time', [0, 5, 5, 5, 9], 5 / 9)).toBe(3);
  });

  it('draws a kind at most once a pixel', () => {
    const many = Array.from({ length: 10_000 }, (_, index) => index);
    const [marks, ...rest] = marksOf(
      many.map(() => 'started' as const),
      many,
      'time',
      300,
    );
    expect(rest).toEqual([]);
    expect(marks?.path.match(/M/g)?.length).toBe(301);
  });

  it('labels what fits', () => {
    expect(ticksOf('events', times, 80, 80)).toEqual([0, 7]);
    expect(ticksOf('time', times, 1_000, 100)).toEqual([0, 7]);
    expect(ticksOf('events', times, 1_000, 100)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(ticksOf('events', [], 100, 100)).toEqual([]);
  });
});

describe('playing', () => {
  it('goes by the log’s clock times the speed', () => {
    expect(played({ index: 0, atMs: 0 }, times, 1, 15)).toEqual({ index: 1, atMs: 15 });
    expect(played({ index: 0, atMs: 0 }, times, 10, 2)).toEqual({ index: 2, atMs: 20 });
  });

  it('cuts silences short and stays at the end', () => {
    const after = played({ index: 3, atMs: 30 }, times, 1, 10);
    expect(after).toEqual({ index: 3, atMs: 9_970 - silenceMsMax });
    expect(played(after, times, 1, silenceMsMax).index).toBe(4);
    expect(played({ index: 7, atMs: 10_000 }, times, 100, 1_000).index).toBe(7);
  });
});

describe('movedBy', () => {
  it('steps, leaps and returns to the present behind the last event', () => {
    const move = (key: string, from: number) => movedBy(key, from, 100);
    expect(['ArrowRight', 'ArrowLeft', 'PageUp', 'PageDown', 'Home', 'End', 'x'].map((key) => move(key, 50))).toEqual([
      51,
      49,
      55,
      45,
      0,
      'live',
      null,
    ]);
    expect([move('ArrowRight', 99), move('ArrowLeft', 0), move('PageUp', 97)]).toEqual(['live', 0, 'live']);
  });
});
