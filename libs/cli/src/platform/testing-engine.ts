import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { readSettings } from '../config.ts';
import { stopOwnEngine } from './engine-down.ts';
import { ensureOwnEngine, proveIsolation } from './engine.ts';
import { ensureRunsc } from './gvisor.ts';
import { createHome, writeAtomically, type Home } from './home.ts';
import { ensureImage, readRecipe, wasImported } from './image.ts';
import { withLock } from './lock.ts';
import { formatIdentity, identityOf, isAlive, parseIdentity } from './process-identity.ts';
import { giveRootfs } from './testing-seeds.ts';

export interface TestEngine {
  /** Path of the engine's Unix socket. */
  readonly socket: string;
  readonly runtime: string;
  readonly unwatchedRuntime: string;
  /** Suite image name to engine image reference. */
  readonly images: Readonly<Record<string, string>>;
  /** Where the runtime `runtime` reports to; the test must listen there before it starts a sandbox with it. */
  readonly traceSocket: string | undefined;
  stop(): Promise<void>;
}

const holdersDir = (home: Home): string => join(home.root, 'holders');

/** Notes that this process uses the engine; the note is void when the process is gone. */
const hold = (home: Home): string => {
  mkdirSync(holdersDir(home), { recursive: true });
  const note = join(holdersDir(home), randomUUID());
  writeAtomically(note, formatIdentity(identityOf(process.pid)!));
  return note;
};

const isHeld = (home: Home): boolean =>
  readdirSync(holdersDir(home)).some((name) => {
    if (name.endsWith('.new')) return false;
    const note = join(holdersDir(home), name);
    const holder = parseIdentity(readFileSync(note, 'utf8'));
    if (holder && isAlive(holder)) return true;
    rmSync(note, { force: true });
    return false;
  });

/**
 * The engine that all tests of this checkout share, in `.crucible-test`: its image is made once. It is started for the
 * first who asks and ended when the last has stopped; `./crucible test` holds it for the whole run.
 */
export const startEngine = async (): Promise<TestEngine> => {
  const settings = readSettings();
  const home = createHome(join(settings.repository, '.crucible-test'));
  const path = settings.inherited['PATH'] ?? '';
  const recipe = readRecipe(settings.repository, 'python');
  const note = hold(home);
  const stop = (): Promise<void> =>
    withLock(home, async () => {
      rmSync(note, { force: true });
      if (!isHeld(home)) await stopOwnEngine(home);
    });
  try {
    const engine = await withLock(home, async () => {
      const gvisor = await ensureRunsc(home, path);
      const own = await ensureOwnEngine(home, { repository: settings.repository, gvisor, path });
      if (!wasImported(home, recipe)) await giveRootfs(home, home, recipe);
      const imported = await ensureImage(home, own.socket, recipe);
      if (own.started || imported) await proveIsolation(own, recipe.reference, home.hash);
      return own;
    });
    const { socket, runtime, unwatchedRuntime, traceSocket } = engine;
    return { socket, runtime, unwatchedRuntime, traceSocket, images: { python: recipe.reference }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
