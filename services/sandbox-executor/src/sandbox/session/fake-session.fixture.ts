import { posix } from 'node:path';
import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import { asUntrusted } from '@crucible/events';
import type {
  CallOutput,
  ExecEnd,
  ExecOutcome,
  ExecRequest,
  ForwardEnd,
  ReadEnd,
  SandboxEnd,
  SandboxSession,
  SessionHooks,
  SnapshotEnd,
  WriteEnd,
} from '../port.ts';

const WORK = '/work';
export const cleanEnd: SandboxEnd = {
  reason: 'exit',
  exitCode: 0,
  signal: null,
  durationMs: 1,
  output: { bytes: 0, dropped: 0 },
  limitsHit: [],
  memoryBytesPeak: null,
  error: null,
};

/** What a program does: prints, then ends with a code; or goes on for ever. */
export interface FakeRun {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly code?: number;
  readonly hangs?: boolean;
  /** It goes on until this is settled, which tells the rest of it. */
  readonly until?: Promise<FakeRun>;
}
export type FakePrograms = (request: ExecRequest, session: FakeSession) => FakeRun | undefined;

interface Under {
  readonly request: ExecRequest;
  readonly finish: (outcome: ExecOutcome) => void;
}

/** A few lines of shell, enough for whoever speaks to a session as to a real one. */
const shell = (script: string, session: FakeSession): FakeRun => {
  const [verb = '', ...words] = script.trim().split(/\s+/);
  const rest = words.join(' ');
  switch (verb) {
    case 'echo':
      return { stdout: `${rest}\n` };
    case 'exit':
      return { code: Number(rest) };
    case 'sleep':
      return { hangs: true };
    case 'cat': {
      const found = session.files.get(session.placeOf(rest) ?? '');
      return found === undefined
        ? { stderr: `cat: ${rest}: No such file or directory\n`, code: 1 }
        : { stdout: found.toString('utf8') };
    }
    case 'head':
      return { stdout: 'x'.repeat(Number(words[1])) };
    default:
      return { stdout: '' };
  }
};

/**
 * A session without a sandbox, under the same contract as a real one: files in memory, programs by a script. For tests of
 * what is done with sessions.
 */
export class FakeSession implements SandboxSession {
  readonly containerId = 'fake';
  readonly processId = null;
  readonly files = new Map<string, Buffer>();
  readonly requests: ExecRequest[] = [];
  readonly #hooks: SessionHooks;
  readonly #runs: FakePrograms;
  readonly #doors = new Map<number, (connection: Duplex) => void>();
  readonly #under = new Map<string, Under>();
  readonly #ended = Promise.withResolvers<SandboxEnd>();
  #isOver = false;
  #processes = 1;

  /** @param runs what programs do; undefined leaves it to the few words of shell that are known here */
  constructor(hooks: SessionHooks, runs: FakePrograms = () => undefined) {
    this.#hooks = hooks;
    this.#runs = runs;
  }

  get ended(): Promise<SandboxEnd> {
    return this.#ended.promise;
  }

  placeOf(path: string): string | null {
    const whole = posix.resolve(WORK, path);
    return whole.startsWith(`${WORK}/`) ? whole : null;
  }

  exec(request: ExecRequest): Promise<ExecEnd> {
    this.requests.push(request);
    const startedAt = Date.now();
    const said = this.#runs(request, this) ?? this.#known(request);
    let output = this.#bounded(request, said);
    const end = (outcome: ExecOutcome): ExecEnd => ({
      id: request.id,
      outcome,
      stdout: asUntrusted<Uint8Array>(output.stdout),
      stderr: asUntrusted<Uint8Array>(output.stderr),
      bytesDropped: 0,
      durationMs: Date.now() - startedAt,
      startedAt,
      endedAt: Date.now(),
      processId: this.#isOver ? null : this.#processes,
      limitsHit: outcome.kind === 'timed-out' ? ['wall-time'] : [],
      tasksLeft: 0,
    });
    if (this.#isOver) return Promise.resolve(end({ kind: 'sandbox-gone' }));
    this.#processes += 1;
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const finish = (outcome: ExecOutcome): void => {
        clearTimeout(timer);
        if (this.#under.delete(request.id)) resolve(end(outcome));
      };
      this.#under.set(request.id, { request, finish });
      const goOn = (run: FakeRun): void => {
        if (!this.#under.has(request.id)) return;
        output = this.#bounded(request, run);
        void this.#tell(request, output).then(() => {
          if (output.isCut) finish({ kind: 'output-limit' });
          else if (run.hangs !== true) finish({ kind: 'exited', exitCode: run.code ?? 0 });
          else timer = setTimeout(() => finish({ kind: 'timed-out' }), request.timeoutMsMax);
        });
      };
      if (said.until === undefined) goOn(said);
      else said.until.then(goOn, (error: unknown) => goOn({ stderr: String(error), code: 1 }));
    });
  }

  killCall(id: string): void {
    this.#under.get(id)?.finish({ kind: 'killed' });
  }

  writeFile(path: string, content: Uint8Array): Promise<WriteEnd> {
    const place = this.placeOf(path);
    if (this.#isOver) return Promise.resolve({ kind: 'sandbox-gone' });
    if (place === null) return Promise.resolve({ kind: 'refused', why: 'not below the work folder' });
    this.files.set(place, Buffer.from(content));
    return Promise.resolve({ kind: 'written' });
  }

  readFile(path: string, bytesMax: number): Promise<ReadEnd> {
    if (this.#isOver) return Promise.resolve({ kind: 'sandbox-gone' });
    const found = this.files.get(this.placeOf(path) ?? '');
    if (found === undefined) return Promise.resolve({ kind: 'refused', why: 'No such file or directory' });
    const content = asUntrusted<Uint8Array>(Buffer.from(found.subarray(0, bytesMax)));
    return Promise.resolve({ kind: 'read', content, sizeBytes: found.byteLength });
  }

  snapshot(): Promise<SnapshotEnd> {
    if (this.#isOver) return Promise.resolve({ kind: 'sandbox-gone' });
    const files = [...this.files]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([path, content]) => ({
        path: path.slice(WORK.length + 1),
        mode: 0o644,
        content: asUntrusted<Uint8Array>(content),
      }));
    return Promise.resolve({ kind: 'taken', files, leftOut: [], complete: true });
  }

  forward(port: number, onConnection: (connection: Duplex) => void): Promise<ForwardEnd> {
    if (this.#isOver) return Promise.resolve({ kind: 'sandbox-gone' });
    this.#doors.set(port, onConnection);
    return Promise.resolve({ kind: 'listening', port });
  }

  /** Connects to a forwarded port, as a program in here would. */
  dial(port: number): Duplex {
    const [near, far] = duplexPair();
    near.on('error', () => undefined).on('close', () => far.destroy());
    far.on('error', () => undefined).on('close', () => near.destroy());
    const door = this.#doors.get(port);
    if (door === undefined || this.#isOver) near.destroy(new Error('connection refused'));
    else door(far);
    return near;
  }

  kill(reason: 'stopped' | 'lease-lost'): void {
    this.die({ reason, exitCode: null });
  }

  close(): Promise<SandboxEnd> {
    for (const { finish } of this.#under.values()) finish({ kind: 'killed' });
    this.die({});
    return this.ended;
  }

  /** The sandbox ends, with every call in it. */
  die(end: Partial<SandboxEnd>): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const { finish } of this.#under.values()) finish({ kind: 'sandbox-gone' });
    this.#ended.resolve({ ...cleanEnd, ...end });
  }

  #known({ argv, stdin }: ExecRequest): FakeRun {
    const [program = '', flag, script = ''] = argv;
    if (/^(?:ba)?sh$/.test(program) && flag === '-c') return shell(script, this);
    if (program === 'cat') return { stdout: Buffer.from(stdin ?? new Uint8Array()).toString('utf8') };
    if (program === 'no-such-program')
      return { stderr: `cannot run ${program}: No such file or directory\n`, code: 127 };
    return {};
  }

  #bounded({ outputBytesMax }: ExecRequest, { stdout = '', stderr = '' }: FakeRun) {
    const out = Buffer.from(stdout, 'utf8');
    const err = Buffer.from(stderr, 'utf8');
    const kept = out.subarray(0, outputBytesMax);
    return {
      stdout: kept,
      stderr: err.subarray(0, outputBytesMax - kept.byteLength),
      isCut: out.byteLength + err.byteLength > outputBytesMax,
    };
  }

  async #tell(request: ExecRequest, output: { readonly stdout: Buffer; readonly stderr: Buffer }): Promise<void> {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (output[stream].byteLength === 0) continue;
      const bytes = asUntrusted<Uint8Array>(output[stream]);
      const chunk: CallOutput = { stream, bytes, atMs: 0, at: Date.now(), callId: request.id, late: false };
      await this.#hooks.onOutput(chunk);
    }
  }
}
