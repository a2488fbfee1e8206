import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, run } from './command.ts';
import { imageExists, importImage } from './engine-api.ts';
import type { Home } from './home.ts';
import { refreshLists } from './packages.ts';

/** How one sandbox image is made: a folder `services/sandbox-executor/image/<name>`. */
export interface Recipe {
  readonly name: string;
  readonly dir: string;
  /** `crucible/<name>:<hash of the recipe>`: another recipe is another image. */
  readonly reference: string;
  readonly tag: string;
}

const recipeFiles = ['build-rootfs.sh', 'packages.txt'];

export const readRecipe = (repository: string, name: string): Recipe => {
  const dir = join(repository, 'services/sandbox-executor/image', name);
  const hash = createHash('sha256');
  for (const file of recipeFiles) {
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(dir, file)))
      .update('\0');
  }
  const tag = hash.digest('hex').slice(0, 12);
  return { name, dir, tag, reference: `crucible/${name}:${tag}` };
};

const tarPath = (home: Home, recipe: Recipe): string => join(home.cache, `image-${recipe.name}-${recipe.tag}.tar`);
const importedMark = (home: Home, recipe: Recipe): string => `${tarPath(home, recipe)}.imported`;

/** Whether the image was imported once; the engine has the last word. */
export const wasImported = (home: Home, recipe: Recipe): boolean => existsSync(importedMark(home, recipe));

/** Builds the root file system as a tar, unless it lies there already. Needs no engine, so both can be made at once. */
export const buildRootfs = async (home: Home, recipe: Recipe): Promise<string> => {
  const tar = tarPath(home, recipe);
  if (existsSync(tar)) return tar;
  const work = join(home.cache, `image-${recipe.name}-work`);
  const build = [join(recipe.dir, 'build-rootfs.sh'), work, tar];
  if ((await run(build, { timeoutMs: 300_000 })).code === 0) return tar;
  await refreshLists();
  await mustRun(`building the sandbox image ${recipe.name}`, build, { timeoutMs: 300_000 });
  return tar;
};

const changes = [
  'ENV PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1',
  'WORKDIR /work',
  'USER 65534:65534',
  'CMD ["python3"]',
];

/** Makes the engine have the image. Returns whether it had to be imported. */
export const ensureImage = async (home: Home, socket: string, recipe: Recipe): Promise<boolean> => {
  const present = await imageExists(socket, recipe.reference);
  if (!present) {
    const file = await buildRootfs(home, recipe);
    await importImage(socket, { repository: `crucible/${recipe.name}`, tag: recipe.tag, file, changes });
  }
  writeFileSync(importedMark(home, recipe), '', { mode: 0o600 });
  rmSync(tarPath(home, recipe), { force: true });
  return !present;
};
