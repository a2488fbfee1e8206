import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** A client that speaks the NATS protocol as an intruder would: nothing is checked on this side. */
export class NatsWire {
  readonly #socket: Socket;
  #heard = '';
  #pings = 0;
  #subscriptions = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => (this.#heard += text));
    socket.on('error', () => undefined);
  }

  static async open(url: string, login: { readonly user: string; readonly password: string }): Promise<NatsWire> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port) });
    const wire = new NatsWire(socket);
    await once(socket, 'connect');
    socket.write(
      `CONNECT ${JSON.stringify({ verbose: false, headers: true, no_responders: true, user: login.user, pass: login.password })}\r\n`,
    );
    await wire.settled();
    return wire;
  }

  /** All that the server has said so far. */
  get heard(): string {
    return this.#heard;
  }

  publish(subject: string, body = '', reply = ''): void {
    this.#socket.write(`PUB ${subject} ${reply} ${Buffer.byteLength(body)}\r\n${body}\r\n`);
  }

  publishWithHeaders(subject: string, headers: Readonly<Record<string, string>>, body = '', reply = ''): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `NATS/1.0\r\n${lines.join('')}\r\n`;
    const headBytes = Buffer.byteLength(head);
    this.#socket.write(
      `HPUB ${subject} ${reply} ${headBytes} ${headBytes + Buffer.byteLength(body)}\r\n${head}${body}\r\n`,
    );
  }

  subscribe(subject: string): void {
    this.#subscriptions += 1;
    this.#socket.write(`SUB ${subject} ${this.#subscriptions}\r\n`);
  }

  /** Resolves when the server has read all that was written before. Throws after half a minute. */
  async settled(): Promise<void> {
    this.#pings += 1;
    this.#socket.write('PING\r\n');
    for (const deadline = Date.now() + 30_000; this.#heard.split('PONG').length <= this.#pings;) {
      if (Date.now() > deadline || this.#socket.destroyed) throw new Error(`no answer; heard ${this.#heard}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}
