import { existsSync, rmdirSync } from 'node:fs';
import { removeContainers } from './engine-api.ts';
import { removeTree, stopOwnEngine } from './engine-down.ts';
import { messageOf, PlatformFailure } from './failure.ts';
import { homeExists, isHome, locateHome, readState, type Home } from './home.ts';
import { withLock } from './lock.ts';
import { readInfo } from './info.ts';
import { knownProcesses, stopProcess } from './process.ts';
import { executorId } from './services.ts';
import type { Steps } from './steps.ts';
import { dirname } from 'node:path';

export interface DownResult {
  /** Components that were running and were ended. */
  readonly stopped: readonly string[];
  readonly purged: boolean;
}

/** On an engine of the user's only the containers that carry our executor's label are ours. */
const leaveForeignEngine = async (home: Home): Promise<void> => {
  const info = readInfo(home);
  if (info?.engineKind !== 'foreign' || !existsSync(info.dockerSocket)) return;
  await removeContainers(info.dockerSocket, `crucible.executor=${executorId(home)}`).catch(() => 0);
};

const stopAll = async (home: Home, steps: Steps): Promise<string[]> => {
  const stopped: string[] = [];
  const end = (name: string): Promise<void> =>
    steps.step(name, async (note) => {
      const { wasRunning, killed } = await stopProcess(home, name);
      if (wasRunning) stopped.push(name);
      note(wasRunning ? (killed ? 'had to be killed' : 'ended') : 'was not running');
    });
  const known = knownProcesses(home);
  const storage = ['postgres', 'nats'].filter((name) => known.includes(name));
  const others = known.filter((name) => !['keeper', 'engine', ...storage].includes(name));
  // The keeper first: it would bring back what is being ended. Then those that use the others, then the others.
  if (known.includes('keeper')) await end('keeper');
  await Promise.all(others.map(end));
  await leaveForeignEngine(home);
  const engine = steps.step('engine', async (note) => {
    const { wasRunning } = await stopOwnEngine(home);
    if (wasRunning) stopped.push('engine');
    note(wasRunning ? 'ended' : 'was not running');
  });
  await Promise.all([engine, ...storage.map(end)]);
  return stopped;
};

const purge = async (home: Home): Promise<void> => {
  let outside: readonly string[] = [];
  try {
    outside = readState(home).outside;
  } catch {
    // A broken state file is one reason to purge.
  }
  for (const dir of outside) {
    await removeTree(dir);
    try {
      rmdirSync(dirname(dir));
    } catch {
      // Another home has something there.
    }
  }
  await removeTree(home.root);
};

/**
 * Ends everything this home started; with `purge` its data goes too. Works on a platform that is whole, half up,
 * crashed, or not there.
 */
export const takeDown = async (path: string, options: { purge: boolean; steps: Steps }): Promise<DownResult> => {
  const home = locateHome(path);
  if (!homeExists(home)) return { stopped: [], purged: false };
  if (!isHome(home)) {
    throw new PlatformFailure(
      `${home.root} is no crucible home`,
      'set CRUCIBLE_HOME to the home that was used with up',
    );
  }
  return withLock(home, async () => {
    const stopped = await stopAll(home, options.steps);
    if (!options.purge) return { stopped, purged: false };
    await options.steps.step('purge', async (note) => {
      note(home.root);
      try {
        await purge(home);
      } catch (error) {
        throw new PlatformFailure(`data could not be removed: ${messageOf(error)}`, 'try again, or remove it as root');
      }
    });
    return { stopped, purged: true };
  });
};
