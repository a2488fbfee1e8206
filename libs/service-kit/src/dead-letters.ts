import { createHash } from 'node:crypto';
import { BusUnavailable, SubjectTooLong } from '@crucible/event-log';
import type { EventLog, StoredEvent, StoredMessage } from '@crucible/event-log';
import { displayableLine, subjects } from '@crucible/events';
import type { CrucibleEvent, EventData, NewEvent, Origin } from '@crucible/events';
import type { Logger } from './logger.ts';
import { inAnswerTo } from './telemetry.ts';

const DETAIL_CHARS_MAX = 2_000;
const SUBJECT_CHARS_MAX = 500;
const CONFLICTS_MAX = 20;
const REMEMBERED_MAX = 100_000;
const READ_MS_MAX = 10_000;
/** Namespace of dead letters' ids, a random UUID chosen once. */
const NAMESPACE = Buffer.from('0d5c7c6e92a14f0fb6a1f1c3a4de7b19', 'hex');

export type DeadLetterRecord = EventData<'crucible.dead-letter.recorded.v1'>;
type Settled = EventData<'crucible.dead-letter.settled.v1'>;
export type RedriveRequest = CrucibleEvent<'crucible.dead-letter.redrive-requested.v1'>;

/** A message that is put aside, and why. */
export interface Unhandled extends Pick<DeadLetterRecord, 'stream' | 'reason' | 'deliveries' | 'detail'> {
  /** Name of the consumer within its service, as `webhook`. */
  readonly consumer: string;
  readonly message: StoredMessage & { readonly event?: CrucibleEvent };
}

/** Thrown by whoever cannot take a message once more, in words for the person who asked for it. */
export class NotRedrivable extends Error {
  override readonly name = 'NotRedrivable';
}

/**
 * Id of the one dead letter of a message at a consumer: a name-based UUID (RFC 9562, version 5), so that a process that died
 * between the record and the acknowledgement names the same one when it comes back.
 */
export const deadLetterIdOf = (place: Pick<DeadLetterRecord, 'consumer' | 'stream' | 'position'>): string => {
  const name = `${place.consumer}\n${place.stream}\n${place.position}`;
  const bytes = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
};

/** True for failures that come from the bus being away, and not from what was handled. */
export const isBusAway = (error: unknown): boolean =>
  error instanceof BusUnavailable || (error instanceof Error && error.cause !== undefined && isBusAway(error.cause));

export const wordsOf = (error: unknown): string =>
  displayableLine(error instanceof Error ? `${error.name}: ${error.message}` : String(error), DETAIL_CHARS_MAX);

/**
 * What a service put aside, as the log has it: each message once, whoever of its instances says so first. Before anything
 * is written the subject is read up to its end, and the write holds only if nothing came behind that.
 */
export class DeadLetters {
  readonly service: string;
  readonly #log: EventLog;
  readonly #newId: () => string;
  readonly #logger: Logger;
  readonly #subject: string;
  readonly #letters = new Map<string, DeadLetterRecord>();
  /** Ids of the requests that were answered. */
  readonly #answered = new Set<string>();
  readonly #handlers = new Map<string, (stored: StoredEvent) => Promise<void>>();
  #next = 1;
  #last = 0;
  #forgottenUpTo = 0;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(service: string, log: EventLog, newId: () => string, logger: Logger) {
    this.service = service;
    this.#log = log;
    this.#newId = newId;
    this.#logger = logger;
    this.#subject = subjects.deadLetters(service);
  }

  /** Records a message as put aside, unless it is already. @throws BusUnavailable; asking again is safe */
  async record(unhandled: Unhandled): Promise<void> {
    const data = this.#recordOf(unhandled);
    const { deadLetterId, consumer, position, reason, detail } = data;
    if (this.#isAboutItself(unhandled)) {
      this.#logger.fatal({ consumer, position, detail }, 'passed over without a record: it is a record of a record');
      return;
    }
    const written = await this.#write(
      { type: 'crucible.dead-letter.recorded.v1', data },
      this.#originOf(unhandled.message.event),
      async () => (await this.#known(deadLetterId)) !== undefined,
    );
    if (written) this.#logger.error({ deadLetterId, consumer, position, reason, detail }, 'put aside as a dead letter');
  }

  /** Names who takes a message of this consumer once more when somebody asks for it. */
  onRedrive(consumer: string, handle: (stored: StoredEvent) => Promise<void>): void {
    this.#handlers.set(`${this.service}/${consumer}`, handle);
  }

  /**
   * Has a dead letter handled once more and writes what became of it, once for each request. One that is another service's
   * is left alone. @throws BusUnavailable; asking again is safe
   */
  async redrive(request: RedriveRequest): Promise<void> {
    const { deadLetterId } = request.data;
    await this.#look();
    const letter = await this.#known(deadLetterId);
    if (letter === undefined || this.#answered.has(request.id)) return;
    const ending = await this.#handleAgain(letter);
    const data: Settled = { deadLetterId, ...ending };
    await this.#write({ type: 'crucible.dead-letter.settled.v1', data }, inAnswerTo(this.service, request), () =>
      this.#answered.has(request.id),
    );
    this.#logger.info({ ...data, consumer: letter.consumer, position: letter.position }, 'dead letter redriven');
  }

  #recordOf({ consumer, stream, message, deliveries, reason, detail }: Unhandled): DeadLetterRecord {
    const place = { consumer: `${this.service}/${consumer}`, stream, position: message.position };
    return {
      deadLetterId: deadLetterIdOf(place),
      ...place,
      subject: displayableLine(message.subject, SUBJECT_CHARS_MAX),
      deliveries,
      reason,
      detail: displayableLine(detail, DETAIL_CHARS_MAX),
      bytes: message.body.byteLength,
      sha256: createHash('sha256').update(message.body).digest('hex'),
    };
  }

  /** A handler that fails at our records would otherwise have one written about each, for ever. */
  #isAboutItself({ message }: Unhandled): boolean {
    const { event } = message;
    return event?.type === 'crucible.dead-letter.recorded.v1' && event.data.subject === this.#subject;
  }

  #originOf(cause: CrucibleEvent | undefined): Origin {
    if (cause !== undefined) return inAnswerTo(this.service, cause);
    const actor = `service:${this.service}`;
    return { source: this.service, team: 'default', actor, correlationId: this.#newId() };
  }

  async #handleAgain(letter: DeadLetterRecord): Promise<Omit<Settled, 'deadLetterId'>> {
    try {
      if (letter.stream === 'DISPATCH')
        throw new NotRedrivable('a work queue keeps nothing that was let go: run the evaluation again');
      const handle = this.#handlers.get(letter.consumer);
      if (handle === undefined) throw new NotRedrivable(`${letter.consumer} is no consumer of this version`);
      const stored = await this.#stored(letter.position);
      if (!stored.ok)
        throw new NotRedrivable(`it still cannot be read: ${stored.undecodable.failure}: ${stored.undecodable.detail}`);
      await handle(stored);
      return { outcome: 'handled', detail: '' };
    } catch (error) {
      if (isBusAway(error)) throw error;
      const detail = error instanceof NotRedrivable ? error.message : wordsOf(error);
      return { outcome: 'failed', detail: displayableLine(detail, DETAIL_CHARS_MAX) };
    }
  }

  async #stored(position: number): Promise<StoredEvent> {
    const signal = AbortSignal.timeout(READ_MS_MAX);
    for await (const stored of this.#log.follow({ from: position, signal })) {
      if (stored.position === position) return stored;
      break;
    }
    if (signal.aborted) throw new BusUnavailable(`nothing was read at position ${position}`);
    throw new NotRedrivable(`the log has nothing at position ${position} any more`);
  }

  /** One write at a time: two consumers of a service would only get into each other's way. */
  #write(event: NewEvent, origin: Origin, isThere: () => boolean | Promise<boolean>): Promise<boolean> {
    const writing = this.#writing.then(() => this.#writeOnce(event, origin, isThere));
    this.#writing = writing.catch(() => undefined);
    return writing;
  }

  async #writeOnce(event: NewEvent, origin: Origin, isThere: () => boolean | Promise<boolean>): Promise<boolean> {
    for (let conflicts = 0; conflicts <= CONFLICTS_MAX; conflicts += 1) {
      await this.#look();
      if (await isThere()) return false;
      const expectedSequence = this.#last;
      const result = await this.#log.append({ subject: this.#subject, event, origin, expectedSequence });
      if (result.ok) return true;
      if (result.failure === 'oversize') throw new Error(`a record of ${result.bytes} bytes is too large`);
    }
    throw new BusUnavailable(`others write to ${this.#subject} all the time`);
  }

  async #look(): Promise<void> {
    this.#last = await this.#read(this.#next, (stored) => {
      this.#next = Math.max(this.#next, stored.position + 1);
      if (!stored.ok) return;
      const { event } = stored;
      if (event.type === 'crucible.dead-letter.recorded.v1') this.#remember(event.data, stored.position);
      if (event.type === 'crucible.dead-letter.settled.v1' && event.causationid !== undefined)
        this.#answered.add(event.causationid);
    });
  }

  #remember(letter: DeadLetterRecord, position: number): void {
    this.#letters.set(letter.deadLetterId, letter);
    if (this.#letters.size <= REMEMBERED_MAX) return;
    this.#letters.clear();
    this.#answered.clear();
    this.#forgottenUpTo = position;
  }

  async #known(id: string): Promise<DeadLetterRecord | undefined> {
    let found = this.#letters.get(id);
    if (found !== undefined || this.#forgottenUpTo === 0) return found;
    await this.#read(1, (stored) => {
      if (!stored.ok || stored.event.type !== 'crucible.dead-letter.recorded.v1') return;
      if (stored.event.data.deadLetterId === id) found = stored.event.data;
    });
    return found;
  }

  /** Hands over our subject's events from a position on. @returns the sequence of its last one, 0 for none */
  async #read(from: number, take: (stored: StoredEvent) => void): Promise<number> {
    try {
      const { events, lastSequence } = await this.#log.readSubject(this.#subject, from);
      events.forEach(take);
      return lastSequence;
    } catch (error) {
      if (!(error instanceof SubjectTooLong)) throw error;
    }
    const { lastSequence } = await this.#log.readSubject(this.#subject, Number.MAX_SAFE_INTEGER);
    const over = new AbortController();
    for await (const stored of this.#log.follow({ from, subject: this.#subject, signal: over.signal })) {
      if (stored.position <= lastSequence) take(stored);
      if (stored.position >= lastSequence) break;
    }
    over.abort();
    return lastSequence;
  }
}
