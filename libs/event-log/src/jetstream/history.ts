import { streams, subjects } from '@crucible/events';
import type { EvaluationId } from '@crucible/events';
import type { StoredMsg } from 'nats';
import { toStoredEvent } from '../codec.ts';
import type { EventHistory, HistoryRange } from '../history.ts';
import type { StoredEvent } from '../port.ts';
import { isNoMessage, unavailable } from './connection.ts';
import type { Bus } from './connection.ts';
import { toStoredMessage } from './stored-message.ts';

/** Stretches of the log that are read at once. */
const STRETCHES = 16;
/** What one stretch gives at most before what lies behind it is read anew. With the one above: what is held at once. */
const EVENTS_PER_STRETCH_MAX = 64;
const POSITIONS_PER_STRETCH_MAX = 65_536;
/** Aimed at, so that a stretch is seldom cut where messages begin to lie denser. */
const EVENTS_PER_STRETCH = EVENTS_PER_STRETCH_MAX / 2;

/** What a stretch held; `readTo` is the last position that was looked at. */
interface Stretch {
  readonly messages: readonly StoredMsg[];
  readonly readTo: number;
}

const toEvent = (message: StoredMsg): StoredEvent => toStoredEvent(toStoredMessage(message));

/** How long stretches are to be after one round gave `events` of `positions`. */
const nextLength = (length: number, events: number, positions: number): number =>
  events === 0
    ? Math.min(POSITIONS_PER_STRETCH_MAX, length * 4)
    : Math.min(POSITIONS_PER_STRETCH_MAX, length * 4, Math.ceil((EVENTS_PER_STRETCH * positions) / events));

/**
 * The past, by the server's direct reads: no consumer is made. A direct read gives one message and only then is known
 * where the next one is, so a range is cut into stretches, read side by side; their length follows how dense the messages
 * lie.
 */
export class JetStreamHistory implements EventHistory {
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  async readAt(position: number): Promise<StoredEvent | null> {
    try {
      return toEvent(await this.#bus.direct.getMessage(streams.events, { seq: position }));
    } catch (error) {
      if (isNoMessage(error)) return null;
      throw unavailable(`read the event at ${position}`, error);
    }
  }

  /** A wildcard below an evaluation leaves out the evaluation itself: readings of each kind, put together in order. */
  async *readEvaluation(id: EvaluationId, range: HistoryRange = {}): AsyncGenerator<StoredEvent> {
    const kinds = [subjects.evaluation(id), subjects.trialsOf(id), subjects.trialCommandsOf(id)];
    const readings = kinds.map((subject) => this.#read(subject, range));
    const heads = await Promise.all(readings.map((reading) => reading.next()));
    for (;;) {
      let first = -1;
      heads.forEach((head, index) => {
        const before = first === -1 ? undefined : heads[first];
        if (!head.done && (before === undefined || before.done || head.value.seq < before.value.seq)) first = index;
      });
      const head = heads[first];
      const reading = readings[first];
      if (head === undefined || head.done || reading === undefined) return;
      yield toEvent(head.value);
      heads[first] = await reading.next();
    }
  }

  async *#read(
    subject: string,
    { from = 1, upTo = Number.MAX_SAFE_INTEGER, signal }: HistoryRange,
  ): AsyncGenerator<StoredMsg> {
    let length = EVENTS_PER_STRETCH_MAX;
    let next = Math.max(1, from);
    while (next <= upTo) {
      // Asked for alone: a gap is passed by one question, however long it is.
      const first = await this.#next(subject, next, signal);
      if (first === null || first.seq > upTo) return;
      yield first;
      const begin = first.seq + 1;
      next = begin;
      const starts = Array.from({ length: STRETCHES }, (_, index) => begin + index * length);
      const stretches = await Promise.all(
        starts
          .filter((start) => start <= upTo)
          .map((start) => this.#stretch(subject, start, Math.min(upTo, start + length - 1), signal)),
      );
      let given = 0;
      for (const { messages, readTo } of stretches) {
        yield* messages;
        given += messages.length;
        next = readTo + 1;
        // The rest of this stretch is unread, so those behind it must wait.
        if (messages.length === EVENTS_PER_STRETCH_MAX) break;
      }
      length = nextLength(length, given, next - begin);
    }
  }

  /** Messages from `start` to `end`, one after the other. */
  async #stretch(subject: string, start: number, end: number, signal: AbortSignal | undefined): Promise<Stretch> {
    const messages: StoredMsg[] = [];
    for (let next = start; next <= end && messages.length < EVENTS_PER_STRETCH_MAX;) {
      const message = await this.#next(subject, next, signal);
      if (message === null || message.seq > end) return { messages, readTo: end };
      messages.push(message);
      next = message.seq + 1;
    }
    return { messages, readTo: messages.at(-1)?.seq ?? end };
  }

  async #next(subject: string, seq: number, signal: AbortSignal | undefined): Promise<StoredMsg | null> {
    signal?.throwIfAborted();
    try {
      return await this.#bus.direct.getMessage(streams.events, { seq, next_by_subj: subject });
    } catch (error) {
      if (isNoMessage(error)) return null;
      throw unavailable(`read ${subject}`, error);
    }
  }
}
