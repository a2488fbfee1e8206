import type { LoadedModels } from '@crucible/api';
import { expect, it } from 'vitest';
import { modelsOf } from './models.ts';
import type { ExecutorView } from './tables.ts';

const executor = (id: string, status: ExecutorView['status'] = 'up'): ExecutorView => ({
  id,
  pool: 'default',
  capacity: 1,
  runtime: 'runsc',
  kernelObserved: true,
  status,
  problem: null,
  since: '2026-01-01T00:00:00Z',
});
const limits = { concurrencyMax: 1, outputTokensMax: 1, timeoutMs: 1, attemptsMax: 1 };
const set = (executorId: string, loadedPosition: number, names: readonly string[], more = 0): LoadedModels => ({
  executorId,
  loadedAt: '2026-01-01T00:00:00Z',
  loadedPosition,
  models: names.map((name) => ({ name, provider: executorId, modelId: 'm', price: null, limits })),
  more,
});

it('are those of the executors that are up, each by its last word', () => {
  const { items, complete } = modelsOf(
    [executor('one'), executor('two'), executor('three', 'stopped')],
    [set('two', 9, ['house', 'guest']), set('one', 5, ['house']), set('three', 7, ['gone'])],
  );
  expect(items.map(({ name, provider, executors }) => [name, provider, executors])).toEqual([
    ['house', 'two', ['one', 'two']],
    ['guest', 'two', ['two']],
  ]);
  expect(complete).toBe(true);
});

it('are not all known where nobody is up, somebody has not told, or has more than it told', () => {
  expect(modelsOf([], [set('one', 1, ['a'])])).toEqual({ items: [], complete: false });
  expect(modelsOf([executor('one'), executor('two')], [set('one', 1, ['a'])]).complete).toBe(false);
  expect(modelsOf([executor('one')], [set('one', 1, ['a'], 2)]).complete).toBe(false);
});
