import { cpSync, existsSync, linkSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Home } from './home.ts';
import { buildRootfs, type Recipe } from './image.ts';

/**
 * Puts the image's root file system where `target` would build it. It is built once a checkout and kept beside the
 * shared test engine, in `.crucible-test`. To be called under that home's lock.
 */
export const giveRootfs = async (shared: Home, target: Home, recipe: Recipe): Promise<void> => {
  const seeds: Home = { ...shared, cache: join(shared.root, 'seeds') };
  mkdirSync(seeds.cache, { recursive: true });
  const tar = await buildRootfs(seeds, recipe);
  const place = join(target.cache, basename(tar));
  if (existsSync(place)) return;
  try {
    linkSync(tar, place);
  } catch {
    // Another file system, where a link is not possible.
    cpSync(tar, place);
  }
};
