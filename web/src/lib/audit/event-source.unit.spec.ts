import type { EventList, EventListQuery, EventSummary } from '@crucible/api';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSource } from './event-source.ts';
import { noFilter } from './filter.ts';

const summary = (position: number): EventSummary => ({
  position,
  id: null,
  type: position % 3 === 0 ? 'crucible.trial.started.v2' : 'crucible.trial.dispatched.v1',
  subject: 's',
  time: null,
  actor: null,
  team: null,
  evaluationId: null,
  trialId: null,
});

/** A log of `head` events of which the positions in `hidden` are not listed. */
const logOf = (head: number, hidden: ReadonlySet<number> = new Set()) => {
  const asked: Partial<EventListQuery>[] = [];
  const ask = (query: Partial<EventListQuery>): Promise<EventList> => {
    asked.push(query);
    const { after = 0, before = head + 1, limit = 100, type } = query;
    const items: EventSummary[] = [];
    for (let position = Math.min(head, before - 1); position > after && items.length < limit; position -= 1) {
      const event = summary(position);
      if (!hidden.has(position) && (type === undefined || event.type === type)) items.push(event);
    }
    return Promise.resolve({ items, position: head });
  };
  return { ask, asked };
};
const edge = { onChange: vi.fn(), onError: vi.fn() };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
const rest = () => vi.advanceTimersByTimeAsync(100);

describe('the whole log', () => {
  it('asks only for the page that is rested on, and knows each row’s position before', async () => {
    const log = logOf(10_000);
    const source = openSource(noFilter, 10_000, { ...edge, ...log });
    expect(source.count).toBe(10_000);
    expect(source.row(5_000)).toEqual({ state: 'loading', position: 5_000 });
    for (let row = 0; row < 9_000; row += 100) source.see(row, row + 40);
    await rest();
    expect(log.asked).toHaveLength(1);
    expect(source.row(8_905)).toMatchObject({ state: 'ready', position: 1_095, event: { position: 1_095 } });
    source.see(8_900, 8_940);
    await rest();
    expect(log.asked).toHaveLength(1);
    expect([source.indexOf(10_000), source.indexOf(1), source.indexOf(99_999)]).toEqual([0, 9_999, 0]);
  });

  it('keeps to a range, and says where no event is listed', async () => {
    const source = openSource({ ...noFilter, from: 11, to: 30 }, 10_000, { ...edge, ...logOf(10_000, new Set([25])) });
    source.see(0, 20);
    await rest();
    expect([source.count, source.row(0).position, source.row(19).position]).toEqual([20, 30, 11]);
    expect(source.row(5)).toEqual({ state: 'unlisted', position: 25 });
    expect(openSource({ ...noFilter, from: 500 }, 10, { ...edge, ...logOf(10) }).count).toBe(0);
  });

  it('asks again after a failure', async () => {
    const ask = vi.fn().mockRejectedValueOnce(new Error('away')).mockImplementation(logOf(10).ask);
    const source = openSource(noFilter, 10, { ...edge, ask });
    source.see(0, 10);
    await rest();
    expect(edge.onError).toHaveBeenCalledOnce();
    source.see(0, 10);
    await rest();
    expect(source.row(0).state).toBe('ready');
  });
});

describe('what fits a filter', () => {
  it('grows page by page as its end comes into sight', async () => {
    const log = logOf(3_000);
    const source = openSource({ ...noFilter, type: 'crucible.trial.started.v2' }, 3_000, { ...edge, ...log });
    await rest();
    expect([source.count, source.isWhole]).toEqual([200, false]);
    for (let step = 0; step < 10; step += 1) {
      source.see(source.count - 30, source.count);
      await rest();
    }
    expect([source.count, source.isWhole, source.row(999).position]).toEqual([1_000, true, 3]);
    expect([source.indexOf(3_000), source.indexOf(2_999), source.indexOf(1)]).toEqual([0, 1, 999]);
  });
});
