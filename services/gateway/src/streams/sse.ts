import type { FastifyReply, FastifyRequest } from 'fastify';
import { problem, ProblemException } from '../problem.ts';
import { securityHeaders } from '../security-headers.ts';

const HEARTBEAT_MS = 15_000;
/** What a client may leave unread. Beyond it the connection is ended; the client resumes from its last id. */
const UNREAD_BYTES_MAX = 8 * 1024 ** 2;
/** How long a client may take to read what was written before more is read for it. */
const READ_WAIT_MS_MAX = 60_000;

/** One message in the text/event-stream format (WHATWG HTML, section 9.2). `data` must be one line. */
export const sseMessage = (event: string, data: string, id?: number): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`;

/** An open event stream. Everything written after the client has gone is dropped. */
export class SseStream {
  readonly #reply: FastifyReply;
  readonly #abort = new AbortController();

  constructor(reply: FastifyReply) {
    this.#reply = reply;
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, {
      ...securityHeaders,
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
      connection: 'keep-alive',
    });
    raw.write('retry: 1000\n\n');
    const heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
    raw.on('error', () => undefined);
    raw.on('close', () => {
      clearInterval(heartbeat);
      this.#abort.abort();
    });
  }

  /** Aborted when the client has gone or was cut off. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Cuts off a client with too much unread. One message may be larger than that, as a snapshot can be. */
  write(message: string): void {
    const { raw } = this.#reply;
    if (raw.writableEnded || raw.destroyed) return;
    if (raw.writableLength > UNREAD_BYTES_MAX) return this.cut();
    raw.write(message);
  }

  /** Waits until the client has read what was written, and cuts it off when that takes too long. */
  async drained(): Promise<void> {
    const { raw } = this.#reply;
    if (!raw.writableNeedDrain || raw.destroyed) return;
    const late = setTimeout(() => this.cut(), READ_WAIT_MS_MAX);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        raw.off('drain', done).off('close', done);
        resolve();
      };
      raw.on('drain', done).on('close', done);
    });
    clearTimeout(late);
  }

  end(): void {
    this.#reply.raw.end();
  }

  /** Ends the connection at once; its client comes back and resumes. */
  cut(): void {
    this.#reply.raw.destroy();
  }

  /** Unread bytes are a sign of life too, so nothing is added to them. */
  #beat(): void {
    const { raw } = this.#reply;
    if (!raw.writableNeedDrain) this.write(': heartbeat\n\n');
  }
}

/**
 * Where a client wants to go on: its `Last-Event-ID`, else `?after=`; undefined for a fresh start.
 * @throws ProblemException when it is no position
 */
export const resumeFrom = (request: FastifyRequest): number | undefined => {
  const header = request.headers['last-event-id'];
  const { after } = request.query as { after?: unknown };
  const given = header === undefined || header === '' ? after : header;
  if (given === undefined || given === '') return undefined;
  if (typeof given === 'string' && /^\d{1,15}$/.test(given)) return Number(given);
  throw new ProblemException(
    problem(
      400,
      'bad-last-event-id',
      'Last-Event-ID (or ?after=) must be the id of an event of this stream: start again without it.',
    ),
  );
};
