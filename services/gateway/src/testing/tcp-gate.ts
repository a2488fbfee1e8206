import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** A way to a server that can be shut (connections end and none is taken) or frozen (nothing arrives any more), and opened again. */
export class TcpGate {
  readonly #to: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  #frozen = false;

  private constructor(to: { readonly host: string; readonly port: number }) {
    this.#to = to;
  }

  static async to(url: string): Promise<TcpGate> {
    const { hostname, port } = new URL(url);
    const gate = new TcpGate({ host: hostname, port: Number(port) });
    await gate.open();
    return gate;
  }

  /** The same address, by this way. */
  through(url: string): string {
    const by = new URL(url);
    by.host = `127.0.0.1:${this.#port}`;
    return by.href;
  }

  async open(): Promise<void> {
    this.#frozen = false;
    const server = createServer((client) => this.#join(client, connect(this.#to)));
    this.#server = server;
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
  }

  async shut(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  freeze(): void {
    this.#frozen = true;
  }

  #join(client: Socket, server: Socket): void {
    const end = (): void => void [client, server].forEach((socket) => (this.#sockets.delete(socket), socket.destroy()));
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
    client.on('data', (data) => this.#frozen || server.write(data));
    server.on('data', (data) => this.#frozen || client.write(data));
  }
}
