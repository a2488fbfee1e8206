import { epochsOf } from '@crucible/suite';
import type { Suite } from '@crucible/suite';
import { misuse } from './failure.ts';
import { safe } from './text.ts';

/** What part of a suite is to be run. */
export interface Narrowing {
  readonly epochs?: number | undefined;
  /** The first so many samples, after `samples` chose. */
  readonly limit?: number | undefined;
  /** Ids of samples; all of them when there are none. */
  readonly samples: readonly string[];
}

const NAMED_MAX = 8;

const chosen = (suite: Suite, wanted: readonly string[]): Suite['dataset']['samples'] => {
  const { samples } = suite.dataset;
  if (wanted.length === 0) return samples;
  const ids = new Set(samples.map(({ id }) => id));
  const unknown = wanted.filter((id) => !ids.has(id));
  if (unknown.length > 0) {
    const some = samples.slice(0, NAMED_MAX).map(({ id }) => safe(id, 60));
    const more = samples.length > NAMED_MAX ? `, and ${samples.length - NAMED_MAX} more` : '';
    throw misuse(
      `--sample: ${safe(suite.metadata.name, 64)} has no sample ${unknown.map((id) => safe(id, 60)).join(', ')}`,
      `it has: ${some.join(', ')}${more}`,
    );
  }
  return samples.filter(({ id }) => wanted.includes(id));
};

const withEpochs = (suite: Suite, count: number | undefined): Suite['epochs'] => {
  if (count === undefined) return suite.epochs;
  const { reducer } = epochsOf(suite);
  const least = Number(/^(?:pass@|at-least-)(\d+)$/.exec(reducer)?.[1] ?? 1);
  if (count < least)
    throw misuse(`--epochs ${count}: this suite reduces epochs by ${reducer}, which needs at least ${least}`);
  return { count, reducer };
};

/**
 * A suite with less of its samples, or with other epochs. It is submitted as it is then: what ran is what its digest says.
 * @throws UsageFailure that names the option
 */
export const narrowed = (suite: Suite, { epochs, limit, samples }: Narrowing): Suite => ({
  ...suite,
  dataset: { samples: chosen(suite, samples).slice(0, limit ?? Number.POSITIVE_INFINITY) },
  epochs: withEpochs(suite, epochs),
});
