import { reduceEvaluation } from '@crucible/domain';
import { simulate } from '@crucible/domain/testing';
import type { EvaluationView } from '@crucible/domain';
import type { EvaluationId } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { MomentCache } from './moment-cache.ts';
import type { Moment } from './moment-cache.ts';

const { log } = simulate({ seed: 1 });
const view = reduceEvaluation(undefined, log.entries[0] as never) as EvaluationView;
const { id } = view;
const trials = (count: number): Map<never, never> =>
  new Map(Array.from({ length: count }, (_, at) => [at, {}])) as never;
const moment = (position: number, upTo: number, count = 1, whole = true): Moment => ({
  page: { evaluation: view, trials: trials(count), position },
  upTo,
  whole,
});

describe('the cache of moments', () => {
  it('gives the latest moment that is not behind the position', () => {
    const cache = new MomentCache({ momentsMax: 10, trialsMax: 100 });
    const [early, late] = [moment(5, 8), moment(12, 20)];
    cache.keep(early, undefined);
    cache.keep(late, undefined);
    expect(cache.nearest(id, 4, true)).toBeUndefined();
    expect(cache.nearest(id, 9, true)).toBe(early);
    expect(cache.nearest(id, 12, true)).toBe(late);
    expect(cache.nearest(id, 99, true)).toBe(late);
    expect(cache.nearest('another' as EvaluationId, 99, true)).toBeUndefined();
  });

  it('gives no evaluation without its trials for a whole one, but the other way round', () => {
    const cache = new MomentCache({ momentsMax: 10, trialsMax: 100 });
    cache.keep(moment(5, 8, 0, false), undefined);
    expect(cache.nearest(id, 9, true)).toBeUndefined();
    expect(cache.nearest(id, 9, false)).toBeDefined();
  });

  it('holds one moment for a stretch without events, however far it is followed', () => {
    const cache = new MomentCache({ momentsMax: 2, trialsMax: 100 });
    cache.keep(moment(1, 2), undefined);
    let last = moment(5, 5);
    cache.keep(last, undefined);
    for (let upTo = 6; upTo < 50; upTo += 1) {
      const longer = moment(5, upTo);
      cache.keep(longer, last);
      last = longer;
    }
    expect(cache.nearest(id, 3, true)?.upTo).toBe(2);
    expect(cache.nearest(id, 60, true)).toBe(last);
  });

  it('forgets the longest unused when it is too much, by number and by trials', () => {
    const cache = new MomentCache({ momentsMax: 3, trialsMax: 100 });
    for (const position of [1, 10, 20]) cache.keep(moment(position, position), undefined);
    cache.nearest(id, 1, true);
    cache.keep(moment(30, 30), undefined);
    expect(cache.nearest(id, 15, true)?.page.position).toBe(1);
    cache.keep(moment(40, 40, 99), undefined);
    expect(cache.nearest(id, 39, true)?.page.position).toBe(1);
    cache.keep(moment(50, 50, 101), undefined);
    expect(cache.nearest(id, 99, true)).toBeUndefined();
  });
});
