import type { Act, OnAct } from './acts.ts';
import type { OnRecords } from './evidence.ts';
import type { Connection, Listener } from './seqpacket.ts';
import { listenSeqpacket } from './seqpacket.ts';
import type { WatchReport } from './session.ts';
import { Session } from './session.ts';
import { HANDSHAKE, isHandshake, PACKET_BYTES_MAX } from './wire.ts';

export interface Attachment {
  /**
   * Call once, when the container is gone. Waits `graceMs` for what the sandbox's gVisor had still to say (longer while the
   * sink or the reading of it is behind), delivers the last batch and gives the report. A session that has not ended by
   * then was not observed to its end.
   */
  close(graceMs?: number): Promise<WatchReport>;
}

export interface AttachOptions {
  /** Places the trial may write to; default `WRITABLE`. */
  readonly writable?: readonly string[];
  /** The one address, `127.0.0.1:port`, that the trial is given to speak to; to call it is no attempt. */
  readonly endpoint?: string | null;
  /** Called with pieces of the `kernel` channel, first of all with what was held from before. */
  readonly onRecords?: OnRecords;
  /** May tell an act as another's, before it is judged and written down. Must not throw. */
  readonly attribute?: (act: Act) => Act;
  /** Called for each act from now on, in order; what was held from before is only in the records. */
  readonly onAct?: OnAct;
}

/** What a sandbox gives every trial to write to. */
export const WRITABLE: readonly string[] = ['/work', '/tmp', '/dev/shm'];

/**
 * A round of reading: how long at most in all, and how much from one sandbox at a time. After a round that found much
 * to read the next one comes soon: the rest of this process has its turn in between.
 */
const ROUND_MS_MAX = 2;
const REST_MS = 1;
const ROUND_EVERY_MS = 4;
/** A round that read so much comes again soon: a send buffer holds some 270 packets, and a guest that fills it waits. */
const BUSY_PACKETS = 32;
const PACKETS_PER_TURN_MAX = 256;
/** Packets between two looks at the clock. */
const PACKETS_PER_LOOK = 32;
/** A connection with nothing to say is asked every so many rounds. Its send buffer holds what comes in between. */
const IDLE_ROUNDS = 4;
const GRACE_MS = 2_000;
const UNSEEN_GRACE_MS = 500;
/** How long a sink that is behind, or a machine that leaves this process no time to read, may hold up a session's end. */
const BEHIND_MS_MAX = 30_000;
/** A connection found empty in so many rounds has no more to say; one that was not is still to be read. */
const EMPTY_ROUNDS = 100;
/** Sessions nobody has attached to: how many are held, and how long after their end. */
const UNCLAIMED_MAX = 256;
const UNCLAIMED_MS = 60_000;

interface Watched {
  readonly connection: Connection;
  readonly session: Session;
  greeted: boolean;
  idleRounds: number;
}

interface Claim {
  readonly options: AttachOptions;
  session: Session | undefined;
  /** Called when the session ends. */
  ended: () => void;
}

/**
 * Watches sandboxes from outside through gVisor's runtime monitoring. Every sandbox of the traced runtime connects to
 * the socket; a session is given to whoever attaches to its container, before or after it connects.
 *
 * All reading is done in short rounds with a bound on their length, in turn between the sandboxes. A guest that makes
 * calls faster than they are read fills its own socket buffer; gVisor then lets the guest wait (`retries` of the sink)
 * instead of losing messages: the guest pays for its flood with its own time, and neither this process nor other
 * sandboxes notice.
 */
export class KernelWatch {
  readonly #watched = new Set<Watched>();
  readonly #claims = new Map<string, Claim>();
  readonly #unclaimed = new Map<string, Session>();
  readonly #buffer = Buffer.allocUnsafe(PACKET_BYTES_MAX);
  #packets = 0;
  #listener: Listener | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @throws SocketTakenError if a live process has the path. */
  listen(socketPath: string): void {
    this.#listener = listenSeqpacket(socketPath, (connection) => this.#accept(connection));
  }

  /** Ends all sessions and removes the socket. */
  close(): void {
    this.#listener?.close();
    clearTimeout(this.#timer);
    for (const watched of this.#watched) this.#end(watched);
    for (const claim of this.#claims.values()) claim.ended();
    this.#unclaimed.clear();
  }

  /**
   * Claims the session of a container, by its full id. Attach as soon as the id is known, before the container starts.
   * @throws Error if the container is already attached.
   */
  attach(containerId: string, options: AttachOptions = {}): Attachment {
    if (this.#claims.has(containerId)) throw new Error(`container ${containerId} is already watched`);
    let ended = (): void => undefined;
    const end = new Promise<void>((resolve) => (ended = resolve));
    const claim: Claim = { options, session: undefined, ended };
    this.#claims.set(containerId, claim);
    const early = this.#unclaimed.get(containerId);
    this.#unclaimed.delete(containerId);
    if (early) this.#join(claim, early);
    return { close: (graceMs = GRACE_MS) => this.#detach(containerId, claim, end, graceMs) };
  }

  /** Whether the container's session has begun and not ended: every act of it is being told. */
  connected(containerId: string): boolean {
    const session = this.#claims.get(containerId)?.session ?? this.#unclaimed.get(containerId);
    return session !== undefined && !session.ended;
  }

  /** Packets read since the start, of all sandboxes together. */
  get packets(): number {
    return this.#packets;
  }

  async #detach(containerId: string, claim: Claim, end: Promise<void>, graceMs: number): Promise<WatchReport> {
    // The sandbox may be gone before its first packet was read: even a session not yet seen is waited for, briefly.
    const waitMs = claim.session ? graceMs : Math.min(graceMs, UNSEEN_GRACE_MS);
    const latest = performance.now() + BEHIND_MS_MAX;
    if (claim.session !== undefined) this.#hasten(claim.session);
    while (!(await isOverWithin(end, waitMs)) && this.#isBehind(claim.session) && performance.now() < latest);
    this.#claims.delete(containerId);
    const session = claim.session ?? new Session(WRITABLE);
    session.close();
    return session.report();
  }

  /** Whether a session may have more to say than was read of it, however long ago its sandbox died. */
  #isBehind(session: Session | undefined): boolean {
    if (session === undefined) return false;
    if (session.evidence.behind) return true;
    return [...this.#watched].some((watched) => watched.session === session && watched.idleRounds < EMPTY_ROUNDS);
  }

  #accept(connection: Connection): void {
    const session: Session = new Session(WRITABLE, (containerId) => this.#introduce(session, containerId));
    this.#watched.add({ connection, session, greeted: false, idleRounds: 0 });
    this.#schedule(REST_MS);
  }

  #schedule(waitMs: number): void {
    if (this.#timer || this.#watched.size === 0) return;
    this.#timer = setTimeout(() => this.#round(), waitMs);
    this.#timer.unref();
  }

  #round(): void {
    this.#timer = undefined;
    const deadline = performance.now() + ROUND_MS_MAX;
    const before = this.#packets;
    while (this.#turns(deadline) && performance.now() < deadline);
    this.#schedule(this.#packets - before >= BUSY_PACKETS ? REST_MS : ROUND_EVERY_MS);
  }

  /** One turn for each sandbox. @returns whether there may be more to read at once */
  #turns(deadline: number): boolean {
    let more = false;
    for (const watched of [...this.#watched]) {
      if (watched.idleRounds > 0 && watched.idleRounds % IDLE_ROUNDS !== 0) {
        watched.idleRounds += 1;
        continue;
      }
      if (this.#drain(watched, deadline)) more = true;
      if (performance.now() > deadline) return true;
    }
    return more;
  }

  /** Reads what there is, within the bounds, and puts the connection at the end of the line. @returns whether more is there */
  #drain(watched: Watched, deadline: number): boolean {
    const { connection, session } = watched;
    this.#watched.delete(watched);
    this.#watched.add(watched);
    for (let packets = 0; packets < PACKETS_PER_TURN_MAX; packets += 1) {
      // What is not read stays with the guest, whose next call waits for room: nothing is dropped, and nothing kept here.
      if (session.evidence.behind) return false;
      const length = connection.read(this.#buffer);
      if (length === 'ended') {
        this.#end(watched);
        return false;
      }
      if (length === 'empty') {
        watched.idleRounds = packets > 0 ? 0 : watched.idleRounds + 1;
        return false;
      }
      this.#packets += 1;
      this.#take(watched, this.#buffer.subarray(0, length));
      if (packets % PACKETS_PER_LOOK === 0 && performance.now() > deadline) break;
    }
    watched.idleRounds = 0;
    return true;
  }

  #take(watched: Watched, packet: Buffer): void {
    const { session, connection } = watched;
    if (!watched.greeted) {
      watched.greeted = isHandshake(packet) && connection.write(HANDSHAKE);
      if (!watched.greeted) this.#end(watched);
      return;
    }
    session.take(packet);
  }

  #introduce(session: Session, containerId: string): void {
    const claim = this.#claims.get(containerId);
    if (claim) return this.#join(claim, session);
    if (this.#unclaimed.size >= UNCLAIMED_MAX) this.#dropUnclaimed();
    this.#unclaimed.set(containerId, session);
  }

  /** One that has ended rather than one that may still be attached to, and the oldest of them. */
  #dropUnclaimed(): void {
    const entries = [...this.#unclaimed];
    const [containerId] = entries.find(([, session]) => session.ended) ?? entries[0] ?? [];
    if (containerId !== undefined) this.#unclaimed.delete(containerId);
  }

  /** A second session for one container would be a forgery or a fault: the first one stays. */
  #join(claim: Claim, session: Session): void {
    if (claim.session) return;
    claim.session = session;
    if (claim.options.writable) session.writable = claim.options.writable;
    session.endpoint = claim.options.endpoint ?? null;
    if (claim.options.onRecords) session.evidence.deliverTo(claim.options.onRecords);
    session.attribute = claim.options.attribute;
    session.onAct = claim.options.onAct;
    this.#hasten(session);
    if (session.ended) claim.ended();
  }

  #end(watched: Watched): void {
    this.#watched.delete(watched);
    watched.connection.close();
    const { session } = watched;
    session.end();
    const { containerId } = session;
    if (containerId === undefined) return;
    const claim = this.#claims.get(containerId);
    if (claim?.session === session) claim.ended();
    if (this.#unclaimed.get(containerId) !== session) return;
    setTimeout(() => {
      if (this.#unclaimed.get(containerId) === session) this.#unclaimed.delete(containerId);
    }, UNCLAIMED_MS).unref();
  }

  /** A sandbox that has long been idle in wait of its trial is about to have much to say. */
  #hasten(session: Session): void {
    for (const watched of this.#watched) if (watched.session === session) watched.idleRounds = 0;
  }
}

const isOverWithin = async (end: Promise<void>, waitMs: number): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), waitMs)));
  try {
    return await Promise.race([end.then(() => true as const), late]);
  } finally {
    clearTimeout(timer);
  }
};
