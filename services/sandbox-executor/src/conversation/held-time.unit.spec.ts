import type { BudgetRefusal } from '@crucible/domain';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HeldTime, STRETCH_MS } from './held-time.ts';

const refusal: BudgetRefusal = {
  ...{ scope: 'evaluation', id: 'e', kind: 'timeMs' },
  ...{ limit: 1, settled: 1, reserved: 0, asked: 1 },
};

/** A purse with so much time in it. */
const purseOf = (leftMs: number) => {
  const held = new Map<string, number>();
  const holdTime = (id: string, msMax: number): number | BudgetRefusal => {
    const ms = Math.min(leftMs, msMax);
    if (ms === 0) return refusal;
    leftMs -= ms;
    held.set(id, ms);
    return ms;
  };
  return { held, holdTime, release: (id: string) => void held.delete(id) };
};

describe('the working time that a call holds', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is held piece by piece as it is needed, and all of it given back', () => {
    const purse = purseOf(100_000);
    const time = new HeldTime(purse, 'a', STRETCH_MS);
    time.run();
    vi.advanceTimersByTime(STRETCH_MS - 1);
    expect(purse.held.size).toBe(0);
    vi.advanceTimersByTime(STRETCH_MS + 1);
    expect([...purse.held.values()]).toEqual([STRETCH_MS, STRETCH_MS]);
    expect([time.signal.aborted, time.usedUp]).toEqual([false, null]);
    time.release();
    vi.advanceTimersByTime(9 * STRETCH_MS);
    expect(purse.held.size).toBe(0);
  });

  it('stands still while the call waits', () => {
    const purse = purseOf(0);
    const time = new HeldTime(purse, 'a', 1_000);
    time.run();
    time.run();
    vi.advanceTimersByTime(900);
    time.wait();
    vi.advanceTimersByTime(60_000);
    time.run();
    vi.advanceTimersByTime(99);
    expect(time.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(time.signal.aborted).toBe(true);
  });

  it('ends the call where there is no more, and tells whose limit it was and how much there was', () => {
    const time = new HeldTime(purseOf(300), 'a', 1_000);
    time.run();
    vi.advanceTimersByTime(1_300);
    expect(time.usedUp).toEqual({ refusal, heldMs: 1_300 });
    expect(time.signal.aborted).toBe(true);
    vi.advanceTimersByTime(60_000);
    expect(time.usedUp?.heldMs).toBe(1_300);
  });

  it('is no matter where nothing bounds it', () => {
    const time = new HeldTime(purseOf(0), 'a', null);
    time.run();
    vi.advanceTimersByTime(3_600_000);
    expect([time.signal.aborted, time.usedUp]).toEqual([false, null]);
  });
});
