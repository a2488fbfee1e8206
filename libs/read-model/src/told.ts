import type { ExecutorView } from './tables.ts';

/** What an executor told of, such as its models: all of it unless there are more. */
interface Told {
  readonly executorId: string;
  readonly more: number;
}

/** What the executors that are up have told, and whether that is all there is. */
export const toldByThoseUp = <T extends Told>(
  executors: readonly ExecutorView[],
  sets: readonly T[],
): { readonly told: readonly T[]; readonly complete: boolean } => {
  const up = new Set(executors.filter(({ status }) => status === 'up').map(({ id }) => id));
  const told = sets.filter(({ executorId }) => up.has(executorId));
  return { told, complete: up.size > 0 && told.length === up.size && told.every(({ more }) => more === 0) };
};
