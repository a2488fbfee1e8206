import type {
  Channel,
  CrucibleEvent,
  DecodeFailure,
  EvaluationId,
  LiveMessage,
  NewEvent,
  Origin,
  TrialId,
} from '@crucible/events';

/** One message of the log as it is stored. `body` is the truth: hashes are over exactly these bytes. */
export interface StoredMessage {
  readonly position: number;
  readonly subject: string;
  /** Under which it was published, so that a repeat was noticed; null where a foreign writer gave none. */
  readonly messageId: string | null;
  readonly body: Uint8Array;
}

/** An event with its place, or the reason why the stored bytes are not one. Readers must decide; nothing is skipped unseen. */
export type StoredEvent = StoredMessage &
  ({ readonly ok: true; readonly event: CrucibleEvent } | { readonly ok: false; readonly undecodable: DecodeFailure });

export type AppendResult =
  | { readonly ok: true; readonly position: number; readonly event: CrucibleEvent }
  /** Somebody else wrote to the subject first: fold again and decide again. */
  | { readonly ok: false; readonly failure: 'wrong-sequence'; readonly lastSequence: number }
  | { readonly ok: false; readonly failure: 'oversize'; readonly bytes: number };

export interface AppendRequest {
  readonly subject: string;
  readonly event: NewEvent;
  readonly origin: Origin;
  /** Sequence of the last message of the subject that the decision rests on; 0 for none. Absent: append whatever is there. */
  readonly expectedSequence?: number;
}

export interface FollowOptions {
  /** First position wanted, from 1. */
  readonly from: number;
  /** A subject or wildcard of the stream; everything when absent. */
  readonly subject?: string;
  readonly signal: AbortSignal;
}

/**
 * The append-only log of events.
 *
 * Failures that are values: `wrong-sequence`, `oversize`. Everything else throws `BusUnavailable`: the append may or may
 * not have happened, and asking again with the same decision is safe because the expected sequence guards it.
 */
export interface EventLog {
  append(request: AppendRequest): Promise<AppendResult>;
  /**
   * All events of one subject (no wildcard) from a position on, oldest first, with the sequence of the subject's last one
   * (0 when there is none). @throws SubjectTooLong beyond 10,000 events: a part would pass for the whole
   */
  readSubject(
    subject: string,
    from?: number,
  ): Promise<{ readonly events: readonly StoredEvent[]; readonly lastSequence: number }>;
  /**
   * The events of one subject (no wildcard) from a position on that are there when it is asked, oldest first and however many:
   * they are read in pages, and none is kept. @throws BusUnavailable where it cannot go on
   */
  readAll(subject: string, from?: number): AsyncIterable<StoredEvent>;
  /** Position of the newest event, 0 when the log is empty. */
  head(): Promise<number>;
  /**
   * Every event from a position on, in order, without gaps or repeats, through reconnections; ends with the signal.
   * @throws LogIncomplete where one is missing though there are later ones; of a part of the subjects only what is there is known
   */
  follow(options: FollowOptions): AsyncIterable<StoredEvent>;
}

/** A piece of a trial's evidence as it is stored. */
export interface EvidenceChunk {
  readonly sequence: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface EvidencePlace {
  readonly evaluationId: EvaluationId;
  readonly trialId: TrialId;
  readonly channel: Channel;
}

export interface EvidenceStore {
  /** Appends one chunk. `messageId` makes a repeat harmless. @throws BusUnavailable */
  append(
    place: EvidencePlace,
    messageId: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
  ): Promise<void>;
  /** Up to `limit` chunks behind `after`, oldest first. */
  read(place: EvidencePlace, after: number, limit: number): Promise<readonly EvidenceChunk[]>;
  follow(place: EvidencePlace, after: number, signal: AbortSignal): AsyncIterable<EvidenceChunk>;
  /** Removes every chunk of one channel for good, and says how many there were. Again is harmless. @throws BusUnavailable */
  erase(place: EvidencePlace): Promise<number>;
  /** The channels of an evaluation, or of one trial of it, that hold a chunk. @throws BusUnavailable */
  places(evaluationId: EvaluationId, trialId?: TrialId): Promise<readonly EvidencePlace[]>;
  /** The place of the oldest chunk behind `after`, or null when there is none. @throws BusUnavailable */
  oldest(after: number): Promise<{ readonly sequence: number; readonly place: EvidencePlace } | null>;
  /** Bytes on disk, and the bound that the store itself has; null when it has none. @throws BusUnavailable */
  usage(): Promise<{ readonly bytes: number; readonly bytesMax: number | null }>;
}

/** One piece of work for an executor: a dispatched trial and the position of that event. */
export interface WorkItem {
  readonly evaluationId: EvaluationId;
  readonly trialId: TrialId;
  readonly position: number;
}

/** A message of a work queue as it is stored; `position` is its place in the queue's own stream. */
export type QueuedMessage = StoredMessage & {
  /**
   * 1 on first delivery. As the server counts: one of 2.9 forgets a delivery that fell due while nobody took any, so this
   * can be fewer than there were, by one for each such time.
   */
  readonly delivery: number;
};

export interface Work {
  readonly item: WorkItem;
  readonly message: StoredMessage;
  /** 1 on first delivery; more means that an earlier taker died or lost the bus. */
  readonly delivery: number;
  /** Takes the work off the queue. */
  done(): Promise<void>;
  /** Gives it back, to be delivered again after `delayMs`. */
  later(delayMs: number): void;
}

export interface WorkQueue {
  /** Queues an item once, however often it is asked for. `round`: queue it once more for this reason, named by a position. */
  push(pool: string, item: WorkItem, round?: number): Promise<void>;
  /**
   * Takes work of one pool while less than `capacity()` is in hand; each item's lease is extended until it is let go. Bytes
   * that are no item go to `onUnreadable` and are let go when it has resolved; until then they come again. Ends with the signal.
   */
  take(
    pool: string,
    capacity: () => number,
    signal: AbortSignal,
    onWork: (work: Work) => Promise<void>,
    onUnreadable?: (message: QueuedMessage) => Promise<void>,
  ): Promise<void>;
}

/** Content-addressed bulk: suites by the SHA-256 of their bytes. Writing the same bytes twice stores them once. */
export interface ContentStore {
  put(bytes: Uint8Array): Promise<string>;
  /** @throws ContentMissing, ContentCorrupt, BusUnavailable */
  get(digest: string): Promise<Uint8Array>;
}

/** A signed root with its place among them. */
export interface StoredCheckpoint {
  /** From 1, without gaps. */
  readonly sequence: number;
  readonly note: string;
}

/** Signed roots, append-only. Every failure throws `BusUnavailable`. */
export interface Checkpoints {
  /** The sequence it got. */
  append(note: string): Promise<number>;
  last(): Promise<string | null>;
  /** Up to `limit` of them behind the sequence `after`, oldest first. */
  read(after: number, limit: number): Promise<readonly StoredCheckpoint[]>;
}

/** The fast path beside the log: delivered at most once, so never the only record of anything. */
export interface Control {
  cancel(evaluationId: EvaluationId): void;
  onCancel(handler: (evaluationId: EvaluationId) => void): void;
  /** Says that a stop is being engaged; the body is an event like the one that is then its record, under another id. */
  stop(engaged: CrucibleEvent<'crucible.stop.engaged.v1'>): void;
  /** What is no such event is not heard. */
  onStop(handler: (engaged: CrucibleEvent<'crucible.stop.engaged.v1'>) => void): void;
}

export interface TrialPlace {
  readonly evaluationId: EvaluationId;
  readonly trialId: TrialId;
}

/** What is to be seen of a trial before it is on record: delivered at most once, to whoever listens just then, kept nowhere. */
export interface LiveReplies {
  tell(place: TrialPlace, message: LiveMessage): void;
  /** What is no such message is not heard. Returns how to end listening. */
  listen(place: TrialPlace, listener: (message: LiveMessage) => void): () => void;
}

export class BusUnavailable extends Error {
  override readonly name = 'BusUnavailable';
}
/** The log lacks an event that it had, or has none where there are later ones. No reader goes on behind it. */
export class LogIncomplete extends Error {
  override readonly name = 'LogIncomplete';
}
export class SubjectTooLong extends Error {
  override readonly name = 'SubjectTooLong';
}
export class ContentMissing extends Error {
  override readonly name = 'ContentMissing';
}
export class ContentCorrupt extends Error {
  override readonly name = 'ContentCorrupt';
}

/** Thrown by a handler of `DurableEvents` that knows when it wants the event again. Nothing is wrong with the handler. */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';
  readonly delayMs: number;

  constructor(message: string, delayMs: number) {
    super(message);
    this.delayMs = delayMs;
  }
}

export interface DurableOptions {
  readonly durable: string;
  readonly subject: string;
  /** Events in hand at once; 1 keeps the order as long as nothing fails. */
  readonly concurrency: number;
  /** Events that may wait for another delivery before no new one is given out; `concurrency` when absent. */
  readonly pendingMax?: number;
}

export interface DurableEvents {
  /**
   * Hands events of a subject to `handle`, each until it succeeds: what throws is delivered again with back-off, or after
   * the delay of a `RetryLater`. The place is kept at the server under the durable's name. `delivery` is 1 at first and
   * grows with each one after it, also over restarts of this process. Ends with the signal and the events in hand.
   */
  consume(
    options: DurableOptions,
    signal: AbortSignal,
    handle: (stored: StoredEvent, delivery: number) => Promise<void>,
  ): Promise<void>;
}
