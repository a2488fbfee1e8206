import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bootstrapInterval,
  clusteredStandardError,
  meanOf,
  passAtK,
  reduceEpochs,
  summarise,
  summariseBy,
} from './statistics.ts';

const score = fc.integer({ min: 0, max: 4 }).map((quarter) => quarter / 4);
const scores = fc.array(score, { minLength: 1, maxLength: 12 });
const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k);

describe('reducers of epochs', () => {
  it.each([
    ['mean', [0, 0.5, 1, 1], 0.625],
    ['median', [1, 0, 0.5], 0.5],
    ['median', [1, 0, 0.5, 1], 0.75],
    ['mode', [0, 1, 1], 1],
    ['mode', [1, 0], 0],
    ['max', [0, 0.25, 0], 0.25],
    ['pass@1', [1, 0, 0, 0], 0.25],
    ['pass@2', [1, 0, 0, 0], 0.5],
    ['pass@2', [1, 1, 0, 0, 0], 0.7],
    ['pass@3', [1, 1, 0], 1],
    ['pass@1', [0.5, 0.5], 0],
    ['at-least-2', [1, 0, 1], 1],
    ['at-least-2', [1, 0, 0.5], 0],
  ])('%s of %j is %d', (reducer, given, expected) => {
    expect(reduceEpochs(reducer, given)).toBeCloseTo(expected, 12);
  });

  it.each(['mean', 'median', 'mode', 'max', 'pass@1', 'at-least-1'])('%s of nothing is nothing', (reducer) => {
    expect(reduceEpochs(reducer, [])).toBeNull();
  });

  it('say nothing of more epochs than were scored', () => {
    expect([reduceEpochs('pass@3', [1, 1]), reduceEpochs('at-least-3', [1, 1])]).toEqual([null, null]);
  });

  it('throw at a name that no format lets through', () => {
    expect(() => reduceEpochs('best', [1])).toThrow('no reducer is called best');
  });

  it('stay between the least and the most, whatever the order', () => {
    fc.assert(
      fc.property(fc.constantFrom('mean', 'median', 'mode', 'max'), scores, (reducer, given) => {
        const reduced = reduceEpochs(reducer, given) ?? Number.NaN;
        expect(reduced).toBeGreaterThanOrEqual(Math.min(...given) - 1e-12);
        expect(reduced).toBeLessThanOrEqual(Math.max(...given) + 1e-12);
        expect(reduceEpochs(reducer, given.toReversed())).toBeCloseTo(reduced, 12);
      }),
    );
  });
});

describe('pass@k', () => {
  it('is one less the part of choices in which all fail', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(20), fc.integer({ min: 1, max: 20 }), (tries, some, k) => {
        const passed = Math.min(some, tries);
        const expected = k > tries ? null : 1 - choose(tries - passed, k) / choose(tries, k);
        const estimated = passAtK(tries, passed, k);
        if (expected === null || tries - passed < k) expect(estimated).toBe(k > tries ? null : 1);
        else expect(estimated).toBeCloseTo(expected, 9);
      }),
    );
  });

  it('is unbiased: over all that n tries can give, its mean is the chance that one of k passes', () => {
    const [tries, k, chance] = [8, 3, 0.3];
    let mean = 0;
    for (let passed = 0; passed <= tries; passed += 1)
      mean +=
        choose(tries, passed) * chance ** passed * (1 - chance) ** (tries - passed) * (passAtK(tries, passed, k) ?? 0);
    expect(mean).toBeCloseTo(1 - (1 - chance) ** k, 12);
  });

  it('does not overflow', () => {
    expect(passAtK(10_000, 1, 100)).toBeCloseTo(0.01, 12);
  });
});

describe('the standard error', () => {
  it('is s / sqrt(n) of single values', () => {
    // Variance of 0, 0, 1, 1 is 1/3.
    expect(clusteredStandardError([[0], [0], [1], [1]])).toBeCloseTo(Math.sqrt(1 / 3 / 4), 12);
    expect(clusteredStandardError([[0.5], [0.5]])).toBe(0);
  });

  it('counts what always comes together once', () => {
    const single = clusteredStandardError([[0], [1], [1]]);
    expect(
      clusteredStandardError([
        [0, 0, 0],
        [1, 1, 1],
        [1, 1, 1],
      ]),
    ).toBeCloseTo(single ?? 0, 12);
    // By hand: mean 1/2, sums of differences -1/2 and 1/2 + 0; squares 1/4 each, times 2, over 3 squared.
    expect(clusteredStandardError([[0], [0.5, 1]])).toBeCloseTo(Math.sqrt((0.25 + 0.25) * 2) / 3, 12);
  });

  it('is that of the means where every cluster has as many values', () => {
    const equal = fc
      .integer({ min: 1, max: 5 })
      .chain((size) =>
        fc.array(fc.array(score, { minLength: size, maxLength: size }), { minLength: 2, maxLength: 10 }),
      );
    fc.assert(
      fc.property(equal, (clusters) => {
        const means = clusters.map((values) => [meanOf(values) ?? 0]);
        expect(clusteredStandardError(clusters)).toBeCloseTo(clusteredStandardError(means) ?? Number.NaN, 10);
      }),
    );
  });

  it('needs two clusters', () => {
    expect([clusteredStandardError([]), clusteredStandardError([[1, 0]]), clusteredStandardError([[1], []])]).toEqual([
      null,
      null,
      null,
    ]);
  });
});

describe('the bootstrap interval', () => {
  it('is the same for the same seed, and holds the mean', () => {
    fc.assert(
      fc.property(fc.array(score, { minLength: 2, maxLength: 40 }), fc.integer(), (values, seed) => {
        const interval = bootstrapInterval(values, seed);
        expect(bootstrapInterval(values, seed)).toEqual(interval);
        const mean = meanOf(values) ?? Number.NaN;
        expect(interval?.low).toBeLessThanOrEqual(mean + 1e-9);
        expect(interval?.high).toBeGreaterThanOrEqual(mean - 1e-9);
      }),
      { numRuns: 30 },
    );
  });

  it('is about two standard errors wide on each side', () => {
    const values = Array.from({ length: 200 }, (_, index) => (index % 4 === 0 ? 1 : 0));
    const error = clusteredStandardError(values.map((value) => [value])) ?? Number.NaN;
    const { low, high } = bootstrapInterval(values, 7) ?? { low: Number.NaN, high: Number.NaN };
    expect(low).toBeGreaterThan(0.25 - 2.4 * error);
    expect(low).toBeLessThan(0.25 - 1.6 * error);
    expect(high).toBeGreaterThan(0.25 + 1.6 * error);
    expect(high).toBeLessThan(0.25 + 2.4 * error);
  });

  it('holds the true value about as often as it says', () => {
    let held = 0;
    let state = 1;
    const next = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    for (let round = 0; round < 200; round += 1) {
      const values = Array.from({ length: 60 }, () => (next() < 0.4 ? 1 : 0));
      const interval = bootstrapInterval(values, round);
      if (interval !== null && interval.low <= 0.4 && 0.4 <= interval.high) held += 1;
    }
    expect(held / 200).toBeGreaterThan(0.88);
    expect(held / 200).toBeLessThan(0.99);
  });

  it('is a point where all are the same, and none of one value', () => {
    expect(bootstrapInterval([1, 1, 1], 3)).toEqual({ low: 1, high: 1, level: 0.95 });
    expect(bootstrapInterval([1], 3)).toBeNull();
  });
});

describe('a summary', () => {
  const samples = [
    { sampleId: 'a', group: 'x', scores: [1, 0] },
    { sampleId: 'b', group: 'y', scores: [1, 1] },
    { sampleId: 'c', group: 'x', scores: [0, 0] },
    { sampleId: 'd', group: 'x', scores: [] },
  ];

  it('counts each sample once, and leaves out those without a score', () => {
    expect(summarise(samples, 'mean', 1)).toMatchObject({ samples: 3, accuracy: 0.5 });
    expect(summarise(samples, 'mean', 1).standardError).toBeCloseTo(0.5 / Math.sqrt(3), 12);
    expect(summarise(samples, 'max', 1).accuracy).toBeCloseTo(2 / 3, 12);
    expect(summarise([], 'mean', 1)).toEqual({ samples: 0, accuracy: null, standardError: null, interval: null });
  });

  it('of each class is that of its members', () => {
    const byGroup = summariseBy(samples, ({ group }) => group, 'mean', 1);
    expect([...byGroup.keys()]).toEqual(['x', 'y']);
    expect(byGroup.get('x')).toEqual(
      summarise(
        samples.filter(({ group }) => group === 'x'),
        'mean',
        1,
      ),
    );
    expect(byGroup.get('y')).toMatchObject({ samples: 1, accuracy: 1, standardError: null });
  });
});
