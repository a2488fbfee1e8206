import { epochsOf } from './suite.ts';
import type { Suite } from './suite.ts';

/** What part of a suite is to be run. */
export interface Narrowing {
  readonly epochs?: number | undefined;
  /** The first so many samples, after `samples` chose. */
  readonly limit?: number | undefined;
  /** Ids of samples; all of them when there are none. */
  readonly samples?: readonly string[] | undefined;
}

/** A part that the suite does not have: whoever asked says it in their own words. */
export type NarrowingProblem =
  | { readonly kind: 'no-such-sample'; readonly unknown: readonly string[]; readonly ids: readonly string[] }
  | {
      readonly kind: 'too-few-epochs';
      readonly epochs: number;
      readonly epochsMin: number;
      readonly reducer: string;
    };

export type Narrowed =
  { readonly ok: true; readonly suite: Suite } | { readonly ok: false; readonly problem: NarrowingProblem };

/** The least number of epochs that a suite's reducer makes one score of. */
export const epochsMinOf = (suite: Pick<Suite, 'epochs'>): number =>
  Number(/^(?:pass@|at-least-)(\d+)$/.exec(epochsOf(suite).reducer)?.[1] ?? 1);

/** A suite with less of its samples, or with other epochs. It is submitted as it is then: what ran is what its digest says. */
export const narrow = (suite: Suite, { epochs, limit, samples = [] }: Narrowing): Narrowed => {
  const all = suite.dataset.samples;
  const ids = all.map(({ id }) => id);
  const unknown = samples.filter((id) => !ids.includes(id));
  if (unknown.length > 0) return { ok: false, problem: { kind: 'no-such-sample', unknown, ids } };
  const { reducer } = epochsOf(suite);
  const epochsMin = epochsMinOf(suite);
  if (epochs !== undefined && epochs < epochsMin)
    return { ok: false, problem: { kind: 'too-few-epochs', epochs, epochsMin, reducer } };
  const chosen = samples.length === 0 ? all : all.filter(({ id }) => samples.includes(id));
  return {
    ok: true,
    suite: {
      ...suite,
      dataset: { samples: chosen.slice(0, limit ?? Number.POSITIVE_INFINITY) },
      epochs: epochs === undefined ? suite.epochs : { count: epochs, reducer },
    },
  };
};
