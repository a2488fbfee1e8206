import { existsSync, readFileSync, readdirSync } from 'node:fs';

/** A process of this host, told apart from a later one with the same number by when it began. */
export interface HostProcess {
  readonly pid: number;
  /** Clock ticks since the host's start. */
  readonly startTicks: string;
}

interface Stat extends HostProcess {
  /** One letter; `Z` and `X` have ended. */
  readonly state: string;
  readonly threads: number;
}

const CONTAINER_ID = /^[0-9a-f]{64}$/;
const CGROUPS = '/sys/fs/cgroup';
/** The engine's places for a container: in a controller of version 1 or in version 2, by files and by systemd. */
const foldersOf = (containerId: string): readonly string[] =>
  [`docker/${containerId}`, `system.slice/docker-${containerId}.scope`].flatMap((place) => [
    `${CGROUPS}/pids/${place}`,
    `${CGROUPS}/${place}`,
  ]);

const read = (file: string): string | null => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
};

/** The fields behind the name, which its owner chose and which may hold anything, brackets too. */
const statOf = (pid: number): Stat | null => {
  const text = read(`/proc/${pid}/stat`);
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, threads, startTicks] = [fields?.[0], fields?.[17], fields?.[19]];
  return state === undefined || threads === undefined || startTicks === undefined
    ? null
    : { pid, state, threads: Number(threads), startTicks };
};

/** The process with this number as it is now, or null when there is none. */
export const hostProcess = (pid: number): HostProcess | null => {
  const stat = statOf(pid);
  return stat === null ? null : { pid, startTicks: stat.startTicks };
};

/**
 * Whether a process can still run anything. One that was killed and is only waited for by its parent cannot, but a dead
 * first thread with living others can.
 */
export const isAlive = ({ pid, startTicks }: HostProcess): boolean => {
  const stat = statOf(pid);
  if (stat === null || stat.startTicks !== startTicks || stat.state === 'X') return false;
  return stat.state !== 'Z' || stat.threads > 1;
};

export const argumentsOf = (pid: number): readonly string[] =>
  read(`/proc/${pid}/cmdline`)?.split('\0').slice(0, -1) ?? [];

const PIDS_MAX = 4_096;

/**
 * Processes in a container's cgroup: gVisor's kernel, its file server, and those in which guest code runs. The engine made
 * the cgroup under the container's id, so none in it is anybody else's. Null where there is none to be read.
 */
export const processesOf = (containerId: string): readonly number[] | null => {
  if (!CONTAINER_ID.test(containerId)) return null;
  for (const folder of foldersOf(containerId)) {
    const text = read(`${folder}/cgroup.procs`);
    if (text !== null) return text.split('\n', PIDS_MAX).filter(Boolean).map(Number);
  }
  return null;
};

/** Whether this host keeps containers in cgroups of their own that we can read: where not, only the engine can kill. */
export const hasContainerCgroups = (): boolean =>
  [`${CGROUPS}/pids/docker`, `${CGROUPS}/docker`, `${CGROUPS}/pids/system.slice`, `${CGROUPS}/system.slice`].some(
    (folder) => existsSync(folder),
  );

/** gVisor's kernel of a container: it says so, and whose it is, in its own arguments. */
export const isSentryOf = (pid: number, containerId: string): boolean => {
  const words = argumentsOf(pid);
  return words[0] === 'runsc-sandbox' && words.at(-1) === containerId;
};

export const everyProcess = (): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/**
 * SIGKILL to a process that is still the one that was meant.
 * @returns `gone` when it had ended, `refused` when we may not signal it
 */
export const killProcess = (process_: HostProcess): 'sent' | 'gone' | 'refused' => {
  if (!isAlive(process_)) return 'gone';
  try {
    process.kill(process_.pid, 'SIGKILL');
    return 'sent';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'gone' : 'refused';
  }
};
