import type { Duplex } from 'node:stream';
import { displayableLine } from '@crucible/events';
import { encodeSession, newNonce, number } from '../header.ts';
import { OutputMeter } from '../output-meter.ts';
import type {
  ExecEnd,
  ExecRequest,
  ForwardBounds,
  ForwardEnd,
  OutputChunk,
  ReadEnd,
  Refused,
  SandboxEnd,
  SandboxSession,
  SessionHooks,
  SessionSpec,
  SnapshotEnd,
  SnapshotRequest,
  WriteEnd,
} from '../port.ts';
import type { Taken } from '../prepared.ts';
import { SandboxRun, type OutputTaker, type RunBounds } from '../run.ts';
import { Calls, endOfNone, type Speaker } from './calls.ts';
import { Requests } from './file-requests.ts';
import { Forwarding } from './forward.ts';
import { Orders } from './orders.ts';
import {
  FrameForged,
  FrameReader,
  encodeFrame,
  isCallKind,
  isConnectionKind,
  parseCount,
  signFrame,
  type Frame,
} from './frames.ts';

/** After its time a call has so long to be ended by init; then it is looked at again and again. */
const CALL_GRACE_MS = 5_000;
const LOOK_EVERY_MS = 1_000;
/** Init speaks about every second. One that was silent for so long while a call was overdue had been stopped by the guest. */
const INIT_SILENCE_MS = 3_000;
const COMPLAINT_CHARS_MAX = 300;
const PORT_MAX = 65_535;

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port <= PORT_MAX;

type Stream = OutputChunk['stream'];

/** What a session stands on. */
export interface SessionGround {
  readonly bounds: RunBounds;
  /** Sees to the sandbox when it has ended, however that came about. */
  readonly follow: (ended: Promise<SandboxEnd>) => Promise<SandboxEnd>;
}

/** A sandbox that runs many programs, from opening it to knowing its end. */
export class RunningSession implements SandboxSession {
  readonly containerId: string;
  readonly processId: number;
  readonly ended: Promise<SandboxEnd>;
  readonly #run: SandboxRun;
  readonly #nonce: string;
  readonly #orders = new Orders();
  readonly #hooks: SessionHooks;
  readonly #frames: FrameReader;
  readonly #calls: Calls;
  readonly #requests: Requests;
  readonly #forwarding: Forwarding;
  readonly #meter: OutputMeter;
  /** Thrown away by init; the meter counts its own. */
  #dropped = 0;
  #numbers = 0;
  #speaker: Speaker = { id: '', call: undefined };
  #closed = false;
  #over = false;

  constructor(taken: Taken, spec: SessionSpec, hooks: SessionHooks, { bounds, follow }: SessionGround) {
    const nonce = newNonce();
    const send = (frame: Buffer): void => this.#tell(frame);
    this.#nonce = nonce;
    this.containerId = taken.container.id;
    this.processId = taken.processId;
    this.#hooks = hooks;
    this.#frames = new FrameReader(nonce);
    this.#calls = new Calls(spec, () => taken.cgroup.memoryKills());
    this.#requests = new Requests(send, spec.limits.diskBytesMax);
    this.#forwarding = new Forwarding(send);
    const { limits } = spec;
    const passed = (): void => this.#run.kill('output-limit');
    this.#meter = new OutputMeter(limits.outputBytesMax, (chunk) => this.#deliver(chunk), passed);
    const use = {
      limits,
      nonce,
      header: encodeSession(spec, nonce),
      output: () => this.#taker(),
      onUsage: hooks.onUsage,
    };
    this.#run = new SandboxRun(taken, use, bounds);
    this.ended = follow(this.#run.ended.finally(() => this.#end()));
  }

  exec(request: ExecRequest): Promise<ExecEnd> {
    if (this.#over || this.#closed) return endOfNone(request);
    const { call, frames } = this.#calls.begin((this.#numbers += 1), request);
    if (frames.length > 0) {
      // At once: each write on its own is passed on by two processes, and wakes init once more.
      this.#tell(...frames);
      call.watch(request.timeoutMsMax + CALL_GRACE_MS, LOOK_EVERY_MS, () => this.#lookAtOverdue());
    }
    return call.ended;
  }

  killCall(id: string): void {
    const number = this.#calls.numberOf(id);
    if (number !== undefined) this.#tell(encodeFrame('k', number));
  }

  writeFile(path: string, content: Uint8Array, mode: number): Promise<WriteEnd> {
    return this.#asking((id) => this.#requests.write(id, path, content, mode));
  }

  readFile(path: string, bytesMax: number): Promise<ReadEnd> {
    return this.#asking((id) => this.#requests.read(id, path, bytesMax));
  }

  snapshot(request: SnapshotRequest): Promise<SnapshotEnd> {
    return this.#asking((id) => this.#requests.snapshot(id, request));
  }

  forward(port: number, onConnection: (connection: Duplex) => void, bounds: ForwardBounds): Promise<ForwardEnd> {
    if (!isPort(port))
      return Promise.resolve({ kind: 'refused', why: `port is ${port}, and 0 to ${PORT_MAX} is allowed` });
    return this.#asking((id) => {
      this.#forwarding.add(id, onConnection, bounds);
      return this.#requests.ask<ForwardEnd>(id, encodeFrame('L', id, number(port)), (payload) => {
        const given = parseCount(payload);
        return given === null ? null : { kind: 'listening', port: given };
      });
    });
  }

  kill(reason: 'stopped' | 'lease-lost', engineAfterMs?: number): void {
    this.#run.kill(reason, engineAfterMs);
  }

  close(): Promise<SandboxEnd> {
    if (!this.#closed) this.#run.close(signFrame(this.#nonce, encodeFrame('c', 0)));
    this.#closed = true;
    return this.ended;
  }

  #asking<End>(ask: (id: number) => Promise<End>): Promise<End | Refused> {
    return this.#over || this.#closed ? Promise.resolve({ kind: 'sandbox-gone' }) : ask((this.#numbers += 1));
  }

  #tell(...frames: readonly Buffer[]): void {
    const signed = Buffer.concat(frames.map((frame) => signFrame(this.#nonce, frame)));
    this.#orders.told(signed.length);
    this.#run.write(signed);
  }

  #end(): void {
    this.#over = true;
    this.#calls.gone();
    this.#requests.gone();
    this.#forwarding.gone();
  }

  #taker(): OutputTaker {
    return {
      counts: () => ({ ...this.#meter.counts, dropped: this.#meter.counts.dropped + this.#dropped }),
      take: (stream, bytes, atMs) => this.#take(stream, bytes, atMs),
    };
  }

  async #take(stream: Stream, bytes: Buffer, atMs: number): Promise<void> {
    // Nobody but init has this, and it says nothing there beside its records unless something is wrong with it.
    if (stream === 'stderr') return this.#complain(bytes);
    try {
      for (const frame of this.#frames.push(bytes)) await this.#hear(frame, atMs);
    } catch (error) {
      if (!(error instanceof FrameForged)) throw error;
      this.#run.tampered(error.message);
    }
  }

  #complain(bytes: Buffer): void {
    const said = displayableLine(bytes.toString('utf8'), COMPLAINT_CHARS_MAX);
    this.#run.tampered(`failed, or was spoken over from inside: ${said}`);
  }

  async #hear({ kind, number, payload }: Frame, atMs: number): Promise<void> {
    if (isConnectionKind(kind)) return this.#forwarding.hear(number, kind, payload);
    if (kind === 'o' || kind === 'e')
      return this.#hearOutput(kind === 'o' ? 'stdout' : 'stderr', number, payload, atMs);
    if (kind === 'f') {
      const why = displayableLine(payload.toString('utf8'), COMPLAINT_CHARS_MAX);
      if (!this.#calls.refused(number, why)) this.#requests.refused(number, why);
      return;
    }
    if (kind === 'q') return this.#hearCount(parseCount(payload) ?? this.#misheard(kind));
    if (!isCallKind(kind)) return this.#requests.hear(number, kind, payload);
    this.#hearOfCall(kind, number, payload);
  }

  #hearOfCall(kind: 'p' | 'r' | 'd', number: number, payload: Buffer): void {
    if (kind === 'p') return void (this.#calls.began(number, payload) || this.#misheard(kind));
    const dropped = kind === 'r' ? this.#calls.reported(number, payload) : parseCount(payload);
    if (dropped === null) this.#misheard(kind);
    this.#dropped += dropped ?? 0;
  }

  #misheard(kind: string): never {
    throw new FrameForged(`said "${kind}" in a way it would not`);
  }

  async #hearOutput(stream: Stream, number: number, payload: Buffer, atMs: number): Promise<void> {
    const speaker = this.#calls.speaker(number);
    if (speaker === null) return this.#misheard('output of no call');
    this.#speaker = speaker;
    speaker.call?.wrote(stream, payload);
    await this.#meter.take(stream, payload, atMs);
  }

  async #deliver(chunk: OutputChunk): Promise<void> {
    const { id, call } = this.#speaker;
    const said = { ...chunk, callId: id, late: call === undefined };
    await this.#hooks.onOutput(said);
    await call?.request.onOutput?.(said);
  }

  /** Init ends calls by itself. One that does not, and says nothing either, was stopped by the guest: to wait on would be in vain. */
  #lookAtOverdue(): void {
    if (this.#run.initSilentMs > INIT_SILENCE_MS) this.#run.tampered('was stopped from inside');
  }

  #hearCount(heardBytes: number): void {
    if (this.#orders.lost(heardBytes, performance.now()))
      this.#run.tampered('was robbed from inside of what it was told');
  }
}
