import { cpSync, existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSettings, type Settings } from '../config.ts';
import { createHome, locateHome, type Home } from './home.ts';
import { readRecipe } from './image.ts';
import { withLock } from './lock.ts';
import { ensurePlatform, type PlatformInfo } from './platform.ts';
import { freePort } from './ports.ts';
import { runningProcess } from './process.ts';
import { giveRootfs } from './testing-seeds.ts';
import { discardHome, throwAwayHome } from './testing-homes.ts';

export interface TestPlatform extends PlatformInfo {
  /** Settings a verb or `ensurePlatform` can be called with again, for instance after a component was killed. */
  readonly settings: Settings;
  /** Process of a component such as `gateway`, `nats` or `keeper`; undefined when it does not run. */
  pidOf(component: string): number | undefined;
  /** Ends everything and removes all data. */
  stop(): Promise<void>;
}

const copyTree = (from: string, to: string): void => {
  if (!existsSync(from) || existsSync(to)) return;
  cpSync(from, `${to}.new`, { recursive: true });
  renameSync(`${to}.new`, to);
};

/** What costs time and never changes is made once a checkout and given to each test platform. */
const seed = async (repository: string, home: Home): Promise<void> => {
  const shared = createHome(join(repository, '.crucible-test'));
  await withLock(shared, async () => {
    await giveRootfs(shared, home, readRecipe(repository, 'python'));
    copyTree(join(shared.engine, 'runsc'), join(home.engine, 'runsc'));
  });
};

const keepRunsc = (repository: string, home: Home): void =>
  copyTree(join(home.engine, 'runsc'), join(locateHome(join(repository, '.crucible-test')).engine, 'runsc'));

/**
 * A whole platform of its own: own home, own ports, own engine, own data.
 * @param options.home - where its state goes; by default a new folder below the system's temporary one
 * @param options.given - further settings, as their environment variables
 * @param options.profiles - the operator's own sandbox profiles, as their file's text
 * @param options.models - the operator's own models, as their file's text
 * @param options.before - awaited while the home is there and nothing in it was started yet
 */
export const startPlatform = async (
  options: {
    home?: string;
    given?: Readonly<Record<string, string>>;
    profiles?: string;
    models?: string;
    before?: (settings: Settings) => Promise<void>;
  } = {},
): Promise<TestPlatform> => {
  const base = readSettings();
  const home = options.home === undefined ? await throwAwayHome('platform') : createHome(options.home);
  const settings: Settings = {
    ...base,
    home: home.root,
    given: { CRUCIBLE_PORT: String(await freePort()), ...options.given },
  };
  const stop = (): Promise<void> => discardHome(home.root);
  try {
    await seed(settings.repository, home);
    if (options.profiles !== undefined) writeFileSync(join(home.root, 'profiles.yaml'), options.profiles);
    if (options.models !== undefined) writeFileSync(join(home.root, 'models.yaml'), options.models);
    await options.before?.(settings);
    const info = await ensurePlatform({ settings });
    keepRunsc(settings.repository, home);
    return { ...info, settings, pidOf: (component) => runningProcess(home, component)?.pid, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
