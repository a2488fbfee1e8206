import { describe, expect, it } from 'vitest';
import { scrollPxMax, scrollTopAt, scrollTopFor, sightOf, stepInList } from './virtual.ts';

const list = (scrollTop: number, count = 10_000) => ({ scrollTop, heightPx: 640, count, rowPx: 32 });

describe('sightOf', () => {
  it('has only the rows near the window, where they belong', () => {
    const { from, to, topPx, totalPx } = sightOf(list(3_200));
    expect({ from, to, topPx, totalPx }).toEqual({ from: 92, to: 129, topPx: 92 * 32, totalPx: 320_000 });
    expect(sightOf(list(0))).toMatchObject({ from: 0, topPx: 0 });
    expect(sightOf(list(320_000)).to).toBe(10_000);
    expect(sightOf(list(0, 3))).toMatchObject({ from: 0, to: 3, totalPx: 96 });
    expect(sightOf(list(0, 0))).toMatchObject({ from: 0, to: 0, totalPx: 0 });
  });

  it('never has two hundred rows, however many there are', () => {
    for (const count of [200, 10_000, 1_000_000, 50_000_000]) {
      for (const share of [0, 0.1, 0.5, 0.999, 1]) {
        const scrolled = list(share * (Math.min(count * 32, scrollPxMax) - 640), count);
        const { from, to } = sightOf(scrolled);
        expect(to - from).toBeLessThan(200);
        expect(from).toBeGreaterThanOrEqual(0);
        expect(to).toBeLessThanOrEqual(count);
      }
    }
  });

  it('reaches both ends of more rows than a browser has pixels for', () => {
    const count = 5_000_000;
    expect(sightOf(list(0, count)).from).toBe(0);
    expect(sightOf(list(scrollPxMax - 640, count)).to).toBe(count);
  });
});

describe('bringing a row into sight', () => {
  it('moves as little as it must', () => {
    expect(scrollTopFor(100, list(3_200))).toBe(3_200);
    expect(scrollTopFor(99, list(3_200))).toBe(99 * 32);
    expect(scrollTopFor(120, list(3_200))).toBe(121 * 32 - 640);
    expect(scrollTopAt(500, list(0))).toBe(16_000);
    expect(scrollTopAt(9_999, list(0))).toBe(320_000 - 640);
  });

  it('finds any row among millions', () => {
    for (const index of [0, 1, 777_777, 2_500_000, 4_999_999]) {
      const { from, to } = sightOf(list(scrollTopAt(index, list(0, 5_000_000)), 5_000_000));
      expect(from).toBeLessThanOrEqual(index);
      expect(to).toBeGreaterThan(index);
    }
  });
});

describe('stepInList', () => {
  it('moves by one, by a page, to the ends, and stays inside', () => {
    const keys = ['ArrowDown', 'ArrowUp', 'PageDown', 'PageUp', 'Home', 'End', 'a'];
    expect(keys.map((key) => stepInList(key, 5, 100, 20))).toEqual([6, 4, 25, 0, 0, 99, null]);
    expect(stepInList('ArrowDown', 99, 100, 20)).toBe(99);
  });
});
