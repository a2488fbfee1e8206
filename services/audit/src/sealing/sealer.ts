import type { Checkpoints, EventLog, StoredMessage } from '@crucible/event-log';
import type { Logger } from '@crucible/service-kit';
import {
  formatCheckpoint,
  hashLeaf,
  proveConsistency,
  rootAt,
  subtreesFromTiles,
  toHex,
  verifyConsistency,
} from '@crucible/transparency';
import type { Checkpoint } from '@crucible/transparency';
import { signNote } from '@crucible/transparency/node';
import type { NoteSigner } from '@crucible/transparency/node';
import type { TreeFiles } from '../tree/tree-files.ts';
import type { OwnRecord } from './anchors.ts';
import type { Trail } from './trail.ts';

/** How far behind the log we may be and still be called ready. */
const LAG_EVENTS_MAX = 1_000;
const LOOK_AGAIN_MS = 25;

export interface SealerPorts {
  readonly log: Pick<EventLog, 'head'>;
  readonly checkpoints: Pick<Checkpoints, 'append'>;
  readonly own: Pick<OwnRecord, 'write'>;
  readonly tree: Pick<TreeFiles, 'add' | 'flush' | 'adopt' | 'read' | 'difference'>;
}

export interface SealPolicy {
  readonly eventsMax: number;
  readonly waitMsMax: number;
}

/** A checkpoint that was signed here. `sequence` is its place among the published ones, where it is known. */
export interface Sealed {
  readonly note: string;
  readonly checkpoint: Checkpoint;
  readonly sequence: number | null;
}

/** Thrown where a checkpoint was asked for that cannot be signed now; the message says why. */
export class NotSealed extends Error {
  override readonly name = 'NotSealed';
}

/** Takes every event into trail and tree, and signs and publishes the root when enough came in or enough time went by. */
export class Sealer {
  readonly #trail: Trail;
  readonly #ports: SealerPorts;
  readonly #signer: NoteSigner;
  readonly #policy: SealPolicy;
  #last: Sealed | null;
  /** Length of the log when we began: until it is read, no checkpoint is due. */
  #headAtStart: number | null = null;
  #adopted = false;
  #underWay: Promise<void> | null = null;
  #failure: string | null = null;
  #timer: NodeJS.Timeout | undefined;
  #logger: Logger | undefined;
  #reported = false;

  constructor(
    opened: { trail: Trail; last: Sealed | null },
    ports: SealerPorts,
    signer: NoteSigner,
    policy: SealPolicy,
  ) {
    this.#trail = opened.trail;
    this.#last = opened.last;
    this.#ports = ports;
    this.#signer = signer;
    this.#policy = policy;
  }

  start(logger: Logger): void {
    this.#logger = logger;
    this.#report();
    this.#timer = setInterval(() => void this.tick(), this.#policy.waitMsMax);
    void this.tick();
  }

  /** Signs what came in last and ends. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#underWay;
    await this.tick();
  }

  /** The newest checkpoint, or null before the first one. */
  get last(): Sealed | null {
    return this.#last;
  }

  /** Name of the log. */
  get origin(): string {
    return this.#signer.name;
  }

  /** Number of events that were read. */
  get size(): number {
    return this.#trail.size;
  }

  /** What is wrong with the log, or null. */
  get broken(): string | null {
    if (this.#trail.broken === null) return null;
    const { difference } = this.#ports.tree;
    return difference === null ? this.#trail.broken : `${this.#trail.broken}; ${difference}`;
  }

  /** The next message of the log. One that is given again changes nothing. @throws when the disk takes no more of the tree */
  add(message: Pick<StoredMessage, 'position' | 'body'>): void {
    const leaf = hashLeaf(message.body);
    this.#trail.add(message.position, leaf);
    this.#report();
    if (this.#trail.broken !== null) return;
    this.#ports.tree.add(message.position, leaf);
    if (this.#headAtStart !== null && this.#trail.size - this.#sealed >= this.#policy.eventsMax) void this.tick();
  }

  /** One look at the log's length, and a checkpoint if one is due. Several calls at once are one. */
  tick(): Promise<void> {
    this.#underWay ??= this.#look().finally(() => (this.#underWay = null));
    return this.#underWay;
  }

  /**
   * A checkpoint over everything that the log holds now. Of a log that is not what was signed it is the last one there
   * is: whoever asks should see it against the log.
   * @throws NotSealed when none can be signed in time, or none was ever
   */
  async sealHead(waitMsMax: number): Promise<Sealed> {
    const deadline = performance.now() + waitMsMax;
    const head = await this.#measure();
    while (this.#trail.broken === null && this.#sealed < head) {
      if (this.#trail.size >= head) await this.tick();
      if (this.#sealed >= head) break;
      if (this.#failure !== null) throw new NotSealed(this.#failure);
      if (performance.now() > deadline)
        throw new NotSealed(`${this.#trail.size} of ${head} events were read so far; ask again`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
    if (this.#last === null) throw new NotSealed(this.broken ?? 'the log is empty: there is nothing to sign');
    return this.#last;
  }

  /** Why this service is not to be relied on now, or null. */
  async problem(): Promise<string | null> {
    const head = await this.#measure();
    if (this.broken !== null) return `${this.broken}; no checkpoint is signed any more`;
    const behind = head - this.#trail.size;
    if (behind > LAG_EVENTS_MAX) return `${behind} events behind the log`;
    if (!this.#trail.agreed) return 'the log was not yet compared with the last checkpoint';
    return this.#failure;
  }

  get #sealed(): number {
    return this.#last?.checkpoint.size ?? 0;
  }

  async #look(): Promise<void> {
    try {
      const head = await this.#measure();
      this.#headAtStart ??= head;
      if (!this.#trail.agreed || this.#trail.size < this.#headAtStart) return;
      this.#adopt();
      if (this.#trail.size > this.#sealed) await this.#seal();
      this.#failure = null;
    } catch (error) {
      this.#failure = `no checkpoint could be published: ${error instanceof Error ? error.message : String(error)}`;
      this.#logger?.error({ err: error, size: this.#trail.size }, 'checkpoint not published, trying again');
    }
  }

  async #measure(): Promise<number> {
    // The size from before the question: events that come in while it is answered are no contradiction.
    const { size } = this.#trail;
    const head = await this.#ports.log.head();
    this.#trail.compareWithHead(head, size);
    this.#report();
    return head;
  }

  /** The log is what was signed: the tree just made of it takes the place of the one that was kept. */
  #adopt(): void {
    if (this.#adopted) return;
    this.#ports.tree.adopt();
    this.#adopted = true;
    const { difference } = this.#ports.tree;
    if (difference !== null)
      this.#logger?.error({ difference }, 'the tiles on disk were not those of the log: made anew');
  }

  async #seal(): Promise<void> {
    const checkpoint = { origin: this.#signer.name, size: this.#trail.size, root: this.#trail.root() };
    this.#ports.tree.flush();
    await this.#requireConsistency(checkpoint);
    if (this.#trail.broken !== null) return;
    const note = signNote(formatCheckpoint(checkpoint), this.#signer);
    const sequence = await this.#ports.checkpoints.append(note);
    this.#last = { note, checkpoint, sequence };
    await this.#ports.own.write(note);
    this.#logger?.debug({ size: checkpoint.size }, 'checkpoint published');
  }

  /**
   * What we are about to sign must continue what we signed last, by a proof from the tiles that everybody reads: tiles
   * that somebody changed are then found before anyone is told to trust the root above them.
   */
  async #requireConsistency(next: Checkpoint): Promise<void> {
    const source = subtreesFromTiles(next.size, (tile) => this.#ports.tree.read(tile));
    const root = await rootAt(next.size, source);
    const first = this.#last?.checkpoint;
    const proof = first === undefined ? [] : await proveConsistency(first.size, next.size, source);
    const continues = first === undefined || verifyConsistency({ first, second: next, proof });
    if (toHex(root) === toHex(next.root) && continues) return;
    throw new NotSealed('the tiles on disk are not those of the log; a restart of this service makes them anew');
  }

  #report(): void {
    if (this.#trail.broken === null || this.#reported || this.#logger === undefined) return;
    this.#reported = true;
    this.#logger.fatal({ size: this.#trail.size, reason: this.broken }, 'the log is not what was signed');
  }
}
