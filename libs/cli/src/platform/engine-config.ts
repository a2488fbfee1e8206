import type { Gvisor } from './gvisor.ts';

export const watchedRuntime = 'crucible';
export const unwatchedRuntime = 'crucible-unwatched';

/** A point of gVisor's trace: which moment of which system call is reported, with what. */
export interface TracePoint {
  readonly name: string;
  readonly optional_fields?: readonly string[];
  readonly context_fields?: readonly string[];
}

/**
 * A guest that makes calls faster than its observer reads them waits, some twenty seconds for one message at most, before
 * gVisor drops it: the flood costs its maker time, and nobody evidence.
 */
const patience = { retries: 2_000, backoff: '50us', backoff_max: '10ms' } as const;

/**
 * What `runsc --pod-init-config` reads. A sandbox that cannot reach the socket does not start: evidence that was asked
 * for is there from the first system call on, or there is no trial.
 */
export const traceConfiguration = (points: readonly TracePoint[], socket: string): string =>
  JSON.stringify(
    {
      trace_session: {
        name: 'Default',
        points,
        sinks: [{ name: 'remote', config: { endpoint: socket, ...patience }, ignore_setup_error: false }],
      },
    },
    null,
    2,
  );

export interface DaemonOptions {
  readonly gvisor: Gvisor;
  /** Path of the trace configuration; without one both runtimes are the same. */
  readonly trace: string | undefined;
  /** Group that may talk to the engine: our own. By default it would be everybody in the machine's `docker` group. */
  readonly gid: number;
}

/**
 * The engine's configuration. Its default runtime is gVisor, so that a container somebody creates without saying how
 * is not weaker than the others.
 */
export const daemonConfiguration = ({ gvisor, trace, gid }: DaemonOptions): string => {
  const plain = ['--network=none', `--platform=${gvisor.platform}`];
  const runtime = (more: readonly string[]) => ({ path: gvisor.path, runtimeArgs: [...plain, ...more] });
  return JSON.stringify(
    {
      runtimes: {
        [watchedRuntime]: runtime(trace === undefined ? [] : [`--pod-init-config=${trace}`]),
        [unwatchedRuntime]: runtime([]),
      },
      'default-runtime': unwatchedRuntime,
      // The systemd driver would ask the machine's init for every sandbox; ours need no more than the plain files.
      'exec-opts': ['native.cgroupdriver=cgroupfs'],
      'log-driver': 'local',
      'log-opts': { 'max-size': '1m', 'max-file': '1', compress: 'false' },
      'shutdown-timeout': 5,
      group: String(gid),
    },
    null,
    2,
  );
};

/** Whether the probe's output comes from gVisor's own kernel: its log says so, and its version is not the host's. */
export const provesGvisor = (output: string, hostVersion: string): boolean => {
  const version = /^Linux version .*$/m.exec(output)?.[0];
  return version !== undefined && version.trim() !== hostVersion.trim() && /\bgVisor\b/.test(output);
};

// A socket's path has room for 107 bytes; the longest the engine makes below its folder takes 45.
const socketRoomBytes = 45;
export const fitsSockets = (dir: string): boolean => Buffer.byteLength(dir) + socketRoomBytes <= 107;
