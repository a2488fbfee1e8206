import { spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  openSync,
  closeSync,
  copyFileSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { run, waitFor } from './command.ts';
import { PlatformFailure } from './failure.ts';
import type { Home } from './home.ts';
import { rootPrefix } from './privilege.ts';
import { dropStalePidFile } from './stale-pid-file.ts';
import { isAlive, readIdentity, type ProcessIdentity } from './process-identity.ts';

/**
 * How one component is run. It is kept in the home while the component is wanted, so that whoever finds the component
 * dead can start it again the same way: the keeper needs to know nothing else.
 */
export interface ProcessSpec {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** More of its environment, from whoever started it: another terminal's PATH is no reason to restart a component. */
  readonly inherited?: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stopSignal: 'SIGTERM' | 'SIGINT';
  /** How long an orderly end may take before the process is killed. */
  readonly stopWaitMs: number;
  /** Needs root: started and ended through `sudo` when we are not root ourselves. */
  readonly privileged?: boolean;
  /** Unix user and group to become, when we are root and the program refuses to be. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Pid files the program itself keeps: one left by a crash could keep it from starting. */
  readonly ownPidFiles?: readonly string[];
}

const logBytesMax = 20 * 1024 * 1024;

const specPath = (home: Home, name: string): string => join(home.run, `${name}.spec.json`);
const pidPath = (home: Home, name: string): string => join(home.run, `${name}.pid`);
export const logPath = (home: Home, name: string): string => join(home.logs, `${name}.log`);

// The pid file is written by the process that becomes the component, before it does: whatever happens to the starter,
// no process is ever running that no file names.
const launcher = [
  'if [ -r "/proc/$$/stat" ]; then',
  '  read -r boot < /proc/sys/kernel/random/boot_id',
  '  started=$(read -r stat < "/proc/$$/stat"; set -- $stat; printf %s "${22}")',
  'else boot=-; started=$(LC_ALL=C ps -o lstart= -p "$$" | tr -s " " "_" | sed "s/^_//;s/_$//"); fi',
  'umask 022; printf "%s %s %s\\n" "$$" "$started" "$boot" > "$1" || exit 1; umask 077; shift; exec "$@"',
].join('\n');

const environmentOf = (spec: ProcessSpec): Record<string, string> => ({ ...spec.inherited, ...spec.env });

const launchArgv = async (spec: ProcessSpec, pidFile: string): Promise<string[]> => {
  const start = ['sh', '-c', launcher, 'crucible', pidFile];
  if (spec.user && process.getuid?.() === 0) {
    const { uid, gid } = spec.user;
    start.push('setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--');
  }
  const prefix = spec.privileged ? await rootPrefix() : [];
  if (prefix === undefined)
    throw new PlatformFailure(`${spec.name} needs root`, 'run as root, or allow sudo without a password');
  // sudo would drop the environment: it is handed over by env(1) behind it.
  const environment =
    prefix.length > 0 ? ['env', ...Object.entries(environmentOf(spec)).map(([key, value]) => `${key}=${value}`)] : [];
  return [...prefix, ...environment, ...start, ...spec.argv];
};

/** Bounds a log: what is over the limit is kept once, as `.1`, and the rest begins anew. */
export const rotateLog = (path: string, bytesMax = logBytesMax): void => {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > bytesMax) renameSync(path, `${path}.1`);
};

/**
 * Bounds the logs of running components. They append, so what was copied away can be cut off below them; what is written
 * between the two steps is lost, which a log that outgrows its bound has to bear.
 */
export const boundLogs = (home: Home, bytesMax = 2 * logBytesMax): void => {
  for (const file of readdirSync(home.logs).filter((name) => name.endsWith('.log'))) {
    const path = join(home.logs, file);
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) <= bytesMax) continue;
    copyFileSync(path, `${path}.1`);
    truncateSync(path, 0);
  }
};

/** The living process of a component, or undefined. */
export const runningProcess = (home: Home, name: string): ProcessIdentity | undefined => {
  const identity = readIdentity(pidPath(home, name));
  return identity && isAlive(identity) ? identity : undefined;
};

/**
 * Starts a component that outlives us, with its output in its log. Does not wait for it to be ready.
 * @throws PlatformFailure when it cannot be executed at all.
 */
export const startProcess = async (home: Home, spec: ProcessSpec): Promise<ProcessIdentity> => {
  const pidFile = pidPath(home, spec.name);
  const log = logPath(home, spec.name);
  writeFileSync(`${specPath(home, spec.name)}.new`, JSON.stringify(spec), { mode: 0o600 });
  renameSync(`${specPath(home, spec.name)}.new`, specPath(home, spec.name));
  rotateLog(log);
  spec.ownPidFiles?.forEach(dropStalePidFile);
  rmSync(pidFile, { force: true });
  const [program = '', ...rest] = await launchArgv(spec, pidFile);
  const output = openSync(log, 'a', 0o600);
  try {
    const child = spawn(program, rest, {
      cwd: spec.cwd,
      env: environmentOf(spec),
      detached: true,
      stdio: ['ignore', output, output],
    });
    child.on('error', () => undefined);
    child.unref();
  } finally {
    closeSync(output);
  }
  const identity = await waitFor(() => readIdentity(pidFile), 10_000, 5);
  if (!identity) throw new PlatformFailure(`${spec.name} could not be started`, `look at ${log}`);
  return identity;
};

const comparable = (spec: ProcessSpec): string => JSON.stringify({ ...spec, inherited: undefined });

const sameSpec = (home: Home, spec: ProcessSpec): boolean => {
  const current = readSpec(home, spec.name);
  return current !== undefined && comparable(current) === comparable(spec);
};

export interface Ensured {
  readonly identity: ProcessIdentity;
  readonly started: boolean;
}

/** Makes a component run as described: left alone if it does, restarted if it runs otherwise, started if it does not run. */
export const ensureProcess = async (home: Home, spec: ProcessSpec): Promise<Ensured> => {
  const running = runningProcess(home, spec.name);
  if (running && sameSpec(home, spec)) return { identity: running, started: false };
  if (running) await stopProcess(home, spec.name);
  return { identity: await startProcess(home, spec), started: true };
};

const signal = async (
  spec: ProcessSpec | undefined,
  identity: ProcessIdentity,
  name: NodeJS.Signals,
): Promise<void> => {
  if (!isAlive(identity)) return;
  if (spec?.privileged && process.getuid?.() !== 0) {
    await run(['sudo', '-n', 'kill', `-${name.slice(3)}`, String(identity.pid)], { timeoutMs: 10_000 });
    return;
  }
  try {
    process.kill(identity.pid, name);
  } catch {
    // it ended between the look and the signal
  }
};

/** Sends a signal to a component if it runs. */
export const signalProcess = async (home: Home, name: string, which: NodeJS.Signals): Promise<void> => {
  const identity = runningProcess(home, name);
  if (identity) await signal(readSpec(home, name), identity, which);
};

/** A component's description, or undefined when it is not wanted. */
export const readSpec = (home: Home, name: string): ProcessSpec | undefined => {
  try {
    return JSON.parse(readFileSync(specPath(home, name), 'utf8')) as ProcessSpec;
  } catch {
    return undefined;
  }
};

/** Names of all components that are wanted or that still have a pid file. */
export const knownProcesses = (home: Home): string[] => {
  try {
    const names = readdirSync(home.run).flatMap((file) => /^([a-z-]+)\.(?:spec\.json|pid)$/.exec(file)?.[1] ?? []);
    return [...new Set(names)].sort();
  } catch {
    return [];
  }
};

/** Ends a component and forgets it. Nothing happens when it does not run. Returns whether it had to be killed. */
export const stopProcess = async (home: Home, name: string): Promise<{ wasRunning: boolean; killed: boolean }> => {
  const spec = readSpec(home, name);
  // The wish goes first: the keeper must not bring back what is being ended.
  rmSync(specPath(home, name), { force: true });
  const identity = runningProcess(home, name);
  let killed = false;
  if (identity) {
    const gone = () => (isAlive(identity) ? undefined : true);
    await signal(spec, identity, spec?.stopSignal ?? 'SIGTERM');
    if (!(await waitFor(gone, spec?.stopWaitMs ?? 10_000, 20))) {
      killed = true;
      await signal(spec, identity, 'SIGKILL');
      await waitFor(gone, 5_000, 20);
    }
  }
  rmSync(pidPath(home, name), { force: true });
  return { wasRunning: identity !== undefined, killed };
};

/** Last lines of a component's log, for an error message. */
export const logTail = (home: Home, name: string, lines = 12): string => {
  try {
    return readFileSync(logPath(home, name), 'utf8').slice(-16_384).trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
};

/** Makes a folder only its owner can enter. */
export const privateDirectory = (path: string, mode = 0o700): string => {
  mkdirSync(path, { recursive: true, mode });
  chmodSync(path, mode);
  return path;
};
