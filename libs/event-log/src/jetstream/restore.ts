import { streams } from '@crucible/events';
import { headers as newHeaders, nanos } from 'nats';
import type { MsgHdrs } from 'nats';
import type { EvidenceChunk, EvidencePlace } from '../port.ts';
import { unavailable } from './connection.ts';
import type { Bus } from './connection.ts';
import { JetStreamContent } from './content.ts';
import { subjectOfEvidence } from './evidence.ts';
import { Publisher } from './publisher.ts';

/** Messages sent and not yet acknowledged. */
const OUTSTANDING_MAX = 256;
/** The shortest window in which a server takes two messages with one id for one: an old log may have them further apart. */
const DUPLICATE_WINDOW_MS = 100;
/** After this the server has surely forgotten an id: it looks once a window. */
const FORGOTTEN_MS = 4 * DUPLICATE_WINDOW_MS;
const TWO_MINUTES_MS = 120_000;
const MESSAGE_ID = 'nats-msg-id';
/** A file must not say anything elsewhere: other subjects are orders to the server. */
const SUBJECT = /^crucible\.events(\.[^\s.*>]+)+$/u;
/** Headers that the server writes, or acts upon, however they are written: a file must not tell it what to do. */
const SERVERS = 'nats-';

/** Thrown when the streams that a log is to be restored into hold something already, or give a message another place. */
export class RestoreRefused extends Error {
  override readonly name = 'RestoreRefused';
}

/** One message of a log elsewhere, with the bytes it has there. */
export interface MessageToRestore {
  readonly position: number;
  readonly subject: string;
  readonly messageId: string | null;
  readonly body: Uint8Array;
}

/**
 * Writes the messages of another log into empty streams: the same bytes under the same subjects and ids at the same
 * positions. Everything else that fails throws `BusUnavailable`; what was written then is a part, and of no use.
 */
export class JetStreamRestore {
  readonly #bus: Bus;
  readonly #content: JetStreamContent;
  readonly #publisher: Publisher;
  readonly #outstanding: Promise<void>[] = [];
  /** Ids sent of late, with the time. */
  readonly #recent = new Map<string, number>();
  #failure: unknown;

  private constructor(bus: Bus) {
    this.#bus = bus;
    this.#content = new JetStreamContent(bus);
    this.#publisher = Publisher.of(bus.nc);
  }

  /** @throws RestoreRefused when the log or its evidence is not empty */
  static async begin(bus: Bus): Promise<JetStreamRestore> {
    for (const stream of [streams.events, streams.evidence]) {
      const { state } = await bus.jsm.streams.info(stream);
      if (state.last_seq > 0) throw new RestoreRefused(`the stream ${stream} is not empty`);
    }
    await setDuplicateWindow(bus, DUPLICATE_WINDOW_MS);
    return new JetStreamRestore(bus);
  }

  /** Events come in the order of their positions. Resolves when there is room for more. */
  async event({ position, subject, messageId, body }: MessageToRestore): Promise<void> {
    if (!SUBJECT.test(subject)) throw new RestoreRefused(`event ${position} is not under a subject of the log`);
    const headers = newHeaders();
    headers.set('content-type', 'application/cloudevents+json');
    await this.#untilForgotten(messageId);
    await this.#send(async () => {
      const ack = await this.#publish(subject, body, headers, messageId);
      if (ack !== position) throw new RestoreRefused(`event ${position} was stored at ${ack}`);
    });
  }

  async evidence(place: EvidencePlace, { headers, body }: EvidenceChunk): Promise<void> {
    const all = newHeaders();
    for (const [key, value] of Object.entries(headers)) if (!key.toLowerCase().startsWith(SERVERS)) all.set(key, value);
    const messageId = headers[MESSAGE_ID] ?? null;
    await this.#untilForgotten(messageId);
    await this.#send(async () => void (await this.#publish(subjectOfEvidence(place), body, all, messageId)));
  }

  /** @throws Error when the store makes another digest of the bytes */
  async content(digest: string, bytes: Uint8Array): Promise<void> {
    const stored = await this.#content.put(bytes);
    if (stored !== digest) throw new RestoreRefused(`content ${digest} has the digest ${stored}`);
  }

  /** Waits for what is under way and leaves the log as it is otherwise made. */
  async end(): Promise<void> {
    await this.#settled();
    this.#throwFailure();
    await setDuplicateWindow(this.#bus, TWO_MINUTES_MS);
  }

  async #publish(subject: string, body: Uint8Array, headers: MsgHdrs, messageId: string | null): Promise<number> {
    if (messageId !== null) headers.set('Nats-Msg-Id', messageId);
    const ack = await this.#publisher.publish(subject, body, headers);
    if (!ack.ok) throw new RestoreRefused(`the server refused a message of ${subject}: ${ack.description}`);
    return ack.sequence;
  }

  /** Sends nothing under an id that the server may still remember: what comes behind it would take its place. */
  async #untilForgotten(messageId: string | null): Promise<void> {
    const now = performance.now();
    for (const [id, sentAt] of this.#recent) {
      if (now - sentAt < FORGOTTEN_MS) break;
      this.#recent.delete(id);
    }
    if (messageId === null) return;
    if (this.#recent.has(messageId)) {
      await this.#settled();
      await new Promise((resolve) => setTimeout(resolve, FORGOTTEN_MS));
      this.#recent.clear();
    }
    this.#recent.set(messageId, performance.now());
  }

  async #send(send: () => Promise<void>): Promise<void> {
    this.#throwFailure();
    this.#outstanding.push(send().catch((error: unknown) => void (this.#failure ??= error)));
    // Acknowledged in order, so the oldest is what to wait for.
    if (this.#outstanding.length >= OUTSTANDING_MAX) await this.#outstanding.shift();
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#outstanding.splice(0));
  }

  #throwFailure(): void {
    if (this.#failure === undefined) return;
    throw this.#failure instanceof RestoreRefused ? this.#failure : unavailable('restore', this.#failure);
  }
}

const setDuplicateWindow = async ({ jsm }: Bus, ms: number): Promise<void> => {
  for (const stream of [streams.events, streams.evidence])
    await jsm.streams.update(stream, { duplicate_window: nanos(ms) });
};
