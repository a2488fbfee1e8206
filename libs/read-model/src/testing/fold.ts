import { evaluationOf, isOfTrial, reduceEvaluation, reduceTrial, supersededBy } from '@crucible/domain';
import type { EvaluationView, Positioned, TrialView } from '@crucible/domain';

export interface Folded {
  readonly evaluations: Map<string, EvaluationView>;
  /** By `<evaluation id>/<trial id>`. */
  readonly trials: Map<string, TrialView>;
  readonly submittedAt: Map<string, number>;
}

/** What the rows should hold: the reducers over the whole log, one event at a time, in memory. */
export const foldInMemory = (log: readonly Positioned[]): Folded => {
  const folded: Folded = { evaluations: new Map(), trials: new Map(), submittedAt: new Map() };
  for (const { event, position } of log) {
    const id = evaluationOf(event);
    if (id === null) continue;
    if (event.type === 'crucible.evaluation.submitted.v2') folded.submittedAt.set(id, position);
    const evaluation = reduceEvaluation(folded.evaluations.get(id), { event, position });
    if (evaluation !== undefined) folded.evaluations.set(id, evaluation);
    if (!isOfTrial(event)) continue;
    const key = `${id}/${event.data.trialId}`;
    const trial = reduceTrial(folded.trials.get(key), { event, position });
    if (trial !== undefined) folded.trials.set(key, trial);
    const earlier = folded.trials.get(`${id}/${supersededBy(event)}`);
    if (earlier !== undefined) folded.trials.set(`${id}/${earlier.id}`, { ...earlier, latest: false });
  }
  return folded;
};
