import type { ImageList, KnownImage, LoadedImages } from '@crucible/api';
import type { ExecutorView } from './tables.ts';
import { toldByThoseUp } from './told.ts';

/**
 * What the executors that are up can make sandboxes from. One name stands for several images where executors have it in
 * different versions: each is told, since nothing may be run under the name of another.
 */
export const imagesOf = (
  executors: readonly ExecutorView[],
  sets: readonly LoadedImages[],
): Pick<ImageList, 'items' | 'complete'> => {
  const { told, complete } = toldByThoseUp(executors, sets);
  const known = new Map<string, KnownImage>();
  for (const { executorId, images } of told)
    for (const image of images) {
      const key = `${image.name}@${image.digest}`;
      known.set(key, { ...image, executors: [...(known.get(key)?.executors ?? []), executorId] });
    }
  return {
    items: [...known.values()].toSorted((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0)),
    complete,
  };
};
