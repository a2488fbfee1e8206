import type { TrialId } from '@crucible/events';
import { evaluationOf, isOfTrial, reduceEvaluation, reduceTrial, supersededBy } from './reduce.ts';
import type { Positioned } from './reduce.ts';
import type { EvaluationView, TrialView } from './views.ts';

/** One evaluation with its trials, as a page holds it: a snapshot at a position, then every later event folded in. */
export interface EvaluationPage {
  readonly evaluation: EvaluationView;
  readonly trials: ReadonlyMap<TrialId, TrialView>;
  readonly position: number;
}

const reduceTrials = (trials: Map<TrialId, TrialView>, { event, position }: Positioned): void => {
  if (!isOfTrial(event)) return;
  const trial = reduceTrial(trials.get(event.data.trialId), { event, position });
  if (trial !== undefined) trials.set(trial.id, trial);
  const earlier = supersededBy(event);
  const superseded = earlier === null ? undefined : trials.get(earlier);
  if (superseded !== undefined) trials.set(superseded.id, { ...superseded, latest: false });
};

/**
 * The page after many events, in one pass: what was given stays as it was, and the trials are copied once, not once an
 * event. The same page when no event is of this evaluation or all were already folded in.
 */
export const reducePageBy = (page: EvaluationPage, entries: Iterable<Positioned>): EvaluationPage => {
  let { evaluation, position } = page;
  let trials: Map<TrialId, TrialView> | undefined;
  for (const entry of entries) {
    if (entry.position <= position || evaluationOf(entry.event) !== evaluation.id) continue;
    evaluation = reduceEvaluation(evaluation, entry) ?? evaluation;
    position = entry.position;
    if (isOfTrial(entry.event)) reduceTrials((trials ??= new Map(page.trials)), entry);
  }
  return position === page.position ? page : { evaluation, trials: trials ?? page.trials, position };
};

/** The page after one event; the same page when the event is another evaluation's or was already folded in. */
export const reducePage = (page: EvaluationPage, positioned: Positioned): EvaluationPage =>
  reducePageBy(page, [positioned]);
