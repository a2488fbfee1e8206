import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is when it is text or bytes, else as JSON. */
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  /** The body as JSON. Tests say what they expect of it. */
  readonly json: any; // eslint-disable-line @typescript-eslint/no-explicit-any
}

const open = (
  agent: Agent,
  port: number,
  path: string,
  { method = 'GET', headers = {}, body }: Asked,
): Promise<IncomingMessage> => {
  const raw = typeof body === 'string' || body instanceof Uint8Array || body === undefined;
  const bytes = body === undefined ? undefined : Buffer.from(raw ? body : JSON.stringify(body));
  const type = raw ? {} : { 'content-type': 'application/json' };
  const length = bytes === undefined ? {} : { 'content-length': String(bytes.byteLength) };
  return new Promise((resolve, reject) => {
    const sending = request({
      host: '127.0.0.1',
      port,
      path,
      method,
      headers: { ...type, ...length, ...headers },
      agent,
    });
    sending.on('response', resolve).on('error', reject);
    sending.end(bytes);
  });
};

/** One HTTP request with every header as given: unlike `fetch` it may lie about its host. */
export const ask = async (port: number, path: string, asked: Asked = {}): Promise<Answer> => {
  // Kept alive as browsers and fetch do: a server that is asked to close would cut off what is still being sent.
  const agent = new Agent({ keepAlive: true });
  const response = await open(agent, port, path, asked);
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  agent.destroy();
  const bytes = Buffer.concat(pieces);
  const text = bytes.toString();
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    bytes,
    text,
    get json() {
      return JSON.parse(text);
    },
  };
};

export interface SseMessage {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** A reader of one event stream. */
export class SseReader {
  readonly response: IncomingMessage;
  readonly comments: string[] = [];
  readonly messages: SseMessage[] = [];
  closed = false;
  #rest = '';
  #woken = Promise.withResolvers<void>();

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.#take(text));
    response.on('error', () => undefined);
    response.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  static async open(port: number, path: string, headers: Readonly<Record<string, string>>): Promise<SseReader> {
    const response = await open(new Agent(), port, path, { headers });
    if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode}`);
    return new SseReader(response);
  }

  /** Waits until the messages satisfy. @throws when the stream ends or ten seconds pass before */
  async until(
    satisfied: (messages: readonly SseMessage[]) => boolean,
    waitMs = 10_000,
  ): Promise<readonly SseMessage[]> {
    const deadline = Date.now() + waitMs;
    while (!satisfied(this.messages)) {
      if (this.closed || Date.now() > deadline)
        throw new Error(`${this.closed ? 'ended' : 'waited'} with ${this.messages.length} messages`);
      await Promise.race([this.#woken.promise, new Promise((resolve) => setTimeout(resolve, 250))]);
    }
    return this.messages;
  }

  async untilClosed(waitMs = 10_000): Promise<void> {
    const deadline = Date.now() + waitMs;
    while (!this.closed) {
      if (Date.now() > deadline) throw new Error('still open');
      await Promise.race([this.#woken.promise, new Promise((resolve) => setTimeout(resolve, 100))]);
    }
  }

  close(): void {
    this.response.destroy();
  }

  #take(text: string): void {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) this.#parse(block);
    this.#wake();
  }

  #parse(block: string): void {
    const fields = block.split('\n').map((line) => /^([a-z]*): ?(.*)$/s.exec(line));
    const all = (name: string): string[] => fields.flatMap((field) => (field?.[1] === name ? [field[2] ?? ''] : []));
    this.comments.push(...all(''));
    const data = all('data');
    if (data.length > 0)
      this.messages.push({ event: all('event')[0] ?? 'message', id: all('id')[0], data: data.join('\n') });
  }

  #wake(): void {
    this.#woken.resolve();
    this.#woken = Promise.withResolvers();
  }
}
