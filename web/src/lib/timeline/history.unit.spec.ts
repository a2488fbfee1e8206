import { reducePage } from '@crucible/domain';
import type { EvaluationPage, Positioned } from '@crucible/domain';
import { describe, expect, it } from 'vitest';
import { admitted, at, dispatched, evaluationView, idOf, submitted } from '../views.fixture.ts';
import { entryOf, History } from './history.ts';
import type { HistoryEntry } from './history.ts';

const id = idOf(1);

/** A submission, its admission and then a dispatch for each sample, three positions apart from each other. */
const eventsOf = (samples: number): Positioned[] => [
  at(3, submitted(id, samples)),
  at(6, admitted(id)),
  ...Array.from({ length: samples }, (_, sampleIndex) =>
    at(9 + sampleIndex * 3, dispatched(id, { sampleIndex, epoch: 1, attempt: 1 })),
  ),
];
const foldOneByOne = (events: readonly Positioned[]): EvaluationPage =>
  events.slice(1).reduce(reducePage, {
    evaluation: evaluationView(events[0] as Positioned),
    trials: new Map(),
    position: 3,
  });

describe('History', () => {
  const events = eventsOf(1_400);
  const history = new History();
  history.append(events);

  it('has the page behind any event as a fold from the beginning gives it, in whatever order it is asked', () => {
    for (const index of [0, 1, 1_401, 2, 499, 500, 501, 1_000, 17, 1_399, 999]) {
      expect(history.pageAt(index)).toEqual(foldOneByOne(events.slice(0, index + 1)));
    }
  });

  it('finds the last event at or before a position', () => {
    expect([2, 3, 5, 6, 1_000_000].map((position) => history.indexAt(position))).toEqual([-1, 0, 0, 1, 1_401]);
    expect(history.pageAt(-1)).toBeNull();
  });

  it('takes every event once, also when pages overlap', () => {
    const own = new History();
    expect([own.append(events.slice(0, 10)), own.append(events.slice(5, 12)), own.append(events.slice(0, 3))]).toEqual([
      10, 2, 0,
    ]);
    expect(own.position).toBe(events[11]?.position);
  });

  it('goes on behind events that cannot be read', () => {
    const own = new History();
    const unreadable: HistoryEntry[] = [entryOf(1, null), entryOf(2, { type: 'foreign' })];
    own.append([...unreadable, ...events.slice(0, 3), entryOf(10, 'text'), ...events.slice(3, 4)]);
    expect(own.pageAt(1)).toBeNull();
    expect(own.pageAt(6)).toEqual(foldOneByOne(events.slice(0, 4)));
  });

  it('steps among twelve thousand events within a frame each', () => {
    const frameMs = 16;
    const long = new History();
    for (const event of eventsOf(12_000)) long.append([event]);
    long.pageAt(12_001);
    const takenMs = Array.from({ length: 60 }, (_, step) => {
      const begun = performance.now();
      long.pageAt((step * 7_919) % 12_002);
      return performance.now() - begun;
    }).sort((a, b) => a - b);
    expect(takenMs[30]).toBeLessThan(frameMs);
  });
});
