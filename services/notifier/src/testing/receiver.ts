import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';

export const SECRET = `whsec_${Buffer.from('a secret of thirty-two bytes....').toString('base64')}`;

export interface Received {
  readonly id: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** What the reference library makes of it; undefined when the signature does not fit. */
  readonly verified: unknown;
}

type Answer = (answer: ServerResponse, request: IncomingMessage) => void;

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
};

const verify = (body: string, headers: IncomingMessage['headers']): unknown => {
  try {
    return new Webhook(SECRET).verify(body, headers as Record<string, string>);
  } catch {
    return undefined;
  }
};

/** A real receiver of webhooks. It answers as it is told, in turn, and 204 after that. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  answers: Answer[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, answer) => void this.#take(request, answer));
  }

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async has(count: number, waitMs = 15_000): Promise<void> {
    for (const deadline = Date.now() + waitMs; this.received.length < count; await sleep(10)) {
      if (Date.now() > deadline) throw new Error(`received ${this.received.length} of ${count}`);
    }
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #take(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const { headers, url = '' } = request;
    this.received.push({ id: String(headers['webhook-id']), path: url, headers, verified: verify(body, headers) });
    const act = this.answers.shift();
    if (act === undefined) answer.writeHead(204).end();
    else act(answer, request);
  }
}

export const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (answer) =>
    void answer.writeHead(code, headers).end('said the receiver');
