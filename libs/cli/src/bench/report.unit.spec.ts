import { expect, it } from 'vitest';
import { median, percentile } from './report.ts';
import { trivialSuite } from './runs.ts';

it('takes percentiles by the nearest rank, in any order of the values', () => {
  const values = [50, 15, 40, 20, 35];
  expect([0.05, 0.3, 0.4, 0.5, 1].map((p) => percentile(values, p))).toEqual([15, 20, 20, 35, 50]);
  expect(median([3, 1, 2])).toBe(2);
  expect(percentile([], 0.5)).toBeNaN();
});

it('measures with a suite that the platform takes', () => {
  const suite = trivialSuite(3, 2);
  expect(suite.dataset.samples.map(({ id }) => id)).toEqual(['sample-0', 'sample-1', 'sample-2']);
  expect(suite.limits.concurrency).toBe(2);
});
