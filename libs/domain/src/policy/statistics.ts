import type { EpochReducer } from '@crucible/events';
import { chanceFrom } from './random.ts';

/** Scores of one sample, one an epoch that was scored, each from 0 to 1. */
export interface SampleScores {
  readonly sampleId: string;
  readonly scores: readonly number[];
}

export interface Interval {
  readonly low: number;
  readonly high: number;
  /** The part of such intervals that hold the true value, as 0.95. */
  readonly level: number;
}

/** What scores come to. Null where there are too few to say. */
export interface Summary {
  /** Samples that count: those with enough scored epochs for the reducer. */
  readonly samples: number;
  readonly accuracy: number | null;
  readonly standardError: number | null;
  readonly interval: Interval | null;
}

export const meanOf = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;

const ascending = (values: readonly number[]): number[] => [...values].sort((one, other) => one - other);

const medianOf = (values: readonly number[]): number | null => {
  const sorted = ascending(values);
  const middle = sorted.length / 2;
  return meanOf(sorted.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1));
};

/** The value that came up most; of several that came up as often the lowest, so that a tie is no success. */
const modeOf = (values: readonly number[]): number | null => {
  const times = new Map<number, number>();
  for (const value of ascending(values)) times.set(value, (times.get(value) ?? 0) + 1);
  let most: [value: number | null, times: number] = [null, 0];
  for (const each of times) if (each[1] > most[1]) most = each;
  return most[0];
};

/**
 * The chance that at least one of `k` tries passes, from `passed` of `tries`: the unbiased estimator 1 - C(n-c, k) / C(n, k)
 * of Chen et al., "Evaluating Large Language Models Trained on Code" (arXiv:2107.03374), section 2.1, as a product that
 * does not overflow. Null with fewer tries than k.
 */
export const passAtK = (tries: number, passed: number, k: number): number | null => {
  if (tries < k) return null;
  if (tries - passed < k) return 1;
  let allFail = 1;
  for (let each = tries - passed + 1; each <= tries; each += 1) allFail *= 1 - k / each;
  return 1 - allFail;
};

const passes = (scores: readonly number[]): number => scores.filter((score) => score === 1).length;

/** One score of all epochs of a sample; null where there are too few to say. */
export const reduceEpochs = (reducer: EpochReducer, scores: readonly number[]): number | null => {
  const [, name, digits] = /^(.+?)(?:[@-](\d+))?$/.exec(reducer) ?? [];
  const k = Number(digits ?? 0);
  switch (name) {
    case 'mean':
      return meanOf(scores);
    case 'median':
      return medianOf(scores);
    case 'mode':
      return modeOf(scores);
    case 'max':
      return scores.length === 0 ? null : Math.max(...scores);
    case 'pass':
      return passAtK(scores.length, passes(scores), k);
    case 'at-least':
      return scores.length < k ? null : Number(passes(scores) >= k);
    default:
      throw new Error(`no reducer is called ${reducer}`);
  }
};

/**
 * Standard error of the mean of values that come in clusters, such as the epochs of one sample, which are not independent:
 * Miller, "Adding Error Bars to Evals" (arXiv:2411.00640), section 2.2, with the correction C / (C - 1) for few clusters.
 * With one value a cluster it is the ordinary one, s / sqrt(n). Null with fewer than two clusters.
 */
export const clusteredStandardError = (clusters: readonly (readonly number[])[]): number | null => {
  const known = clusters.filter((values) => values.length > 0);
  const values = known.flat();
  const mean = meanOf(values);
  if (mean === null || known.length < 2) return null;
  const squares = known.map((each) => each.reduce((sum, value) => sum + value - mean, 0) ** 2);
  const variance = squares.reduce((sum, square) => sum + square, 0) * (known.length / (known.length - 1));
  return Math.sqrt(variance) / values.length;
};

export const bootstrapBounds = { resamples: 2_000, resamplesMin: 200, drawsMax: 20_000_000 } as const;

/** Value below which a part of sorted values lies, between neighbours in proportion (Hyndman and Fan, type 7). */
const quantile = (sorted: readonly number[], part: number): number => {
  const at = (sorted.length - 1) * part;
  const [below = 0, above = below] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at - Math.floor(at));
};

/**
 * Percentile interval of the mean by resampling (Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 13).
 * Samples are drawn whole, with what all their epochs came to. The same seed gives the same interval, everywhere.
 */
export const bootstrapInterval = (values: readonly number[], seed: number, level = 0.95): Interval | null => {
  if (values.length < 2) return null;
  const { resamples: wanted, resamplesMin, drawsMax } = bootstrapBounds;
  const resamples = Math.max(resamplesMin, Math.min(wanted, Math.floor(drawsMax / values.length)));
  const chance = chanceFrom(seed);
  const means = Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let draw = 0; draw < values.length; draw += 1) sum += values[Math.floor(chance.next() * values.length)] ?? 0;
    return sum / values.length;
  });
  const sorted = ascending(means);
  const outside = (1 - level) / 2;
  return { low: quantile(sorted, outside), high: quantile(sorted, 1 - outside), level };
};

/**
 * Accuracy with its error over samples. Epochs are reduced first, so each sample counts once and its epochs are one
 * cluster.
 * @param seed of the interval; the same evaluation should be given the same one
 */
export const summarise = (samples: readonly SampleScores[], reducer: EpochReducer, seed: number): Summary => {
  const reduced = samples.flatMap(({ scores }) => reduceEpochs(reducer, scores) ?? []);
  return {
    samples: reduced.length,
    accuracy: meanOf(reduced),
    standardError: clusteredStandardError(reduced.map((value) => [value])),
    interval: bootstrapInterval(reduced, seed),
  };
};

/** A summary of each group of samples, such as those of one capability class, in the order of their first sample. */
export const summariseBy = <S extends SampleScores>(
  samples: readonly S[],
  classOf: (sample: S) => string,
  reducer: EpochReducer,
  seed: number,
): ReadonlyMap<string, Summary> => {
  const groups = new Map<string, S[]>();
  for (const sample of samples) {
    const group = classOf(sample);
    groups.set(group, [...(groups.get(group) ?? []), sample]);
  }
  return new Map([...groups].map(([group, members]) => [group, summarise(members, reducer, seed)]));
};
