import { reduceEvaluation, reducePageBy } from '@crucible/domain';
import type { EvaluationPage, Positioned } from '@crucible/domain';

const begin = (entry: Positioned): EvaluationPage | undefined => {
  const evaluation = reduceEvaluation(undefined, entry);
  return evaluation === undefined ? undefined : { evaluation, trials: new Map(), position: entry.position };
};

const onlyEvaluation = (page: EvaluationPage, { event, position }: Positioned): EvaluationPage => ({
  ...page,
  evaluation: reduceEvaluation(page.evaluation, { event, position }) ?? page.evaluation,
  position,
});

/**
 * One evaluation's page after more of its events, ascending; undefined before its submission.
 * @param whole false to leave the trials out, where only the evaluation is wanted
 */
export const foldEvents = (
  page: EvaluationPage | undefined,
  events: readonly Positioned[],
  whole: boolean,
): EvaluationPage | undefined => {
  let start = 0;
  let first = page;
  while (first === undefined && start < events.length) {
    const entry = events[start];
    start += 1;
    if (entry !== undefined) first = begin(entry);
  }
  if (first === undefined) return undefined;
  const rest = events.slice(start);
  return whole ? reducePageBy(first, rest) : rest.reduce(onlyEvaluation, first);
};
