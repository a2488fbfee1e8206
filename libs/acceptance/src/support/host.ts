import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { aboutContainer, containersAt, containersOfTrials } from './engine.ts';
import type { Container } from './engine.ts';
import { platform } from './facts.ts';

const readOr = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

const processes = (): string[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

const linkOr = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};

/** Processes that name our home among their arguments or variables: everything we run, and every sandbox. */
const ours = (home: string): string[] =>
  processes().filter(
    (pid) =>
      Number(pid) !== process.pid &&
      (readOr(`/proc/${pid}/cmdline`).includes(home) ||
        readOr(`/proc/${pid}/environ`).includes(`CRUCIBLE_HOME=${home}\0`)),
  );

const programOf = (pid: string): string => {
  const [program = '', ...rest] = readOr(`/proc/${pid}/cmdline`).split('\0');
  const entry = rest.find((word) => /\/src\/.*main\.ts$/.test(word));
  return entry?.replace(/^.*\/(services|libs)\//, '') ?? program.replace(/^.*\//, '').split(' ', 1)[0] ?? '';
};

const listening = (pids: readonly string[]): string[] => {
  const sockets = new Set(
    pids.flatMap((pid) => {
      try {
        return readdirSync(`/proc/${pid}/fd`).map((fd) => linkOr(`/proc/${pid}/fd/${fd}`));
      } catch {
        return [];
      }
    }),
  );
  return ['/proc/net/tcp', '/proc/net/tcp6', '/proc/net/udp', '/proc/net/udp6'].flatMap((table) =>
    readOr(table)
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const field = line.trim().split(/\s+/);
        const listens = field[3] === '0A' || (table.includes('udp') && field[3] === '07');
        return listens && sockets.has(`socket:[${field[9]}]`) ? [field[1] ?? ''] : [];
      }),
  );
};

/** What the host has of sandboxes that were made ahead and wait: their ids, mounts and network namespaces, as text. */
const aboutWaiting = async (socket: string, trials: readonly Container[]): Promise<string> => {
  const waiting = (await containersAt(socket)).filter(({ Id }) => !trials.some((trial) => trial.Id === Id));
  return (await Promise.all(waiting.map(({ Id }) => aboutContainer(socket, Id)))).join('\n');
};

/** Whether a line about the host names a container, or is a place, of those in the text. */
const isIn = (text: string, line: string): boolean =>
  text.includes(JSON.stringify(line)) || (line.match(/[0-9a-f]{64}/g) ?? []).some((id) => text.includes(id));

/**
 * What a platform at rest is on its host: nothing that a trial did may change any of it. Sandboxes that wait for trials to
 * come are left out: there are now more of them, now fewer.
 */
export const hostFacts = async (): Promise<Readonly<Record<string, readonly string[]>>> => {
  const { home, dockerSocket } = platform();
  const trials = await containersOfTrials();
  const waiting = await aboutWaiting(dockerSocket, trials);
  const mine = ours(home).filter((pid) => !isIn(waiting, readOr(`/proc/${pid}/cmdline`)));
  return {
    processes: mine.map(programOf).sort(),
    mounts: readOr('/proc/self/mountinfo')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((point) => point.startsWith(home) && !isIn(waiting, point))
      .sort(),
    networkNamespaces: [
      ...new Set(mine.map((pid) => linkOr(`/proc/${pid}/ns/net`)).filter((name) => name !== '')),
    ].sort(),
    listening: listening(mine).sort(),
    containers: trials.map(({ Id }) => Id),
  };
};
