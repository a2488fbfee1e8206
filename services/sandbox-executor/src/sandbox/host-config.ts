import { readFileSync } from 'node:fs';
import { runtimeEnv, runtimePython } from '@crucible/domain';
import type { SandboxProfile } from '@crucible/domain';
import type { SandboxLimits } from '@crucible/events';
import type { ContainerCreateOptions, HostConfig } from 'dockerode';

/** How a profile and its limits are said to an engine, in one place. A suite chooses sizes; nothing else can be chosen. */

export const WORK_FOLDER = '/work';
export const TMP_FOLDER = '/tmp';
export const SHM_FOLDER = '/dev/shm';
/** The home of somebody who is not there: what tripwires lie in. */
export const OPERATOR_FOLDER = '/home/operator';
const MIB = 1_048_576;
/** Writable places beside the work folder and /tmp, small and bounded: unbounded they would be a way around the disk limit. */
export const OPERATOR_BYTES_MAX = 1 * MIB;
export const SHM_BYTES_MAX = 16 * MIB;
/** What gVisor and our init take for themselves; an idle sandbox was measured at 28 MiB. */
const SENTRY_BYTES = 48 * MIB;
/** The host counts gVisor's own threads: about 35 when idle, then up to 18 for each busy guest process (ptrace platform). */
const SENTRY_TASKS = 256;
const SENTRY_TASKS_PER_GUEST_TASK = 32;

/**
 * The host's memory bound in bytes. Files in memory-backed folders are charged to the same cgroup as the program, so
 * their sizes are added: otherwise filling the disk would look like running out of memory.
 */
export const hostMemoryBytesMax = (limits: SandboxLimits): number =>
  limits.memoryBytesMax + limits.diskBytesMax + limits.tmpBytesMax + SHM_BYTES_MAX + OPERATOR_BYTES_MAX + SENTRY_BYTES;

/** The host's bound on threads: sized so that the guest's own limit (RLIMIT_NPROC) is met first by an ordinary guest. */
export const hostTasksMax = (limits: SandboxLimits): number =>
  SENTRY_TASKS + SENTRY_TASKS_PER_GUEST_TASK * limits.pidsMax;

export const baseEnv: Readonly<Record<string, string>> = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  HOME: WORK_FOLDER,
  LANG: 'C.UTF-8',
  TMPDIR: '/tmp',
};

/** What the image and the engine give init itself; the program gets `baseEnv` and what its spec says. */
export const initEnvNames = ['HOME', 'HOSTNAME', 'LANG', 'LC_ALL', 'PATH', 'PYTHONDONTWRITEBYTECODE'] as const;

/** @param cpusMax cores of the machine: an engine refuses a container that asks for more than there are */
export const cpuMillisOf = (limits: SandboxLimits, cpusMax: number): number =>
  Math.min(limits.cpuMillis, cpusMax * 1_000);

const tmpfs = (bytesMax: number, more: string): string => `rw,nosuid,nodev,size=${bytesMax},${more}`;

export const hostConfigOf = (profile: SandboxProfile, limits: SandboxLimits, runtime: string, cpusMax: number) => {
  const own = `mode=0700,uid=${profile.userId},gid=${profile.userId}`;
  return {
    Runtime: runtime,
    NetworkMode: profile.network,
    ReadonlyRootfs: profile.rootReadOnly,
    Privileged: false,
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    IpcMode: 'private',
    PidsLimit: hostTasksMax(limits),
    Memory: hostMemoryBytesMax(limits),
    MemorySwap: hostMemoryBytesMax(limits),
    NanoCpus: cpuMillisOf(limits, cpusMax) * 1_000_000,
    ShmSize: SHM_BYTES_MAX,
    Tmpfs: {
      [WORK_FOLDER]: tmpfs(limits.diskBytesMax, `exec,${own}`),
      [TMP_FOLDER]: tmpfs(limits.tmpBytesMax, 'noexec,mode=1777'),
      [OPERATOR_FOLDER]: tmpfs(OPERATOR_BYTES_MAX, `noexec,${own}`),
    },
    Ulimits: [
      { Name: 'nofile', Soft: limits.filesOpenMax, Hard: limits.filesOpenMax },
      { Name: 'fsize', Soft: limits.fileBytesMax, Hard: limits.fileBytesMax },
      { Name: 'core', Soft: 0, Hard: 0 },
    ],
    LogConfig: { Type: 'none', Config: {} },
    RestartPolicy: { Name: 'no' },
    AutoRemove: false,
    Init: false,
  } satisfies HostConfig;
};

export type SandboxHostConfig = ReturnType<typeof hostConfigOf>;

/**
 * Found from `src` and from `dist` alike, where the compiler leaves it behind. Comments and blank lines are for readers
 * here; every sandbox would have to compile them.
 */
const pythonOf = (...names: readonly string[]): string =>
  names
    .flatMap((name) => readFileSync(new URL(`../../src/sandbox/${name}`, import.meta.url), 'utf8').split('\n'))
    .filter((line) => !/^\s*(#.*)?$/.test(line))
    .join('\n');

const INIT = pythonOf('init.py');
/** What init becomes where a sandbox is kept for many programs: it reads this when that is known. */
export const SESSION = pythonOf('session/session.py', 'session/lineage.py', 'session/files.py', 'session/forward.py');

export interface ContainerWish {
  readonly name: string;
  readonly image: string;
  /** As of `SandboxWish`. */
  readonly bundled?: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly userId: number;
  readonly hostConfig: SandboxHostConfig;
}

export const containerOptionsOf = (wish: ContainerWish): ContainerCreateOptions => ({
  name: wish.name,
  Image: wish.image,
  Entrypoint: wish.bundled === true ? runtimePython(INIT) : ['/usr/bin/python3', '-I', '-S', '-c', INIT],
  Cmd: [],
  Env: [`PATH=${baseEnv['PATH']}`, ...(wish.bundled === true ? runtimeEnv : [])],
  User: `${wish.userId}:${wish.userId}`,
  WorkingDir: WORK_FOLDER,
  Hostname: 'sandbox',
  Tty: false,
  OpenStdin: true,
  StdinOnce: true,
  AttachStdin: true,
  AttachStdout: true,
  AttachStderr: true,
  NetworkDisabled: true,
  // An image's own health check would be run by the engine inside the sandbox.
  Healthcheck: { Test: ['NONE'] },
  Labels: { ...wish.labels },
  HostConfig: wish.hostConfig,
});
