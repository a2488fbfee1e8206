import type { Duplex } from 'node:stream';
import type { Limit, Untrusted } from '@crucible/events';
import type { OutputChunk, SandboxEnd, SandboxSpec, UsageSink } from './port.ts';

/** A sandbox for many programs: all of a `SandboxSpec` but the program. */
export type SessionSpec = Omit<SandboxSpec, 'argv' | 'stdin'>;

/** A program to run in a session. */
export interface ExecRequest {
  /** Of the caller's choosing; no two calls that run at once have the same. */
  readonly id: string;
  /** Program and arguments. A name without a slash is looked up in `PATH`. */
  readonly argv: readonly string[];
  /** Whole standard input, or null for an empty one. */
  readonly stdin: Uint8Array | null;
  /** Added to the variables of the session. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute, or relative to the work folder, which an empty one stands for. */
  readonly cwd: string;
  /** From its start to its end, on the sandbox's clock. */
  readonly timeoutMsMax: number;
  /** Of standard output and standard error together. */
  readonly outputBytesMax: number;
  /** As of `OutputSink`. */
  readonly onOutput?: (chunk: CallOutput) => void | Promise<void>;
}

/** Output of one call. `late`: it came when the call had ended, from something it had left running. */
export interface CallOutput extends OutputChunk {
  readonly callId: string;
  readonly late: boolean;
}

/**
 * How a call ended. All but `refused` and `sandbox-gone` leave the session as it was.
 *
 * | kind | what is known to have happened |
 * | --- | --- |
 * | `exited` | its program exited by itself; 127 also when it could not be found or its folder not entered, which standard error then says |
 * | `out-of-memory` | it failed, and the kernel had ended something at the sandbox's memory limit while it ran. gVisor makes an exit with code 1 of that |
 * | `signal` | its program was ended by a signal from inside the sandbox, or by a fault |
 * | `timed-out`, `output-limit` | killed by us at that bound, with all that came of it |
 * | `killed` | killed by us for another reason: by `killCall`, with the closing of the session, or together with a call that multiplied too fast to be told apart |
 * | `refused` | it never ran; `why` names what is wrong with the request, or what the sandbox lacks |
 * | `sandbox-gone` | the sandbox ended before it did, or had ended before: `ended` of the session tells why |
 */
export type ExecOutcome =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'out-of-memory' | 'timed-out' | 'output-limit' | 'killed' | 'sandbox-gone' }
  | { readonly kind: 'refused'; readonly why: string };

export interface ExecEnd {
  readonly id: string;
  readonly outcome: ExecOutcome;
  /** What was written until its program ended; exactly `outputBytesMax` in all where that was passed. */
  readonly stdout: Untrusted<Uint8Array>;
  readonly stderr: Untrusted<Uint8Array>;
  /** Bytes beyond the bound that were seen and thrown away. */
  readonly bytesDropped: number;
  /** Of the program itself, on the sandbox's clock. */
  readonly durationMs: number;
  /** Epoch milliseconds of this machine: nothing of the call happened before the one or, but for what it left running, after the other. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Its process as kernel records name it (`tgid`): what descends from it is the call's. Null when it never had one. */
  readonly processId: number | null;
  /** Limits that were met while it ran, by whoever ran then. */
  readonly limitsHit: readonly Limit[];
  /** Processes and threads alive in the sandbox when it had ended, init not counted. */
  readonly tasksLeft: number;
}

/** The end of a request about files. `why` is fit for a person; it may quote the guest. */
export type Refused = { readonly kind: 'refused'; readonly why: string } | { readonly kind: 'sandbox-gone' };

export type WriteEnd = { readonly kind: 'written' } | Refused;
/** `sizeBytes` is of the whole file: more than `content` where that was cut at the bound. */
export type ReadEnd =
  { readonly kind: 'read'; readonly content: Untrusted<Uint8Array>; readonly sizeBytes: number } | Refused;

export interface SnapshotFile {
  /** Relative to the work folder, and safe to be made below another one. */
  readonly path: string;
  readonly mode: number;
  readonly content: Untrusted<Uint8Array>;
}

export interface LeftOut {
  /** As the guest named it, made text. */
  readonly path: Untrusted<string>;
  /** `name`: not text, too long or too deep. `too-big`: beyond what was left of the bound. */
  readonly why: 'link' | 'special' | 'too-big' | 'unreadable' | 'name';
}

export type SnapshotEnd =
  | {
      readonly kind: 'taken';
      /** By path. */
      readonly files: readonly SnapshotFile[];
      readonly leftOut: readonly LeftOut[];
      /** Whether every entry was looked at; there is a bound on their number. */
      readonly complete: boolean;
    }
  | Refused;

export interface SnapshotRequest {
  /** Of all contents together. */
  readonly bytesMax: number;
  /** Everything that runs is killed first, so that nothing changes while it is read. */
  readonly still: boolean;
}

export interface ForwardBounds {
  /** Both ways, of all connections of this port together. Beyond, all are cut and none is made any more. */
  readonly bytesMax: number;
}

export type ForwardEnd = { readonly kind: 'listening'; readonly port: number } | Refused;

export interface SessionHooks {
  /** All output of all calls, also what came late. As of `OutputSink`. */
  readonly onOutput: (chunk: CallOutput) => void | Promise<void>;
  /** Must not throw. */
  readonly onUsage?: UsageSink;
}

/**
 * A sandbox that stays up and runs many programs, for one trial. Its methods never throw or reject. All programs share files, tasks and memory;
 * what a call leaves running lives on until the session ends.
 */
export interface SandboxSession {
  readonly containerId: string;
  readonly processId: number | null;
  /**
   * Resolves once every call has ended and all output was delivered. Never rejects. After `close()` the reason is `exit`
   * with code 0; the others are as of `Sandbox.ended`. `durationMs` is of the session.
   */
  readonly ended: Promise<SandboxEnd>;
  /** Runs a program. Up to eight run at once; more are refused. */
  exec(request: ExecRequest): Promise<ExecEnd>;
  /** Ends a call as `killed`, with all that came of it. Nothing if it does not run. */
  killCall(id: string): void;
  /** Writes a file in the work folder as the guest's user, in place of what was in it. Makes folders, follows no links. */
  writeFile(path: string, content: Uint8Array, mode: number): Promise<WriteEnd>;
  /** Reads at most so much of a regular file in the work folder, as the guest's user. Follows no links. */
  readFile(path: string, bytesMax: number): Promise<ReadEnd>;
  /** Regular files below the work folder. Follows no links. */
  snapshot(request: SnapshotRequest): Promise<SnapshotEnd>;
  /**
   * Listens on 127.0.0.1 in the sandbox, and hands each connection that a guest makes there to the caller. At most 32 are open
   * at once; others wait. Port 0 lets the sandbox choose.
   * @param onConnection must not throw; what it is given ends with the sandbox, with an error
   */
  forward(port: number, onConnection: (connection: Duplex) => void, bounds: ForwardBounds): Promise<ForwardEnd>;
  /** As of `Sandbox.kill`. */
  kill(reason: 'stopped' | 'lease-lost', engineAfterMs?: number): void;
  /** Ends the session well: what still runs is killed, and all that was written is told. Resolves as `ended`. */
  close(): Promise<SandboxEnd>;
}
