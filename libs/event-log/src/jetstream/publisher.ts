import { createInbox, Events } from 'nats';
import type { Msg, MsgHdrs, NatsConnection } from 'nats';
import { z } from 'zod';

const ANSWER_MS_MAX = 5_000;
const NO_RESPONDERS = 503;

/** What the server says of a publish. Refusals are values: their number tells the reader which. */
export type Ack =
  | { readonly ok: true; readonly sequence: number }
  | { readonly ok: false; readonly code: number; readonly description: string };

const answerSchema = z.union([
  z.object({ error: z.object({ err_code: z.int().optional(), code: z.int(), description: z.string().default('') }) }),
  z.object({ stream: z.string().min(1), seq: z.int().min(1) }),
]);

interface Pending {
  readonly subject: string;
  readonly deadlineMs: number;
  readonly resolve: (ack: Ack) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Publishes to a stream and waits for the server's word, many at once over one inbox. The client's own way makes two stack
 * traces and a timer for each message, which costs more than the message does.
 */
export class Publisher {
  static readonly #all = new WeakMap<NatsConnection, Publisher>();
  readonly #nc: NatsConnection;
  readonly #inbox: string;
  /** By token, in the order of their deadlines, for all wait equally long. */
  readonly #pending = new Map<string, Pending>();
  #made = 0;
  #timer: NodeJS.Timeout | undefined;

  /** The one of a connection: it lives as long as that. */
  static of(nc: NatsConnection): Publisher {
    let publisher = Publisher.#all.get(nc);
    if (publisher === undefined) {
      publisher = new Publisher(nc);
      Publisher.#all.set(nc, publisher);
    }
    return publisher;
  }

  private constructor(nc: NatsConnection) {
    this.#nc = nc;
    const { options } = nc as unknown as { options?: { inboxPrefix?: string } };
    this.#inbox = createInbox(options?.inboxPrefix);
    nc.subscribe(`${this.#inbox}.*`, { callback: (error, message) => this.#onAnswer(error, message) });
    void this.#watch();
    void nc.closed().then(() => this.#fail(() => true, 'the connection was closed'));
  }

  /** @throws Error when the word does not come in five seconds: the message may be stored all the same */
  publish(subject: string, body: Uint8Array, headers: MsgHdrs): Promise<Ack> {
    return new Promise((resolve, reject) => {
      this.#made += 1;
      const token = this.#made.toString(36);
      this.#nc.publish(subject, body, { reply: `${this.#inbox}.${token}`, headers });
      this.#pending.set(token, { subject, deadlineMs: performance.now() + ANSWER_MS_MAX, resolve, reject });
      this.#timer ??= setTimeout(() => this.#sweep(), ANSWER_MS_MAX);
    });
  }

  #onAnswer(error: Error | null, message: Msg): void {
    if (error !== null) return this.#fail(() => true, error.message);
    const token = message.subject.slice(this.#inbox.length + 1);
    const pending = this.#pending.get(token);
    if (pending === undefined) return;
    this.#pending.delete(token);
    if (message.headers?.code === NO_RESPONDERS)
      return pending.reject(new Error(`no stream takes ${pending.subject} now`));
    const answer = readAnswer(message);
    if (answer === null) return pending.reject(new Error('the server answered what is no acknowledgement'));
    if ('seq' in answer) return pending.resolve({ ok: true, sequence: answer.seq });
    const { err_code, code, description } = answer.error;
    pending.resolve({ ok: false, code: err_code ?? code, description });
  }

  #sweep(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    for (const [token, { deadlineMs, reject }] of this.#pending) {
      if (deadlineMs > nowMs) {
        this.#timer = setTimeout(() => this.#sweep(), deadlineMs - nowMs);
        return;
      }
      this.#pending.delete(token);
      reject(new Error(`no answer in ${ANSWER_MS_MAX} ms`));
    }
  }

  #fail(which: (pending: Pending) => boolean, why: string): void {
    for (const [token, pending] of this.#pending) {
      if (!which(pending)) continue;
      this.#pending.delete(token);
      pending.reject(new Error(why));
    }
    if (this.#pending.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** A publish that is not allowed has no answer: the server tells the connection instead. */
  async #watch(): Promise<void> {
    for await (const { type, data, permissionContext } of this.#nc.status()) {
      if (type !== Events.Error || permissionContext?.operation !== 'publish') continue;
      this.#fail(
        ({ subject }) => subject === permissionContext.subject,
        `${String(data)}: ${permissionContext.subject}`,
      );
    }
  }
}

const decoder = new TextDecoder();
const readAnswer = (message: Msg): z.output<typeof answerSchema> | null => {
  try {
    return answerSchema.parse(JSON.parse(decoder.decode(message.data)));
  } catch {
    return null;
  }
};
