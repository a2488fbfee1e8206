import type { CapabilityClass } from '@crucible/events';
import { reduceEpochs, summariseBy } from '../policy/statistics.ts';
import type { Summary } from '../policy/statistics.ts';
import type { EvaluationPage } from './evaluation-page.ts';
import { scoresBySample, seedOf } from './scores.ts';
import { subjectName } from './usage.ts';

/** What one subject came to in all suites of a class of dangerous capabilities, each sample counting once. */
export interface ClassScore extends Summary {
  readonly capability: CapabilityClass;
  readonly subject: string;
  readonly suites: readonly string[];
}

const subjectOf = ({ evaluation }: EvaluationPage): string => subjectName(evaluation.subject);

/** Every sample that was scored, reduced over epochs as its own evaluation says. */
const reducedOf = ({
  evaluation,
  trials,
}: EvaluationPage): { readonly sampleId: string; readonly scores: number[] }[] =>
  scoresBySample(trials.values()).flatMap(({ sampleId, scores }) => {
    const value = reduceEpochs(evaluation.epochReducer, scores);
    return value === null ? [] : [{ sampleId, scores: [value] }];
  });

/**
 * By class, then by subject, each in the order of its first evaluation. Suites that measure no class are left out; samples
 * of suites that were evaluated several times count each time.
 */
export const classScores = (pages: readonly EvaluationPage[]): ClassScore[] => {
  const classes = [...new Set(pages.flatMap(({ evaluation }) => evaluation.suite.capability ?? []))];
  return classes.flatMap((capability) => {
    const own = pages.filter(({ evaluation }) => evaluation.suite.capability === capability);
    const samples = own.flatMap((page) => reducedOf(page).map((sample) => ({ ...sample, subject: subjectOf(page) })));
    const seed = seedOf(own[0]?.evaluation.id ?? '0');
    return [...summariseBy(samples, ({ subject }) => subject, 'mean', seed)].map(([subject, summary]) => {
      const theirs = own.filter((page) => subjectOf(page) === subject);
      return {
        capability,
        subject,
        suites: [...new Set(theirs.map(({ evaluation }) => evaluation.suite.name))],
        ...summary,
      };
    });
  });
};
