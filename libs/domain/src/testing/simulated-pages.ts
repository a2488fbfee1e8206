import { reducePage } from '../views/evaluation-page.ts';
import type { EvaluationPage } from '../views/evaluation-page.ts';
import { evaluationOf, reduceEvaluation } from '../views/reduce.ts';
import { simulate } from './simulation.ts';

/** Every evaluation of one simulated log, with its trials, as views have them at its end. */
export const simulatedPages = (seed: number): EvaluationPage[] => {
  const { log } = simulate({ seed });
  return log.submissions().map((id) => {
    const [first, ...rest] = log.entries.filter(({ event }) => evaluationOf(event) === id);
    const evaluation = first && reduceEvaluation(undefined, first);
    if (first === undefined || evaluation === undefined) throw new Error('it begins with a submission');
    return rest.reduce<EvaluationPage>(reducePage, { evaluation, trials: new Map(), position: first.position });
  });
};
