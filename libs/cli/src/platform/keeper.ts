import type { Home } from './home.ts';
import { tryLock } from './lock.ts';
import { knownProcesses, readSpec, runningProcess, startProcess } from './process.ts';
import { messageOf } from './failure.ts';

const firstPauseMs = 1_000;
const longestPauseMs = 30_000;
const healthyAfterMs = 60_000;

/** What the keeper remembers of one component: nothing that matters if it forgets. */
export interface Attempts {
  readonly count: number;
  readonly lastStartMs: number;
}

export const pauseMs = (count: number): number =>
  count === 0 ? 0 : Math.min(longestPauseMs, firstPauseMs * 2 ** (count - 1));

/** Whether a dead component may be started again now, and what to remember if it is. */
export const nextAttempt = (attempts: Attempts | undefined, nowMs: number): Attempts | undefined => {
  // A component that had been up for a minute begins with a clean slate.
  const count = attempts === undefined || nowMs - attempts.lastStartMs >= healthyAfterMs ? 0 : attempts.count;
  if (attempts !== undefined && nowMs - attempts.lastStartMs < pauseMs(count)) return undefined;
  return { count: count + 1, lastStartMs: nowMs };
};

export interface KeeperPorts {
  readonly nowMs: () => number;
  readonly log: (message: string) => void;
}

/**
 * One look at all components that are wanted: those found dead are started again. Looks only at what is, so it can be
 * killed and started at any time. Leaves everything alone while an `up` or `down` is at work.
 */
export const keep = async (home: Home, memory: Map<string, Attempts>, ports: KeeperPorts): Promise<void> => {
  const dead = (name: string): boolean => readSpec(home, name) !== undefined && !runningProcess(home, name);
  const candidates = knownProcesses(home).filter((name) => name !== 'keeper' && dead(name));
  const due = candidates.filter((name) => nextAttempt(memory.get(name), ports.nowMs()) !== undefined);
  if (due.length === 0) return;
  const lock = tryLock(home, 'platform');
  if (!('release' in lock)) return;
  try {
    for (const name of due) {
      const spec = readSpec(home, name);
      const attempt = nextAttempt(memory.get(name), ports.nowMs());
      if (!spec || !attempt || runningProcess(home, name)) continue;
      memory.set(name, attempt);
      try {
        const { pid } = await startProcess(home, spec);
        ports.log(`${name} was found dead and started again as pid ${pid} (attempt ${attempt.count})`);
      } catch (error) {
        ports.log(`${name} was found dead and could not be started: ${messageOf(error)}`);
      }
    }
  } finally {
    lock.release();
  }
};
