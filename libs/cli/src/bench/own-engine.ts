import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '../config.ts';
import { stopOwnEngine } from '../platform/engine-down.ts';
import { ensureOwnEngine, type Engine } from '../platform/engine.ts';
import { ensureRunsc } from '../platform/gvisor.ts';
import { createHome } from '../platform/home.ts';
import { ensureImage, readRecipe } from '../platform/image.ts';

/** An engine of this benchmark's own: on the platform's, the executor listens to the trace. */
export const withEngine = async <T>(use: (engine: Engine, image: string) => Promise<T>): Promise<T> => {
  const { repository, inherited } = readSettings();
  const path = inherited['PATH'] ?? '';
  const root = await mkdtemp(join(tmpdir(), 'crucible-bench-'));
  const home = createHome(root);
  try {
    const gvisor = await ensureRunsc(home, path);
    const engine = await ensureOwnEngine(home, { repository, gvisor, path });
    const recipe = readRecipe(repository, 'python');
    await ensureImage(home, engine.socket, recipe);
    return await use(engine, recipe.reference);
  } finally {
    await stopOwnEngine(home);
    await rm(root, { recursive: true, force: true });
  }
};
