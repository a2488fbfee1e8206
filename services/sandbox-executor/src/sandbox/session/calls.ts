import { asUntrusted, type Limit } from '@crucible/events';
import { encodeLaunch, envOf, number, programRefusal } from '../header.ts';
import { WORK_FOLDER } from '../host-config.ts';
import type { ExecEnd, ExecOutcome, ExecRequest, SessionSpec } from '../port.ts';
import { signalName } from '../signals.ts';
import { LAUNCH_BYTES_MAX, encodeFrame, encodePieces, parseCallReport, parseCount, type CallReport } from './frames.ts';

/** Init's descriptors and the guest's tasks are shared by all that run at once. */
const CALLS_AT_ONCE_MAX = 8;
/** The ids of calls are kept to name what comes late. */
const CALLS_MAX = 100_000;
const ID_CHARS_MAX = 200;

/** Why a call cannot be run, or null. */
const requestRefusal = (request: ExecRequest, spec: SessionSpec): string | null => {
  const { id, cwd, timeoutMsMax, outputBytesMax } = request;
  const { diskBytesMax, wallTimeMsMax, outputBytesMax: outputMost } = spec.limits;
  if (id === '' || id.length > ID_CHARS_MAX) return `id must have 1 to ${ID_CHARS_MAX} characters`;
  if (cwd.includes('\0')) return 'cwd must not hold a zero byte';
  if (!Number.isInteger(timeoutMsMax) || timeoutMsMax < 1 || timeoutMsMax > wallTimeMsMax) {
    return `timeoutMsMax is ${timeoutMsMax}, and the wall time of the sandbox allows 1 to ${wallTimeMsMax}`;
  }
  if (!Number.isInteger(outputBytesMax) || outputBytesMax < 1 || outputBytesMax > outputMost) {
    return `outputBytesMax is ${outputBytesMax}, and the output limit of the sandbox allows 1 to ${outputMost}`;
  }
  return programRefusal({ ...request, env: { ...envOf(spec), ...request.env } }, diskBytesMax);
};

const outcomeOf = ({ cause, waitStatus }: CallReport, memoryMet: boolean): ExecOutcome => {
  if (cause === 'time') return { kind: 'timed-out' };
  if (cause === 'output') return { kind: 'output-limit' };
  if (cause !== 'end') return { kind: 'killed' };
  if (memoryMet && waitStatus !== 0) return { kind: 'out-of-memory' };
  const signal = waitStatus & 0x7f;
  return signal === 0
    ? { kind: 'exited', exitCode: (waitStatus >> 8) & 0xff }
    : { kind: 'signal', signal: signalName(signal) };
};

const limitsOf = ({ cause, bytesDropped, diskFull, atTasksMax }: CallReport, memoryMet: boolean): Limit[] => {
  const hit = {
    memory: memoryMet,
    pids: atTasksMax,
    disk: diskFull,
    'wall-time': cause === 'time',
    output: bytesDropped > 0,
  };
  return (Object.keys(hit) as (keyof typeof hit)[]).filter((limit) => hit[limit]);
};

/** One call, from its request to its end. */
export class Call {
  readonly ended: Promise<ExecEnd>;
  readonly request: ExecRequest;
  readonly #startedAt = Date.now();
  readonly #parts: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  #resolve: (end: ExecEnd) => void = () => undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #bytesLeft: number;
  #processId: number | null = null;
  readonly #memoryKillsBefore: number;

  /** @param memoryKills of the sandbox so far */
  constructor(request: ExecRequest, memoryKills = 0) {
    this.request = request;
    this.#memoryKillsBefore = memoryKills;
    this.#bytesLeft = request.outputBytesMax;
    this.ended = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Has `look` called until the call has ended, first `afterMs` from now. */
  watch(afterMs: number, everyMs: number, look: () => void): void {
    this.#watchdog = setTimeout(() => {
      look();
      this.watch(everyMs, everyMs, look);
    }, afterMs);
    this.#watchdog.unref();
  }

  began(processId: number): void {
    this.#processId = processId;
  }

  /** Init cuts at the same bound; this one holds whatever comes. */
  wrote(stream: 'stdout' | 'stderr', bytes: Buffer): void {
    const kept = Buffer.from(bytes.subarray(0, this.#bytesLeft));
    this.#bytesLeft -= kept.length;
    this.#parts[stream].push(kept);
  }

  reported(report: CallReport, memoryKills: number): void {
    const { elapsedMs, bytesDropped, tasksLeft } = report;
    const memoryMet = memoryKills > this.#memoryKillsBefore;
    const limitsHit = limitsOf(report, memoryMet);
    this.#end(outcomeOf(report, memoryMet), { durationMs: elapsedMs, bytesDropped, tasksLeft, limitsHit });
  }

  /** It ended without a report. */
  endedBy(outcome: ExecOutcome): void {
    const durationMs = this.#processId === null ? 0 : Date.now() - this.#startedAt;
    this.#end(outcome, { durationMs, bytesDropped: 0, tasksLeft: 0, limitsHit: [] });
  }

  #end(outcome: ExecOutcome, facts: Pick<ExecEnd, 'durationMs' | 'bytesDropped' | 'tasksLeft' | 'limitsHit'>): void {
    clearTimeout(this.#watchdog);
    const output = (stream: 'stdout' | 'stderr') => asUntrusted<Uint8Array>(Buffer.concat(this.#parts[stream]));
    this.#resolve({
      id: this.request.id,
      outcome,
      stdout: output('stdout'),
      stderr: output('stderr'),
      startedAt: this.#startedAt,
      endedAt: Date.now(),
      processId: this.#processId,
      ...facts,
    });
  }
}

/** Of a request that comes when there is no sandbox any more. */
export const endOfNone = (request: ExecRequest): Promise<ExecEnd> => {
  const call = new Call(request);
  call.endedBy({ kind: 'sandbox-gone' });
  return call.ended;
};

/** Whose output it is; `call` is undefined once it has ended. */
export interface Speaker {
  readonly id: string;
  readonly call: Call | undefined;
}

/** The calls of one session. */
export class Calls {
  readonly #spec: SessionSpec;
  readonly #running = new Map<number, Call>();
  readonly #ids = new Map<number, string>();

  readonly #memoryKills: () => number;

  /** @param memoryKills how often the host's kernel has ended something at the sandbox's memory limit */
  constructor(spec: SessionSpec, memoryKills: () => number = () => 0) {
    this.#spec = spec;
    this.#memoryKills = memoryKills;
  }

  /** A new call and what init is told of it; a call that has ended, and nothing to tell, where it is refused. */
  begin(number: number, request: ExecRequest): { readonly call: Call; readonly frames: readonly Buffer[] } {
    const call = new Call(request, this.#memoryKills());
    const launch = this.#launchOf(request);
    const why = this.#refusal(request) ?? (launch.length > LAUNCH_BYTES_MAX ? 'argv and env are too large' : null);
    if (why !== null) {
      call.endedBy({ kind: 'refused', why });
      return { call, frames: [] };
    }
    this.#running.set(number, call);
    this.#ids.set(number, request.id);
    return {
      call,
      frames: [...encodePieces('i', number, request.stdin ?? new Uint8Array()), execFrame(number, request, launch)],
    };
  }

  numberOf(id: string): number | undefined {
    return [...this.#running].find(([, { request }]) => request.id === id)?.[0];
  }

  /** Null for a number that no call has. */
  speaker(number: number): Speaker | null {
    const id = this.#ids.get(number);
    return id === undefined ? null : { id, call: this.#running.get(number) };
  }

  began(number: number, payload: Buffer): boolean {
    const processId = parseCount(payload);
    if (processId === null) return false;
    this.#running.get(number)?.began(processId);
    return true;
  }

  /** How many bytes it threw away; null when the payload is no report. */
  reported(number: number, payload: Buffer): number | null {
    const report = parseCallReport(payload);
    if (report === null) return null;
    this.#running.get(number)?.reported(report, this.#memoryKills());
    this.#running.delete(number);
    return report.bytesDropped;
  }

  refused(number: number, why: string): boolean {
    const call = this.#running.get(number);
    call?.endedBy({ kind: 'refused', why });
    return this.#running.delete(number);
  }

  /** The sandbox is no more. */
  gone(): void {
    for (const call of this.#running.values()) call.endedBy({ kind: 'sandbox-gone' });
    this.#running.clear();
  }

  #refusal(request: ExecRequest): string | null {
    const why = requestRefusal(request, this.#spec);
    if (why !== null) return why;
    if (this.#running.size >= CALLS_AT_ONCE_MAX) return `${CALLS_AT_ONCE_MAX} calls run already`;
    if (this.#ids.size >= CALLS_MAX) return `the session has run ${CALLS_MAX} calls`;
    return this.numberOf(request.id) === undefined
      ? null
      : `a call with the id ${JSON.stringify(request.id)} runs already`;
  }

  #launchOf({ argv, env, cwd, stdin }: ExecRequest): Buffer {
    const launch = {
      argv,
      env: { ...envOf(this.#spec), ...env },
      cwd: cwd.startsWith('/') ? cwd : `${WORK_FOLDER}/${cwd}`,
      hasStdin: stdin !== null,
      apart: true,
    };
    return encodeLaunch(launch, this.#spec.limits);
  }
}

const execFrame = (id: number, { timeoutMsMax, outputBytesMax }: ExecRequest, launch: Buffer): Buffer =>
  encodeFrame('x', id, number(timeoutMsMax), number(outputBytesMax), launch);
