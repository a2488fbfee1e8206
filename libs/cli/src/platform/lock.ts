import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from './command.ts';
import { PlatformFailure } from './failure.ts';
import type { Home } from './home.ts';
import { formatIdentity, identityOf, isAlive, parseIdentity } from './process-identity.ts';

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/**
 * Removes a lock whose holder is gone. Several may see that at once, and one of them may have the lock anew before the
 * next one acts; so only who holds the guard removes, after another look.
 */
const removeStale = (path: string, seen: string, fresh: string): void => {
  const guard = `${path}.takeover`;
  try {
    linkSync(fresh, guard);
  } catch {
    const taker = parseIdentity(read(guard) ?? '');
    if (!taker || !isAlive(taker)) rmSync(guard, { force: true });
    return;
  }
  if (read(path) === seen) rmSync(path, { force: true });
  rmSync(guard, { force: true });
};

/** Takes the lock if nobody living holds it. Returns how to give it back, or the pid of the holder. */
export const tryLock = (home: Home, name: string): { release: () => void } | { heldBy: number } => {
  const path = join(home.root, `${name}.lock`);
  const mine = formatIdentity(identityOf(process.pid)!);
  const fresh = `${path}.${process.pid}.new`;
  writeFileSync(fresh, mine, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      try {
        linkSync(fresh, path);
        return { release: () => read(path) === mine && rmSync(path, { force: true }) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const seen = read(path);
      const holder = parseIdentity(seen ?? '');
      if (holder && isAlive(holder)) return { heldBy: holder.pid };
      if (seen !== undefined) removeStale(path, seen, fresh);
    }
    return { heldBy: 0 };
  } finally {
    rmSync(fresh, { force: true });
  }
};

/** Runs `work` while nobody else changes the platform. Waits for an `up` or `down` that is under way. */
export const withLock = async <T>(home: Home, work: () => Promise<T>, waitMs = 300_000): Promise<T> => {
  const deadline = Date.now() + waitMs;
  for (;;) {
    const lock = tryLock(home, 'platform');
    if ('release' in lock) {
      try {
        return await work();
      } finally {
        lock.release();
      }
    }
    if (Date.now() > deadline) {
      throw new PlatformFailure(
        `another crucible process (pid ${lock.heldBy}) has been changing this platform for ${waitMs / 1000} s`,
        `wait for it, or end it: kill ${lock.heldBy}`,
      );
    }
    await sleep(100);
  }
};
