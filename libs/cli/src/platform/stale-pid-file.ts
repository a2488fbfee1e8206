import { readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';

const servers = new Set(['postgres', 'dockerd', 'containerd']);

const linkOf = (path: string): string | undefined => {
  try {
    return readlinkSync(path);
  } catch (error) {
    // What we may not look at is there; what is not there, or only waits to be collected, is gone.
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'unknown' : undefined;
  }
};

const isServer = (pid: string): boolean => {
  const program = linkOf(`/proc/${pid}/exe`);
  return (
    program === 'unknown' || (program !== undefined && servers.has(basename(program).replace(/ \(deleted\)$/, '')))
  );
};

const someoneWorksIn = (dir: string): boolean =>
  readdirSync('/proc').some((entry) => /^\d+$/.test(entry) && linkOf(`/proc/${entry}/cwd`) === dir);

/**
 * Removes a server's pid file when the process it names is gone, has become somebody else's, or is dead and only not
 * collected yet: servers take all three for a running one and wait or refuse. A file stays while any process works in
 * its folder, as the sessions of a killed Postgres do for a moment.
 */
export const dropStalePidFile = (path: string): void => {
  if (process.platform !== 'linux') return;
  try {
    const pid = /^\d+/.exec(readFileSync(path, 'utf8'))?.[0];
    if (pid !== undefined && isServer(pid)) return;
    if (!someoneWorksIn(dirname(path))) rmSync(path, { force: true });
  } catch {
    // no file
  }
};
