import type { KnownModel, LoadedModels, ModelList } from '@crucible/api';
import type { ExecutorView } from './tables.ts';
import { toldByThoseUp } from './told.ts';

/** What the executors that are up can call. Of one that several have, the one that loaded last says what it is. */
export const modelsOf = (
  executors: readonly ExecutorView[],
  sets: readonly LoadedModels[],
): Pick<ModelList, 'items' | 'complete'> => {
  const { told, complete } = toldByThoseUp(executors, sets);
  const known = new Map<string, KnownModel>();
  for (const { executorId, models } of told.toSorted((one, other) => one.loadedPosition - other.loadedPosition))
    for (const model of models)
      known.set(model.name, { ...model, executors: [...(known.get(model.name)?.executors ?? []), executorId] });
  return {
    items: [...known.values()],
    complete,
  };
};
