import type { TrialList, trialListQuerySchema } from '@crucible/api';
import type { EvaluationPage, TrialView } from '@crucible/domain';
import { decodeCursor, encodeCursor } from '@crucible/read-model';
import type { z } from 'zod';

type TrialListQuery = z.output<typeof trialListQuerySchema>;

const placeOf = ({ sampleIndex, epoch, attempt }: TrialView): number[] => [sampleIndex, epoch, attempt];

const compare = (one: readonly number[], other: readonly number[]): number => {
  for (const [index, value] of one.entries()) if (value !== other[index]) return value - (other[index] ?? 0);
  return 0;
};

/** Trials by sample, epoch and attempt. */
export const inOrder = ({ trials }: EvaluationPage): TrialView[] =>
  [...trials.values()].sort((one, other) => compare(placeOf(one), placeOf(other)));

const fits = (trial: TrialView, query: TrialListQuery): boolean =>
  (['status', 'outcome', 'reason', 'verdict', 'latest'] as const).every(
    (field) => query[field] === undefined || trial[field] === query[field],
  ) &&
  (query.limitHit === undefined || trial.limitsHit.includes(query.limitHit));

/** One page of a moment's trials: what the read model answered when it was at that position. @throws BadCursor */
export const trialsAt = (page: EvaluationPage, at: number, query: TrialListQuery): TrialList => {
  const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor, 3);
  const left = inOrder(page).filter(
    (trial) => fits(trial, query) && (after === undefined || compare(placeOf(trial), after) > 0),
  );
  const items = left.slice(0, query.limit);
  const last = items.at(-1);
  const nextCursor = left.length > items.length && last !== undefined ? encodeCursor(placeOf(last)) : null;
  return { items, nextCursor, position: at };
};
