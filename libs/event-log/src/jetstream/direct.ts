import { createInbox } from 'nats';
import type { Msg, MsgHdrs } from 'nats';
import { BusUnavailable } from '../port.ts';
import type { Bus } from './connection.ts';

/** Silence after which a question is asked again. */
const ANSWER_MS_MAX = 2_000;
const LOOK_MS = 100;

/** One stored message. */
export interface DirectMessage {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: MsgHdrs;
}

/** The message at a position or, with a subject, the first of that subject from there on. */
export interface DirectQuery {
  readonly seq: number;
  readonly next_by_subj?: string;
}

/** Called once: with the message, with null when the stream has none there, or with an error when nobody will ever answer. */
export type Settle = (message: DirectMessage | null, error?: BusUnavailable) => void;

interface Question {
  readonly body: string;
  readonly settle: Settle;
  askedAtMs: number;
  again: boolean;
}

/**
 * Many reads at once of single messages of a stream, on one inbox, through reconnections and while the server has not
 * opened its streams yet: a question is asked until it is answered or the connection is closed.
 */
export class DirectReader {
  readonly #bus: Bus;
  readonly #api: string;
  readonly #inbox = createInbox();
  readonly #questions = new Map<string, Question>();
  #asked = 0;
  #connection = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(bus: Bus, stream: string) {
    this.#bus = bus;
    this.#api = `${bus.api}.DIRECT.GET.${stream}`;
    bus.nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#answer(message);
      },
    });
  }

  ask(query: DirectQuery, settle: Settle): void {
    this.#asked += 1;
    const question = { body: JSON.stringify(query), settle, askedAtMs: 0, again: false };
    const token = String(this.#asked);
    this.#questions.set(token, question);
    this.#ask(token, question);
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  #ask(token: string, question: Question): void {
    question.askedAtMs = Date.now();
    question.again = false;
    try {
      this.#bus.nc.publish(this.#api, question.body, { reply: `${this.#inbox}.${token}` });
    } catch (error) {
      this.#questions.delete(token);
      question.settle(null, closed(error));
    }
  }

  #answer(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length + 1);
    const question = this.#questions.get(token);
    if (question === undefined) return;
    const code = message.headers?.code ?? 0;
    // Nobody is there to answer while a server opens its streams.
    if (code === 503) return void (question.again = true);
    this.#questions.delete(token);
    if (code === 404) return question.settle(null);
    const found = code === 0 ? toMessage(message) : undefined;
    if (found !== undefined) return question.settle(found);
    const why = `${code} ${message.headers?.description ?? ''}`;
    question.settle(null, new BusUnavailable(`read ${question.body}: ${why}`));
  }

  /** Asks again what was lost: with a connection, or for another reason. */
  #look(): void {
    if (this.#questions.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const { nc } = this.#bus;
    if (nc.isClosed()) return this.#give();
    const connection = `${nc.info?.server_id ?? ''} ${nc.info?.client_id ?? ''}`;
    const lost = this.#connection !== '' && this.#connection !== connection;
    this.#connection = connection;
    const now = Date.now();
    for (const [token, question] of this.#questions)
      if (lost || question.again || now - question.askedAtMs > ANSWER_MS_MAX) this.#ask(token, question);
  }

  #give(): void {
    const open = [...this.#questions.values()];
    this.#questions.clear();
    for (const { settle } of open) settle(null, closed(undefined));
  }
}

const closed = (cause: unknown): BusUnavailable => new BusUnavailable('the connection is closed', { cause });

const toMessage = ({ headers, data }: Msg): DirectMessage | undefined => {
  if (headers === undefined) return undefined;
  const seq = Number(headers.get('Nats-Sequence'));
  return seq > 0 ? { seq, subject: headers.get('Nats-Subject'), data, headers } : undefined;
};

const readers = new WeakMap<Bus, Map<string, DirectReader>>();

/** The reader of a stream on this connection. */
export const directReader = (bus: Bus, stream: string): DirectReader => {
  const own = readers.get(bus) ?? new Map<string, DirectReader>();
  readers.set(bus, own);
  const reader = own.get(stream) ?? new DirectReader(bus, stream);
  own.set(stream, reader);
  return reader;
};
