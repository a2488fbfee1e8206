import type { CapabilityClass } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { simulatedPages } from '../testing/index.ts';
import { classScores } from './class-scores.ts';
import type { EvaluationPage } from './evaluation-page.ts';
import type { TrialView } from './views.ts';

const [base] = simulatedPages(3);

/** One evaluation whose samples scored these values in each of their epochs. */
const page = (
  suite: string,
  model: string,
  capability: CapabilityClass | null,
  samples: readonly (readonly number[])[],
): EvaluationPage => {
  const [some] = base?.trials.values() ?? [];
  if (base === undefined || some === undefined) throw new Error('the simulation ran a trial');
  const trials = samples.flatMap((epochs, sampleIndex) =>
    epochs.map((value, index): TrialView => ({
      ...some,
      id: `${sampleIndex}-${index + 1}-1` as TrialView['id'],
      sampleIndex,
      sampleId: `s${sampleIndex}`,
      epoch: index + 1,
      attempt: 1,
      latest: true,
      status: 'finished',
      outcome: 'failed',
      scores: [{ scorer: 'exact', value, explanation: '' }],
    })),
  );
  const evaluation = {
    ...base.evaluation,
    epochReducer: 'max' as const,
    suite: { ...base.evaluation.suite, name: suite, capability },
    subject: { kind: 'model' as const, model, provider: null },
  };
  return { ...base, evaluation, trials: new Map(trials.map((trial) => [trial.id, trial])) };
};

describe('scores of a class', () => {
  it('pool the samples of all its suites, subject by subject', () => {
    const scores = classScores([
      page('a', 'house', 'deception', [
        [0, 1],
        [0, 0],
      ]),
      page('a', 'other', 'deception', [[0], [0]]),
      page('b', 'house', 'deception', [[1], [1]]),
      page('c', 'house', 'system-access', [[1]]),
      page('d', 'house', null, [[1]]),
    ]);
    expect(
      scores.map(({ capability, subject, suites, samples, accuracy }) => [
        capability,
        subject,
        suites,
        samples,
        accuracy,
      ]),
    ).toEqual([
      ['deception', 'house', ['a', 'b'], 4, 0.75],
      ['deception', 'other', ['a'], 2, 0],
      ['system-access', 'house', ['c'], 1, 1],
    ]);
    const [pooled] = scores;
    expect(pooled?.interval?.low).toBeLessThan(0.75);
    expect(pooled?.interval?.high).toBe(1);
    expect(pooled?.standardError).toBeCloseTo(0.25, 9);
  });

  it('are none of suites that measure no class', () => {
    expect(classScores([page('d', 'house', null, [[1]])])).toEqual([]);
  });
});
