import { describe, expect, it } from 'vitest';
import { scrollPxMax } from '../virtual.ts';
import { AnchoredScroll } from './anchored-scroll.ts';
import { Heights } from './heights.ts';

/** The same by adding up. */
const plainly = (px: readonly number[]) => ({
  offsetOf: (index: number): number => px.slice(0, index).reduce((sum, each) => sum + each, 0),
  indexAt: (place: number): number => {
    let sum = 0;
    const found = px.findIndex((each) => (sum += each) > place);
    return found < 0 ? px.length - 1 : found;
  },
});

describe('heights', () => {
  it('say where each row is as adding up does, however they came to be', () => {
    let seed = 7;
    const next = (max: number): number => (seed = (seed * 48_271) % 2_147_483_647) % max;
    const heights = new Heights(50);
    let px: number[] = [];
    for (let step = 0; step < 400; step += 1) {
      if (step % 5 === 0) {
        const count = next(700) + 1;
        heights.resize(count);
        px = Array.from({ length: count }, (_, index) => px[index] ?? 50);
      }
      const index = next(px.length);
      px[index] = next(300) + 1;
      heights.set(index, px[index]);
      const { offsetOf, indexAt } = plainly(px);
      const asked = next(px.length + 1);
      expect(heights.offsetOf(asked)).toBe(offsetOf(asked));
      const place = next(heights.totalPx);
      expect(heights.indexAt(place)).toBe(indexAt(place));
      expect(heights.totalPx).toBe(offsetOf(px.length));
    }
  });

  it('have an answer for what is not there', () => {
    const heights = new Heights(40);
    expect([heights.indexAt(10), heights.offsetOf(3), heights.totalPx, heights.set(0, 9)]).toEqual([0, 0, 0, false]);
    heights.resize(2);
    expect([heights.indexAt(-5), heights.indexAt(1_000), heights.heightOf(7), heights.set(0, 40)]).toEqual([
      0,
      1,
      40,
      false,
    ]);
  });
});

const scrollOf = (count: number): AnchoredScroll => {
  const scroll = new AnchoredScroll(100);
  scroll.windowPx = 600;
  scroll.resize(count);
  return scroll;
};
/** What a page does after anything has changed. */
const settle = (scroll: AnchoredScroll): void => scroll.settled(scroll.wantedTop);
/** Where a row is in the window, in pixels from its upper edge. */
const seenAt = (scroll: AnchoredScroll, index: number): number => {
  const { from, topPx } = scroll.shown();
  return topPx + scroll.heights.offsetOf(index) - scroll.heights.offsetOf(from) - scroll.scrollTop;
};

describe('a window onto rows of unlike heights', () => {
  it('has the rows near it, and never many', () => {
    for (const count of [0, 1, 1_000, 100_000, 400_000]) {
      const scroll = scrollOf(count);
      for (const share of [0, 0.3, 1]) {
        scroll.toRow(Math.floor(share * count));
        settle(scroll);
        const { from, to } = scroll.shown();
        expect(to - from).toBeLessThanOrEqual(18);
        expect([from >= 0, to <= count]).toEqual([true, true]);
      }
    }
  });

  it('keeps what is in sight where it is when a row above turns out higher, or lower', () => {
    const scroll = scrollOf(1_000);
    scroll.toRow(500);
    settle(scroll);
    scroll.scrolled(scroll.scrollTop + 30);
    for (const [index, px] of [
      [499, 340],
      [497, 20],
      [500, 210],
    ] as const) {
      scroll.measured(index, px);
      settle(scroll);
      expect(seenAt(scroll, 500)).toBe(-30);
      expect(scroll.wantedTop).toBe(scroll.heights.offsetOf(500) + 30);
    }
  });

  it('goes short ways by the pixel and reaches both ends, also of more rows than a browser has pixels for', () => {
    const scroll = scrollOf(400_000);
    expect([scroll.isTrue, scroll.totalPx]).toEqual([false, scrollPxMax]);
    scroll.toRow(200_000);
    settle(scroll);
    scroll.scrolled(scroll.scrollTop + 130);
    expect(seenAt(scroll, 200_001)).toBe(-30);
    // A drag of the scrollbar goes by share.
    scroll.scrolled(scrollPxMax / 4);
    expect(scroll.firstRow / 400_000).toBeCloseTo(0.25, 3);
    scroll.scrolled(0);
    expect(scroll.shown().from).toBe(0);
    scroll.scrolled(scrollPxMax - 600);
    expect(scroll.shown().to).toBe(400_000);
    expect(scroll.isAtEnd).toBe(true);
  });

  it('stays at the end when more comes, if told to, and else where it was', () => {
    const scroll = scrollOf(50);
    scroll.toEnd();
    settle(scroll);
    scroll.resize(60);
    expect(scroll.isAtEnd).toBe(false);
    scroll.toEnd();
    settle(scroll);
    expect([scroll.isAtEnd, scroll.shown().to]).toEqual([true, 60]);
    scroll.measured(59, 500);
    expect(scroll.isAtEnd).toBe(false);
    scroll.scrolled(scroll.scrollTop - 200);
    scroll.resize(70);
    settle(scroll);
    expect(scroll.firstRow).toBe(52);
  });

  it('shows a list that fits whole', () => {
    const scroll = scrollOf(3);
    settle(scroll);
    expect(scroll.shown()).toEqual({ from: 0, to: 3, topPx: 0, totalPx: 300 });
    expect(scroll.isAtEnd).toBe(true);
  });
});
