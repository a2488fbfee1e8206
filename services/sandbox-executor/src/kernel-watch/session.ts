import type { KernelReport } from '@crucible/domain';
import type { Act, OnAct } from './acts.ts';
import { toLine } from './acts.ts';
import { changesNetwork, changesView } from './call-rules.ts';
import { Evidence } from './evidence.ts';
import { Findings } from './findings.ts';
import { decode } from './messages.ts';
import { hitsOf } from './rules.ts';
import { Interpreter } from './interpreter.ts';

const INIT = 1;

/** What one trial's sandbox did, as told by its gVisor. */
export interface WatchReport extends KernelReport {
  /** A process or thread could not be started for want of room: the limit on processes. */
  readonly pidsLimitHit: boolean;
  /** A file could not be made for want of room. */
  readonly diskFull: boolean;
  /** Exit status of the container's first process, as `wait` gives it; null if the sandbox ended without telling. */
  readonly initStatus: number | null;
  /** What the listener or the sink of this trial failed with, as text; the trial is then not `observed`. */
  readonly failure?: string;
}

/** Everything about one connection from one sandbox, fed packet by packet. Never throws on what a packet holds. */
export class Session {
  readonly evidence = new Evidence();
  containerId: string | undefined;
  /** Set by whoever attaches: the places the trial may write to. */
  writable: readonly string[] = [];
  /** Set by whoever attaches: tells an act as another's. */
  attribute: ((act: Act) => Act) | undefined;
  /** Set by whoever attaches: the one address of the loopback that the trial was given to speak to. */
  endpoint: string | null = null;
  /** Set by whoever attaches: hears of each act from then on. */
  onAct: OnAct | undefined;
  #listenerFailure: unknown;
  #dropped = 0;
  #malformed = 0;
  #ended = false;
  #pidsLimitHit = false;
  #diskFull = false;
  #guestBegan = false;
  #viewChanged = false;
  #networkChanged = false;
  readonly #findings = new Findings();
  readonly #interpreter = new Interpreter();

  readonly #onNamed: (containerId: string) => void;

  /** @param onNamed called once, as soon as the container is known and before anything of it is judged */
  constructor(writable: readonly string[], onNamed: (containerId: string) => void = () => undefined) {
    this.writable = writable;
    this.#onNamed = onNamed;
  }

  /** One packet after the handshake. */
  take(packet: Buffer): void {
    const decoded = decode(packet);
    if (decoded.dropped < this.#dropped) this.#malformed += 1;
    this.#dropped = Math.max(this.#dropped, decoded.dropped);
    if (!decoded.ok) {
      this.#malformed += 1;
      return;
    }
    const { message } = decoded;
    // The first message names the container, and only the first: a session tells of one container.
    if ((message.type === 'start') !== (this.containerId === undefined)) {
      this.#malformed += 1;
      return;
    }
    if (message.type === 'start') {
      this.containerId = message.containerId;
      this.#onNamed(message.containerId);
    }
    for (const act of this.#interpreter.read(message)) this.#judge(act);
  }

  /** The connection has ended; call once. */
  end(): void {
    this.#ended = true;
    for (const act of this.#interpreter.end()) this.#judge(act);
    this.evidence.flush();
  }

  /** Nobody listens any more: the last records go out. */
  close(): void {
    this.onAct = undefined;
    this.evidence.end(this.#interpreter.lastMs, { dropped: this.#dropped, malformed: this.#malformed });
  }

  get ended(): boolean {
    return this.#ended;
  }

  report(): WatchReport {
    const failure = this.#listenerFailure ?? this.evidence.failure;
    return {
      observed: this.#ended && this.containerId !== undefined && failure === undefined,
      records: this.evidence.seen,
      sampledOut: this.evidence.leftOut,
      dropped: this.#dropped,
      malformed: this.#malformed,
      concealed: this.#interpreter.concealed,
      findings: this.#findings.list(),
      findingsOmitted: this.#findings.omitted,
      pidsLimitHit: this.#pidsLimitHit,
      diskFull: this.#diskFull,
      initStatus: this.#interpreter.initStatus,
      ...(failure === undefined ? {} : { failure: String(failure) }),
    };
  }

  #judge(told: Act): void {
    const act = this.attribute?.(told) ?? told;
    const box = {
      writable: this.writable,
      viewChanged: this.#viewChanged,
      networkChanged: this.#networkChanged,
      endpoint: this.endpoint,
    };
    let telling = act.kind === 'concealed';
    // Until another process than init does something there is no guest: init looks around and lays out tripwires.
    this.#guestBegan ||= act.tgid !== INIT;
    const hits = this.#guestBegan ? hitsOf(act, box) : [];
    for (const hit of hits) if (this.#findings.add(hit, act.t)) telling = true;
    this.#viewChanged ||= changesView(act);
    this.#networkChanged ||= changesNetwork(act);
    // The sandbox's own init makes a fork fail on purpose, to prove that the limit holds.
    if (act.kind === 'spawned' && act.tgid !== INIT) this.#pidsLimitHit ||= act.errno === 'EAGAIN';
    if (act.kind === 'open') this.#diskFull ||= act.errno === 'ENOSPC';
    const n = this.evidence.seen + 1;
    const at = this.#interpreter.epochMs(act.t);
    if (this.#isTelling(act, n, at)) telling = true;
    this.evidence.add(telling, () => toLine(act, n, at));
  }

  /** A listener that breaks costs its own trial its evidence, and no other trial anything. */
  #isTelling(act: Act, n: number, at: number): boolean {
    if (!this.onAct) return false;
    try {
      return this.onAct(act, n, at);
    } catch (error) {
      this.onAct = undefined;
      this.#listenerFailure = error ?? new Error('the listener to kernel acts failed');
      return true;
    }
  }
}
