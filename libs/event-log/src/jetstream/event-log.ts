import { streams, subjects } from '@crucible/events';
import type { CrucibleEvent } from '@crucible/events';
import { headers as newHeaders } from 'nats';
import type { MsgHdrs } from 'nats';
import { encode, toStoredEvent } from '../codec.ts';
import { SubjectTooLong } from '../port.ts';
import type { AppendRequest, AppendResult, EventLog, FollowOptions, StoredEvent } from '../port.ts';
import { isNoMessage, unavailable, WRONG_LAST_SEQUENCE } from './connection.ts';
import type { Bus } from './connection.ts';
import { followStream } from './follow.ts';
import type { FollowedStream } from './follow.ts';
import { Publisher } from './publisher.ts';
import { toStoredMessage } from './stored-message.ts';
import { readRange } from './subject-range.ts';

/** No try begins later than this after the first; one that hears nothing takes ten seconds by itself. */
const APPEND_MS_MAX = 15_000;
/** Between tries: a server that just came back refuses at once until its streams are there. */
const APPEND_RETRY_MS = 200;
const EVENTS_PER_SUBJECT_MAX = 10_000;
/** Held at once for a follower: 16 MB of the largest events. */
const FOLLOW_WINDOW_MAX = 256;

const followedEvents: FollowedStream = {
  name: streams.events,
  everything: subjects.events,
  mayHaveGaps: false,
  windowMax: FOLLOW_WINDOW_MAX,
};

const headersOf = (event: CrucibleEvent, expectedSequence: number | undefined): MsgHdrs => {
  const headers = newHeaders();
  headers.set('content-type', 'application/cloudevents+json');
  if (event.traceparent !== undefined) headers.set('traceparent', event.traceparent);
  headers.set('Nats-Msg-Id', event.id);
  if (expectedSequence !== undefined) headers.set('Nats-Expected-Last-Subject-Sequence', String(expectedSequence));
  return headers;
};

export class JetStreamEventLog implements EventLog {
  readonly #bus: Bus;
  readonly #publisher: Publisher;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#publisher = Publisher.of(bus.nc);
  }

  async append(request: AppendRequest): Promise<AppendResult> {
    const encoded = encode(request, this.#bus.edge);
    if (!encoded.ok) return { ok: false, failure: 'oversize', bytes: encoded.bytes };
    const { event, body } = encoded;
    let lastError: unknown;
    for (const deadline = performance.now() + APPEND_MS_MAX; performance.now() < deadline;) {
      try {
        return await this.#publish(request, event, body);
      } catch (error) {
        // The acknowledgement is lost, the message may not be. The subject's last message tells which.
        lastError = error;
        const settled = await this.#readBack(request, event).catch(() => undefined);
        if (settled !== undefined) return settled;
        if (this.#bus.nc.isClosed()) break;
        await new Promise((resolve) => setTimeout(resolve, APPEND_RETRY_MS));
      }
    }
    throw unavailable(`append to ${request.subject}`, lastError);
  }

  async #publish(request: AppendRequest, event: CrucibleEvent, body: Uint8Array): Promise<AppendResult> {
    const { subject, expectedSequence } = request;
    const ack = await this.#publisher.publish(subject, body, headersOf(event, expectedSequence));
    if (ack.ok) return { ok: true, position: ack.sequence, event };
    if (ack.code !== WRONG_LAST_SEQUENCE) throw new Error(ack.description);
    const last = await this.#last(subject);
    if (last?.id === event.id) return { ok: true, position: last.position, event };
    return { ok: false, failure: 'wrong-sequence', lastSequence: last?.position ?? 0 };
  }

  async #readBack(request: AppendRequest, event: CrucibleEvent): Promise<AppendResult | undefined> {
    const last = await this.#last(request.subject);
    if (last?.id === event.id) return { ok: true, position: last.position, event };
    const { expectedSequence } = request;
    if (expectedSequence !== undefined && (last?.position ?? 0) !== expectedSequence) {
      return { ok: false, failure: 'wrong-sequence', lastSequence: last?.position ?? 0 };
    }
    return undefined;
  }

  async #last(subject: string): Promise<{ position: number; id: string } | undefined> {
    try {
      const message = await this.#bus.jsm.streams.getMessage(streams.events, { last_by_subj: subject });
      return { position: message.seq, id: message.header.get('Nats-Msg-Id') };
    } catch (error) {
      if (isNoMessage(error)) return undefined;
      throw error;
    }
  }

  async readSubject(subject: string, from = 1): Promise<{ events: StoredEvent[]; lastSequence: number }> {
    // Asked for first: whatever is appended meanwhile is then found by reading on, and cannot fall between the two.
    const lastBefore = from > 1 ? await this.#lastPosition(subject) : 0;
    const events: StoredEvent[] = [];
    let next = from;
    for (;;) {
      try {
        const message = await this.#bus.direct.getMessage(streams.events, { seq: next, next_by_subj: subject });
        if (events.length === EVENTS_PER_SUBJECT_MAX)
          throw new SubjectTooLong(`${subject} has more than ${EVENTS_PER_SUBJECT_MAX} events from ${from} on`);
        events.push(toStoredEvent(toStoredMessage(message)));
        next = message.seq + 1;
      } catch (error) {
        if (isNoMessage(error)) break;
        throw error instanceof SubjectTooLong ? error : unavailable(`read ${subject}`, error);
      }
    }
    return { events, lastSequence: events.at(-1)?.position ?? lastBefore };
  }

  async *readAll(subject: string, from = 1): AsyncIterable<StoredEvent> {
    // What is behind this comes while it is read, and might be met out of order.
    const upTo = await this.#lastPosition(subject);
    for await (const message of readRange(this.#bus, subject, { from, upTo })) {
      yield toStoredEvent(toStoredMessage(message));
    }
  }

  async #lastPosition(subject: string): Promise<number> {
    try {
      return (await this.#last(subject))?.position ?? 0;
    } catch (error) {
      throw unavailable(`read the last event of ${subject}`, error);
    }
  }

  async head(): Promise<number> {
    try {
      return (await this.#bus.jsm.streams.info(streams.events)).state.last_seq;
    } catch (error) {
      throw unavailable('read the head of the log', error);
    }
  }

  async *follow(options: FollowOptions): AsyncIterable<StoredEvent> {
    for await (const message of followStream(this.#bus, followedEvents, options)) {
      yield toStoredEvent(toStoredMessage(message));
    }
  }
}
