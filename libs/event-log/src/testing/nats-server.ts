import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureStreams } from '../jetstream/streams.ts';
import { openBus, systemEdge } from '../jetstream/connection.ts';
import type { Bus } from '../jetstream/connection.ts';

const READY_MS_MAX = 10_000;

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

const greets = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (answer: boolean): void => (socket.destroy(), resolve(answer));
    socket.setTimeout(1_000, () => end(false));
    socket.once('data', () => end(true)).once('error', () => end(false));
  });

/** A real NATS server with JetStream and a store of its own, for tests. It can die and come back in the same place. */
export class TestNatsServer {
  readonly port: number;
  readonly url: string;
  readonly #directory = mkdtempSync(join(tmpdir(), 'crucible-nats-'));
  readonly #buses = new Set<Bus>();
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
    this.url = `nats://127.0.0.1:${port}`;
  }

  /** Needs `nats-server` in the PATH. */
  static async start(): Promise<TestNatsServer> {
    const server = new TestNatsServer(await freePort());
    await server.comeBack();
    return server;
  }

  async comeBack(): Promise<void> {
    const argv = ['-js', '-a', '127.0.0.1', '-p', String(this.port), '-sd', this.#directory];
    const child = spawn('nats-server', argv, { stdio: 'ignore' });
    this.#process = child;
    const failed = once(child, 'error').then(([error]) => Promise.reject(error as Error));
    const ready = async (): Promise<void> => {
      for (const deadline = Date.now() + READY_MS_MAX; !(await greets(this.port)); await sleep(20)) {
        if (Date.now() > deadline) throw new Error('nats-server did not come up');
      }
    };
    await Promise.race([ready(), failed]);
  }

  /** Sends the signal and waits for the end of the process. */
  async die(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** A connection with all streams made, closed by `stop`. `url` may lead through a proxy. */
  async bus(name: string, url = this.url): Promise<Bus> {
    const bus = await openBus({ url, name }, systemEdge);
    this.#buses.add(bus);
    await ensureStreams(bus);
    return bus;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#buses].map((bus) => bus.nc.close().catch(() => undefined)));
    await this.die();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
