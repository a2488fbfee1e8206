import { existsSync, readFileSync } from 'node:fs';
import type { HostBounds, SandboxCgroup } from './cgroup.ts';

/** gVisor's own process as the host's kernel tells of it. */
export interface Sentry {
  readonly processId: number;
  readonly argv: readonly string[];
  /** `/proc/<pid>/status`. */
  readonly status: string;
  /** `/proc/<pid>/net/dev` and `/proc/<pid>/net/route`: the network namespace it runs in. */
  readonly links: string;
  /** Null when it could not be read: a namespace that never had a route gives an empty text. */
  readonly routes: string | null;
}

/** What the host can tell of a sandbox from outside. */
export interface HostFindings {
  readonly sentry: Sentry | null;
  readonly bounds: HostBounds;
  /** `/proc/version` of the host. */
  readonly version: string;
  /** Whether the host has swap at all: a kernel may not account it by container. */
  readonly swap: boolean;
}

const SENTRY = 'runsc-sandbox';

const read = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
};
const textOf = (path: string): string => read(path) ?? '';

const argvOf = (processId: number): string[] => textOf(`/proc/${processId}/cmdline`).split('\0').slice(0, -1);

/** The process is found by what it is doing, not by what an engine says: an engine can name any process. */
const sentryIn = (processIds: readonly number[], containerId: string): Sentry | null => {
  for (const processId of processIds) {
    const argv = argvOf(processId);
    if (argv[0] !== SENTRY || argv.at(-1) !== containerId) continue;
    return {
      processId,
      argv,
      status: textOf(`/proc/${processId}/status`),
      links: textOf(`/proc/${processId}/net/dev`),
      routes: read(`/proc/${processId}/net/route`),
    };
  }
  return null;
};

/** Looks at a running container from outside. All reads are of files in kernel memory. */
export const hostFindingsOf = (containerId: string, cgroup: SandboxCgroup): HostFindings => ({
  sentry: sentryIn(cgroup.processes(), containerId),
  bounds: cgroup.bounds(),
  version: textOf('/proc/version'),
  swap: existsSync('/proc/swaps') && textOf('/proc/swaps').trim().split('\n').length > 1,
});
