import { describe, expect, it } from 'vitest';
import { Orders } from './orders.ts';

describe('orders', () => {
  it('are lost when less is heard than was told, for long', () => {
    const orders = new Orders();
    orders.told(100);
    expect(orders.lost(0, 1_000)).toBe(false);
    expect(orders.lost(60, 2_000)).toBe(false);
    expect(orders.lost(60, 9_900)).toBe(false);
    expect(orders.lost(60, 10_100)).toBe(true);
  });

  it('are not lost while they arrive, or when there are none', () => {
    const orders = new Orders();
    for (let second = 1; second < 30; second += 1) expect(orders.lost(0, second * 1_000)).toBe(false);
    orders.told(1_000);
    for (let second = 30; second < 60; second += 1) expect(orders.lost(second, second * 1_000)).toBe(false);
    expect(orders.lost(1_000, 61_000)).toBe(false);
    for (let second = 62; second < 90; second += 1) expect(orders.lost(1_000, second * 1_000)).toBe(false);
  });
});
