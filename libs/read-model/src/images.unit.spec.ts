import type { LoadedImages } from '@crucible/api';
import { expect, it } from 'vitest';
import { imagesOf } from './images.ts';
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
const set = (executorId: string, images: Readonly<Record<string, string>>, more = 0): LoadedImages => ({
  executorId,
  loadedAt: '2026-01-01T00:00:00Z',
  loadedPosition: 1,
  images: Object.entries(images).map(([name, digit]) => ({
    name,
    digest: `sha256:${digit.repeat(64)}`,
    command: [],
    own: name === 'python',
  })),
  more,
});

it('are those of the executors that are up, in each version that one of them has', () => {
  const { items, complete } = imagesOf(
    [executor('one'), executor('two'), executor('three', 'stopped')],
    [set('two', { python: 'a', agent: 'b' }), set('one', { python: 'a', agent: 'c' }), set('three', { gone: 'd' })],
  );
  expect(items.map(({ name, digest, executors }) => [name, digest.at(-1), executors])).toEqual([
    ['agent', 'b', ['two']],
    ['agent', 'c', ['one']],
    ['python', 'a', ['two', 'one']],
  ]);
  expect(complete).toBe(true);
});

it('are not all known where nobody is up, somebody has not told, or has more than it told', () => {
  expect(imagesOf([], [set('one', { a: 'a' })])).toEqual({ items: [], complete: false });
  expect(imagesOf([executor('one'), executor('two')], [set('one', { a: 'a' })]).complete).toBe(false);
  expect(imagesOf([executor('one')], [set('one', { a: 'a' }, 2)]).complete).toBe(false);
});
