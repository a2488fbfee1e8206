import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { displayableLine } from '@crucible/events';
import type { AgentCalls, Called } from './calls.ts';
import { completionOf, errorEvent, ReplyStream } from './chat-reply.ts';
import type { ReplyHead } from './chat-reply.ts';
import { readChat } from './chat-request.ts';
import type { ChatAsk } from './chat-request.ts';
import {
  broken,
  encoded,
  noSuchModel,
  noSuchUrl,
  problemBody,
  tooLarge,
  tooMany,
  wrongMethod,
  wrongToken,
} from './problem.ts';
import type { Problem } from './problem.ts';

export const endpointBounds = {
  headerBytesMax: 16 * 1024,
  bodyBytesMax: 4 * 1024 * 1024,
  /** At once. */
  callsMax: 8,
  /** Of one trial, also those that are refused: what answers them is shared with other trials. */
  requestsMax: 10_000,
  connectionsMax: 20_000,
} as const;
const HEADERS_MAX = 100;
const PATH_CHARS_MAX = 200;
const RETRY_AFTER_S = 1;
const MODELS = '/v1/models';
const COMPLETIONS = '/v1/chat/completions';

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The whole body, or what is wrong with it. Never more than the bound is kept. */
const bodyOf = (request: IncomingMessage): Promise<Buffer | Problem> =>
  new Promise((resolve, reject) => {
    const { bodyBytesMax } = endpointBounds;
    const parts: Buffer[] = [];
    let bytes = 0;
    request.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes <= bodyBytesMax) parts.push(part);
      else {
        parts.length = 0;
        resolve(tooLarge(bodyBytesMax));
      }
    });
    request.on('end', () => resolve(Buffer.concat(parts)));
    request.on('error', reject);
    request.on('close', () => reject(new Error('the request broke off')));
  });

export interface EndpointOptions {
  readonly token: string;
  readonly calls: Pick<AgentCalls, 'call' | 'model'>;
  readonly newId: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * What stands at the end of a sandbox's port for its agent program: as much of OpenAI's API as chat needs. Whoever speaks to
 * it is hostile: everything has a bound, and what fails fails for that connection.
 */
export class Endpoint {
  readonly #options: EndpointOptions;
  readonly #token: Buffer;
  readonly #connections = new Set<Duplex>();
  readonly #server = createServer({ maxHeaderSize: endpointBounds.headerBytesMax }, (request, response) => {
    this.#serve(request, response).catch(() => this.#fail(response));
  });
  #calls = 0;
  #requestsSeen = 0;
  #connectionsSeen = 0;
  #isClosed = false;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.#token = sha256(options.token);
    this.#server.maxHeadersCount = HEADERS_MAX;
    this.#server.on('clientError', (_error, connection) => {
      if (connection.writable)
        connection.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      else connection.destroy();
    });
  }

  /** A connection from inside of the sandbox. */
  connect(connection: Duplex): void {
    this.#connectionsSeen += 1;
    if (this.#connectionsSeen > endpointBounds.connectionsMax) this.close();
    if (this.#isClosed) return void connection.destroy();
    this.#connections.add(connection);
    connection.on('close', () => this.#connections.delete(connection));
    this.#server.emit('connection', connection);
  }

  /** Nobody is heard any more. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#connections) connection.destroy();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // What is left of a body that is not read is thrown away as it comes.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    this.#requestsSeen += 1;
    if (this.#requestsSeen > endpointBounds.requestsMax) return this.close();
    const { method = '' } = request;
    const path = (request.url ?? '').replace(/\?.*$/s, '');
    if (!this.#isKnown(request.headers.authorization)) return this.#refuse(response, wrongToken);
    if (path === COMPLETIONS)
      return method === 'POST' ? this.#chat(request, response) : this.#refuse(response, wrongMethod(method, path));
    if (path === MODELS || path.startsWith(`${MODELS}/`))
      return method === 'GET' ? this.#models(path, response) : this.#refuse(response, wrongMethod(method, MODELS));
    this.#refuse(response, noSuchUrl(method, displayableLine(path, PATH_CHARS_MAX)));
  }

  #isKnown(authorization: string | undefined): boolean {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
    return timingSafeEqual(sha256(token), this.#token);
  }

  #models(path: string, response: ServerResponse): void {
    const { model } = this.#options.calls;
    const own = { id: model, object: 'model', created: 0, owned_by: 'crucible' };
    if (path === MODELS) return this.#answer(response, JSON.stringify({ object: 'list', data: [own] }));
    const asked = decoded(path.slice(MODELS.length + 1));
    if (asked !== model) return this.#refuse(response, noSuchModel(displayableLine(asked, PATH_CHARS_MAX), model));
    this.#answer(response, JSON.stringify(own));
  }

  async #chat(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { callsMax } = endpointBounds;
    if (this.#calls >= callsMax) return this.#refuse(response, tooMany(callsMax));
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity')
      return this.#refuse(response, encoded(displayableLine(encoding, PATH_CHARS_MAX)));
    this.#calls += 1;
    try {
      const body = await bodyOf(request);
      if (!Buffer.isBuffer(body)) return this.#refuse(response, body);
      const read = readChat(body);
      if (!read.ok) return this.#refuse(response, read.problem);
      await this.#ask(read.ask, response);
    } finally {
      this.#calls -= 1;
    }
  }

  async #ask(ask: ChatAsk, response: ServerResponse): Promise<void> {
    const { calls, newId, now } = this.#options;
    const head = { id: `chatcmpl-${newId()}`, created: Math.floor(now() / 1_000), model: ask.model };
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    if (response.destroyed) return;
    if (ask.isStreamed) return this.#stream(ask, head, response, gone.signal);
    const called = await calls.call(ask, gone.signal);
    if (called.kind === 'replied') this.#answer(response, completionOf(head, called.end));
    else this.#without(called, response);
  }

  /** Begins with the first piece of text: a call that comes to nothing before has a status of its own. */
  async #stream(ask: ChatAsk, head: ReplyHead, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const stream = new ReplyStream(head, ask.tellsUsage);
    const tell = (events: string): void => {
      if (events === '' || response.destroyed) return;
      if (!response.headersSent)
        response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
      response.write(events);
    };
    const called = await this.#options.calls.call(ask, signal, {
      hasTold: () => stream.hasBegun,
      onDelta: (delta) => delta.kind === 'text' && tell(stream.text(delta.text)),
    });
    if (called.kind === 'replied') {
      tell(stream.end(called.end));
      response.end();
    } else this.#without(called, response);
  }

  #without(called: Exclude<Called, { kind: 'replied' }>, response: ServerResponse): void {
    if (called.kind === 'aborted') return void response.destroy();
    if (!response.headersSent) return this.#refuse(response, called.problem);
    // A stream that has begun can say so in an event only.
    response.end(errorEvent(problemBody(called.problem)));
  }

  #answer(response: ServerResponse, body: string): void {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  }

  #refuse(response: ServerResponse, problem: Problem): void {
    if (response.destroyed || response.headersSent) return;
    const { status, retry } = problem;
    const body = problemBody(problem);
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      // Read by the clients of OpenAI's own.
      ...(retry === undefined ? {} : { 'x-should-retry': String(retry) }),
      ...(retry === true ? { 'retry-after': String(RETRY_AFTER_S) } : {}),
    });
    response.end(body);
  }

  #fail(response: ServerResponse): void {
    if (response.headersSent) response.destroy();
    else this.#refuse(response, broken);
  }
}

/** A name as a path has it; as it stands where it is no text. */
const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};
