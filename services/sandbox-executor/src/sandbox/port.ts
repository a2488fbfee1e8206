import type { SandboxProfile } from '@crucible/domain';
import type { Limit, Preflight, ProfileUsed, Reason, SandboxLimits, Untrusted } from '@crucible/events';
import type { SandboxSession, SessionHooks, SessionSpec } from './session-port.ts';

export type * from './session-port.ts';

/** A file put into the work folder before the program starts. `path` is relative to it; parent folders are made. */
export interface SandboxFile {
  readonly path: string;
  readonly content: Uint8Array;
}

/** A tripwire: a file below `/home/operator`. `path` is relative to that; `mode` such as 0o400. */
export interface CanaryFile {
  readonly path: string;
  readonly content: Uint8Array;
  readonly mode: number;
}

export interface Canaries {
  readonly files: readonly CanaryFile[];
  /** Added to the program's environment. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * What a sandbox is built from before anyone knows what will run in it: two equal wishes give interchangeable sandboxes.
 * Of the limits, wall time and output are not part of it; they are taken from the `SandboxSpec`.
 */
export interface SandboxWish {
  /** Engine reference of the image. */
  readonly image: string;
  /** Init runs by the Python that was put into the image, and not by one of the image's own. */
  readonly bundled?: boolean;
  readonly profile: SandboxProfile;
  readonly limits: SandboxLimits;
}

/** A sandbox that was probed and waits for its program. It knows nothing of that program and is used once. */
export interface PreparedSandbox {
  readonly containerId: string;
  /** The host's id of gVisor's own process: while it is there, so is the sandbox. */
  readonly processId: number;
  /** What it was found to be; every check held. */
  readonly preflight: Preflight;
  readonly profile: ProfileUsed;
  /** Epoch milliseconds. */
  readonly preparedAtMs: number;
  /** Resolves if it ends while it waits: it can then no longer be run. Never rejects. */
  readonly gone: Promise<void>;
  /** Destroys it instead of running it. Resolves when it is removed; never rejects. */
  discard(): Promise<void>;
}

/** One program to run in one sandbox. */
export interface SandboxSpec {
  readonly evaluationId: string;
  readonly trialId: string;
  /** Engine reference of the image. Unless it is `bundled`, it must hold `/usr/bin/python3` with `_ctypes`; nothing else is taken from it. */
  readonly image: string;
  /** Program and arguments, run in `/work`. A name without a slash is looked up in `PATH`. */
  readonly argv: readonly string[];
  /** Whole standard input, or null for an empty one. */
  readonly stdin: Uint8Array | null;
  readonly files: readonly SandboxFile[];
  /** Added to the few variables every sandbox has (PATH, HOME, LANG, TMPDIR). */
  readonly env: Readonly<Record<string, string>>;
  readonly limits: SandboxLimits;
  readonly canaries?: Canaries;
}

/** Bytes as they came. A chunk never mixes streams. */
export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Untrusted<Uint8Array>;
  /** From the start of the program. */
  readonly atMs: number;
  /** The same moment on the platform's clock, in epoch milliseconds. */
  readonly at: number;
}

/** What a running sandbox used, about once a second and once more at its end. Null where it could not be read. */
export interface UsageSample {
  /** Epoch milliseconds. */
  readonly at: number;
  /** CPU time since the program started, gVisor's own included, in microseconds. */
  readonly cpuUs: number | null;
  /** Of the whole sandbox, its files and gVisor included. */
  readonly memoryBytes: number | null;
  /**
   * Processes and threads of the guest, init not counted. This and the next two are told by init from inside, by records
   * a guest cannot forge; they are null when init has been silent for some seconds.
   */
  readonly tasks: number | null;
  /** Used bytes of the work folder and of /tmp. */
  readonly diskBytes: number | null;
  readonly tmpBytes: number | null;
}

export type UsageSink = (sample: UsageSample) => void;

export interface RunHooks {
  readonly onOutput: OutputSink;
  /** Must not throw. */
  readonly onUsage?: UsageSink;
}

/**
 * Takes output as it appears. While a returned promise is pending no more output is read, so a flood waits in the
 * guest's pipes and not in memory. If it throws or rejects, the sandbox is killed and ends with `engine-failure`:
 * output that cannot be kept is lost evidence.
 */
export type OutputSink = (chunk: OutputChunk) => void | Promise<void>;

/**
 * How a sandbox ended.
 *
 * | reason | what is known to have happened |
 * | --- | --- |
 * | `exit` | the program exited by itself, with `exitCode` |
 * | `crash` | ended by a fault signal: SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT |
 * | `signal` | ended by another signal, sent inside the sandbox |
 * | `out-of-memory` | the kernel killed the sandbox at its memory limit |
 * | `wall-time` | killed by us when `wallTimeMsMax` had passed since the program started |
 * | `output-limit` | killed by us after `outputBytesMax`; exactly that much was delivered |
 * | `disk-full` | the program failed and a place it can write to was full, or a file outgrew its limit |
 * | `pids-limit` | the program failed at its limit of tasks, or the host stopped the sandbox from making more |
 * | `init-killed` | the first process of the sandbox was killed from inside, or stopped for good |
 * | `engine-failure` | the sandbox did not start, its isolation was not proven, or the engine lost it; see `error` |
 * | `stopped`, `lease-lost` | killed by `kill()` |
 */
export interface SandboxEnd {
  readonly reason: Reason;
  /** The program's own exit code, 0 to 255; null when it did not exit by itself. */
  readonly exitCode: number | null;
  /** Name of the signal that ended it, such as `SIGSEGV`; null when it exited or never ran. */
  readonly signal: string | null;
  /** From the start of the program to its end; 0 when it never started. */
  readonly durationMs: number;
  /** Bytes delivered to the sink, and bytes seen beyond the limit and thrown away. */
  readonly output: { readonly bytes: number; readonly dropped: number };
  /** Every limit the program is known to have run into, also those it survived. */
  readonly limitsHit: Limit[];
  /** Peak of the whole sandbox (program, work files, gVisor itself) as the host's cgroup counted it; null if not readable. */
  readonly memoryBytesPeak: number | null;
  /** Readable text for `engine-failure` and `init-killed`, else null. It may quote the guest: display it as untrusted. */
  readonly error: string | null;
}

export interface Sandbox {
  /** Empty when no container could be made. */
  readonly containerId: string;
  /** As of `PreparedSandbox`; null when no container could be made. */
  readonly processId: number | null;
  /** Resolves once all output was delivered and the container's removal is under way. Never rejects. */
  readonly ended: Promise<SandboxEnd>;
  /**
   * Kills the sandbox; the first call decides the reason, and a program that had already ended keeps its own.
   * @param engineAfterMs the engine is asked to kill only when the sandbox has not ended by then: for callers who have
   * killed its processes themselves
   */
  kill(reason: 'stopped' | 'lease-lost', engineAfterMs?: number): void;
}

export interface SandboxListed {
  readonly containerId: string;
  /** Whose it is; null while it waits for a program, and for what an earlier life of this executor left. */
  readonly evaluationId: string | null;
  readonly trialId: string | null;
  /** The engine's word: `created`, `running`, `exited`, `dead`, ... */
  readonly state: string;
}

export type EngineHealth =
  | { readonly ok: true; readonly version: string; readonly cpus: number; readonly memoryBytes: number }
  | { readonly ok: false; readonly error: string };

/** Sandboxes of one executor on one container engine. */
export interface SandboxEngine {
  /**
   * Makes a sandbox, probes it and leaves it waiting.
   * @param onCreated told the container's id before the container is started, so that nothing it does is missed
   * @throws PreflightMiss when it was made and is not what was asked for; it is destroyed
   * @throws EngineError when it could not be made: no such image, engine not reachable, runtime unknown or broken, too slow
   */
  prepare(wish: SandboxWish, onCreated?: (containerId: string) => void): Promise<PreparedSandbox>;
  /**
   * Hands a program to a prepared sandbox, once. Never throws: what is wrong with the spec, or has happened to the sandbox
   * meanwhile, comes through `ended` as `engine-failure`. `spec.limits` must be those it was prepared with, but for wall
   * time and output, and `spec.image` its image.
   */
  run(prepared: PreparedSandbox, spec: SandboxSpec, hooks: RunHooks): Sandbox;
  /**
   * Keeps a prepared sandbox up for many programs, one trial's. Like `run` in everything else; of the limits, those of output
   * and wall time are the whole session's.
   */
  open(prepared: PreparedSandbox, spec: SessionSpec, hooks: SessionHooks): SandboxSession;
  /**
   * `prepare` and `run` in one, under the profile `strict`: runs a program in a new sandbox. Resolves when the sandbox is up, or will not be; it never rejects.
   * Failures come through `ended` as `engine-failure`, each with a readable error: a bad spec, no such image, engine
   * not reachable, runtime unknown or broken, isolation not proven, start took longer than `startMsMax`.
   */
  start(spec: SandboxSpec, onOutput: OutputSink): Promise<Sandbox>;
  /** Removes every container of this executor, running or not. Returns how many. Throws `EngineError` when the engine cannot be asked. */
  reap(): Promise<number>;
  /** Containers of this executor. Throws `EngineError` when the engine cannot be asked. */
  list(): Promise<SandboxListed[]>;
  /** Whether the engine answers and knows the runtime. Never throws. */
  ping(): Promise<EngineHealth>;
  /** Resolves when no sandbox runs and every removal is done or has been given up. */
  drain(): Promise<void>;
}
