import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { anthropicBody, anthropicEvents } from './anthropic-wire.ts';
import { openAiBody, openAiEvents } from './openai-wire.ts';
import { say } from './wire-reply.ts';
import type { ModelReply, RawReply, WirePace, WireReply } from './wire-reply.ts';

export type WireFormat = 'openai' | 'anthropic';

/** A request as it came. */
export interface WireRequest {
  readonly format: WireFormat;
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    readonly model: string;
    readonly stream?: boolean;
    readonly stream_options?: { readonly include_usage?: boolean };
    readonly messages: readonly unknown[];
  } & Readonly<Record<string, unknown>>;
  /** Counts from 0. */
  readonly index: number;
  readonly atMs: number;
  /** When the last byte of the answer was handed on; null until then. */
  endedAtMs: number | null;
  /** The one who asked went away before the answer was over. */
  aborted: boolean;
}

export type WireScript = (request: WireRequest) => WireReply;

const REQUEST_BYTES_MAX = 64 * 1024 * 1024;

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if ((bytes += chunk.byteLength) > REQUEST_BYTES_MAX) throw new Error('too much of a request');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Waits until more can be written, or nobody is there any more. */
const room = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });

/** Sends bytes at a pace; breaks or stalls wherever the script says, be it in the middle of a character. */
const send = async (
  response: ServerResponse,
  parts: Iterable<string | Uint8Array>,
  pace: WirePace,
): Promise<'whole' | 'stalled'> => {
  const { breakAfterBytes = Infinity, stallAfterBytes = Infinity } = pace;
  let left = Math.min(breakAfterBytes, stallAfterBytes);
  if (pace.delayMs !== undefined) await pause(pace.delayMs);
  let isFirst = true;
  for (const part of parts) {
    if (response.destroyed) return 'whole';
    if (!isFirst && pace.pieceDelayMs !== undefined) await pause(pace.pieceDelayMs);
    isFirst = false;
    const bytes = Buffer.from(part as Uint8Array);
    const passed = bytes.subarray(0, left);
    const flowing = response.write(passed);
    left -= passed.byteLength;
    if (left <= 0) {
      if (stallAfterBytes <= breakAfterBytes) return 'stalled';
      // What was written is to arrive before the connection goes.
      await pause(20);
      response.destroy();
      return 'whole';
    }
    if (!flowing && !response.destroyed) await room(response);
  }
  response.end();
  return 'whole';
};

const isParts = (body: NonNullable<RawReply['body']>): body is Iterable<string | Uint8Array> =>
  typeof body !== 'string' && !(body instanceof Uint8Array);

/**
 * A real HTTP server that speaks the wire formats of OpenAI's chat completions and Anthropic's messages, streaming and not.
 * What it answers is scripted for each request; what is not scripted is answered with "ok".
 */
export class WireServer {
  readonly requests: WireRequest[] = [];
  readonly #server: Server;
  #script: WireScript = () => say('ok');
  readonly #queue: WireReply[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(port = 0): Promise<WireServer> {
    const wire = new WireServer();
    await new Promise<void>((resolve, reject) => {
      wire.#server.once('error', reject);
      wire.#server.listen(port, '127.0.0.1', resolve);
    });
    return wire;
  }

  /** The base URL for either format. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** Answers of the next requests, in order; before any script. */
  next(...replies: readonly WireReply[]): void {
    this.#queue.push(...replies);
  }

  /** Answers every request that no `next` is left for. */
  script(script: WireScript): void {
    this.#script = script;
  }

  reset(): void {
    this.requests.length = 0;
    this.#queue.length = 0;
    this.#script = () => say('ok');
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://wire').pathname;
    const format = path.endsWith('/chat/completions') ? 'openai' : path.endsWith('/messages') ? 'anthropic' : undefined;
    const text = await bodyOf(request);
    if (format === undefined || request.method !== 'POST') {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"message":"no such path"}}');
      return;
    }
    const body = JSON.parse(text) as WireRequest['body'];
    const asked: WireRequest = {
      format,
      headers: request.headers,
      body,
      index: this.requests.length,
      atMs: performance.now(),
      endedAtMs: null,
      aborted: false,
    };
    this.requests.push(asked);
    response.once('finish', () => (asked.endedAtMs = performance.now()));
    response.once('close', () => {
      asked.aborted = !response.writableFinished;
    });
    await this.#reply(this.#queue.shift() ?? this.#script(asked), asked, response);
  }

  async #reply(reply: WireReply, request: WireRequest, response: ServerResponse): Promise<void> {
    switch (reply.kind) {
      case 'drop':
        response.destroy();
        return;
      case 'silence':
        return;
      case 'raw': {
        const { status = 200, headers = { 'content-type': 'application/json' }, body = '' } = reply;
        response.writeHead(status, headers);
        response.flushHeaders();
        await send(response, isParts(body) ? body : [body], reply);
        return;
      }
      case 'reply':
        await this.#model(reply, request, response);
    }
  }

  async #model(reply: ModelReply, { format, body }: WireRequest, response: ServerResponse): Promise<void> {
    const { model, stream, stream_options: options } = body;
    if (stream !== true) {
      const whole = format === 'openai' ? openAiBody(reply, model) : anthropicBody(reply, model);
      response.writeHead(200, { 'content-type': 'application/json' });
      await send(response, [whole], reply);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
    response.flushHeaders();
    const events =
      format === 'openai' ? openAiEvents(reply, model, options?.include_usage === true) : anthropicEvents(reply, model);
    await send(response, events, reply);
  }
}
