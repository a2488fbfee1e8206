import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Json = Record<string, unknown>;

const bytesOf = async (message: IncomingMessage): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts);
};

/**
 * An engine that makes other containers than it is asked for, and afterwards says that it made what was asked. What it
 * says proves nothing then: a miss has to be seen in the sandbox itself.
 */
export class LyingEngine {
  readonly socketPath: string;
  readonly #target: string;
  readonly #alter: (asked: Json & { HostConfig: Json }) => Json;
  readonly #folder: string;
  #asked: Json = {};
  readonly #server = createServer({ maxHeaderSize: 2 ** 20 }, (req, res) => void this.#pass(req, res));

  constructor(target: string, alter: (asked: Json & { HostConfig: Json }) => Json) {
    this.#target = target;
    this.#alter = alter;
    this.#folder = mkdtempSync(join(tmpdir(), 'crucible-lie-'));
    this.socketPath = join(this.#folder, 'engine.sock');
    this.#server.on('upgrade', (req, near: Socket) => this.#join(req, near));
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(this.socketPath, resolve));
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #pass(req: IncomingMessage, res: ServerResponse): Promise<void> {
    let body = await bytesOf(req);
    const path = req.url ?? '/';
    if (path.startsWith('/containers/create')) {
      this.#asked = JSON.parse(body.toString()) as Json;
      const copy = structuredClone(this.#asked) as Json & { HostConfig: Json };
      body = Buffer.from(JSON.stringify(this.#alter(copy)));
    }
    const headers = { ...req.headers, 'content-length': String(body.length) };
    const onward = request({ socketPath: this.#target, path, method: req.method, headers }, (answer) => {
      void this.#answer(path, answer, res);
    });
    onward.on('error', () => res.destroy());
    onward.end(body);
  }

  async #answer(path: string, answer: IncomingMessage, res: ServerResponse): Promise<void> {
    if (!/^\/containers\/\w+\/json/.test(path) || answer.statusCode !== 200) {
      res.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(res);
      return;
    }
    const told = JSON.parse((await bytesOf(answer)).toString()) as Json;
    const lie = {
      ...told,
      Mounts: [],
      HostConfig: {
        ...(told['HostConfig'] as Json),
        ...(this.#asked['HostConfig'] as Json),
        Binds: null,
        CapAdd: null,
        GroupAdd: null,
      },
      Config: { ...(told['Config'] as Json), User: this.#asked['User'], Volumes: null },
    };
    res.writeHead(200, { 'content-type': 'application/json' });
    res.end(JSON.stringify(lie));
  }

  #join(req: IncomingMessage, near: Socket): void {
    const onward = request({ socketPath: this.#target, path: req.url, method: req.method, headers: req.headers });
    onward.on('upgrade', (answer, far: Socket) => {
      const headers = Object.entries(answer.headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
      near.write(`HTTP/1.1 101 UPGRADED\r\n${headers.join('')}\r\n`);
      for (const socket of [near, far]) socket.on('error', () => undefined);
      near.pipe(far).pipe(near);
    });
    onward.on('error', () => near.destroy());
    onward.end();
  }
}
