import { readdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { argumentsOf, everyProcess, hostProcess } from '../stopping/host-process.ts';
import type { HostProcess } from '../stopping/host-process.ts';

/** A process of a container runtime, and what its own arguments say of it. */
export interface RuntimeProcess extends HostProcess {
  readonly program: string;
  readonly containerId: string;
  /** Folder of the engine that began it. */
  readonly folder: string;
}

const PROGRAMS = new Set(['runsc-sandbox', 'runsc-gofer', 'runsc', 'containerd-shim-runc-v2', 'containerd-shim']);
const CONTAINER_ID = /\b[0-9a-f]{64}\b/;

/** What follows a flag, as `--root=X` or `-address X`. */
const valueOf = (words: readonly string[], flag: string): string | undefined => {
  const joined = words.find((word) => word.startsWith(`--${flag}=`));
  if (joined !== undefined) return joined.slice(flag.length + 3);
  const at = words.findIndex((word) => word === `-${flag}` || word === `--${flag}`);
  return at === -1 ? undefined : words[at + 1];
};

const runtimeProcess = (pid: number): RuntimeProcess | null => {
  const words = argumentsOf(pid);
  const program = basename(words[0] ?? '');
  if (!PROGRAMS.has(program)) return null;
  const found = hostProcess(pid);
  const containerId = CONTAINER_ID.exec(words.slice(1).reverse().join('\n'))?.[0];
  const folder = valueOf(words, 'root') ?? valueOf(words, 'address');
  if (found === null || containerId === undefined || folder === undefined) return null;
  return { ...found, program, containerId, folder };
};

/** Every process on this host that a container runtime has begun for some container, whosever it is. */
export const runtimeProcesses = (): RuntimeProcess[] => everyProcess().flatMap((pid) => runtimeProcess(pid) ?? []);

const TICKS_PER_SECOND = 100;

/** How long a process has lived, in milliseconds. */
export const ageMs = ({ startTicks }: HostProcess): number => {
  const uptimeSeconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ', 1)[0]);
  return (uptimeSeconds - Number(startTicks) / TICKS_PER_SECOND) * 1_000;
};

/**
 * Files beside the trace socket that a process made on the way to listening and left: named after the socket and the
 * process, and nobody's any more.
 */
export const staleSockets = (socketPath: string): string[] => {
  const prefix = `${basename(socketPath)}.`;
  const folder = dirname(socketPath);
  let bound: string;
  let names: string[];
  try {
    bound = readFileSync('/proc/net/unix', 'utf8');
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .filter((name) => hostProcess(Number(name.slice(prefix.length))) === null)
    .map((name) => join(folder, name))
    .filter((path) => !bound.includes(` ${path}\n`) && isSocket(path));
};

export const isSocket = (path: string): boolean => {
  try {
    return statSync(path).isSocket();
  } catch {
    return false;
  }
};

export const removeFile = (path: string): boolean => {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
};
