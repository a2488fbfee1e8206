import { trialScore } from '../policy/schedule.ts';
import { summarise } from '../policy/statistics.ts';
import type { SampleScores, Summary } from '../policy/statistics.ts';
import type { EvaluationView, TrialView } from './views.ts';

/** A scorer's name, or null for what a trial came to by all of them together. */
export type ScorerName = string | null;

const scoreOf = ({ scores }: TrialView, scorer: ScorerName): number | null =>
  scorer === null ? trialScore(scores) : (scores.find((score) => score.scorer === scorer)?.value ?? null);

/**
 * Scores by sample, of the last attempts that were scored. What errored says nothing about its subject and is left out.
 * @param scorer one scorer only; null for the mean of each trial's scores
 */
export const scoresBySample = (trials: Iterable<TrialView>, scorer: ScorerName = null): SampleScores[] => {
  const samples = new Map<number, { sampleId: string; epochs: [epoch: number, score: number][] }>();
  for (const trial of trials) {
    if (!trial.latest || trial.status !== 'finished' || trial.outcome === 'errored') continue;
    const score = scoreOf(trial, scorer);
    if (score === null) continue;
    const sample = samples.get(trial.sampleIndex) ?? { sampleId: trial.sampleId, epochs: [] };
    sample.epochs.push([trial.epoch, score]);
    samples.set(trial.sampleIndex, sample);
  }
  return [...samples]
    .sort(([one], [other]) => one - other)
    .map(([, { sampleId, epochs }]) => ({
      sampleId,
      scores: epochs.sort(([one], [other]) => one - other).map(([, score]) => score),
    }));
};

/** Names of the scorers that scored, in the order in which they stand in trials. */
export const scorersOf = (trials: Iterable<TrialView>): string[] => [
  ...new Set([...trials].flatMap(({ scores }) => scores.map(({ scorer }) => scorer))),
];

/** A seed of an evaluation's own, so that its interval is the same wherever it is shown. */
export const seedOf = (evaluationId: string): number => Number.parseInt(evaluationId.slice(-8), 16);

/** What an evaluation's scores come to so far, by its own reducer. */
export const summaryOf = (
  evaluation: Pick<EvaluationView, 'id' | 'epochReducer'>,
  trials: Iterable<TrialView>,
  scorer: ScorerName = null,
): Summary => summarise(scoresBySample(trials, scorer), evaluation.epochReducer, seedOf(evaluation.id));
