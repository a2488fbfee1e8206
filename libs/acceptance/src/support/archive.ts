import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JetStreamEventLog, openBus } from '@crucible/event-log';
import type { Bus } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import { freePort } from '@crucible/event-log/testing';
import { crucible } from './cli.ts';
import type { Ended } from './cli.ts';

interface Info {
  readonly url: string;
  readonly token: string;
  readonly natsUrl: string;
  readonly natsUser: string;
  readonly natsPassword: string;
}

/** Another home than the shared platform's, for what may be broken. */
export class OtherHome {
  readonly root = mkdtempSync(join(tmpdir(), 'crucible-archive-'));
  readonly #port: number;

  private constructor(port: number) {
    this.#port = port;
  }

  static async make(): Promise<OtherHome> {
    return new OtherHome(await freePort());
  }

  get info(): Info {
    return JSON.parse(readFileSync(join(this.root, 'platform.json'), 'utf8')) as Info;
  }

  get publicKey(): string {
    return readFileSync(join(this.root, 'secrets/audit-verifier-key'), 'utf8').trim();
  }

  crucible(...argv: readonly string[]): Promise<Ended> {
    return crucible(argv, { env: { CRUCIBLE_HOME: this.root, CRUCIBLE_PORT: String(this.#port) } });
  }

  async json<T>(...argv: readonly string[]): Promise<T> {
    const { stdout, stderr } = await this.crucible(...argv, '--json');
    const last = stdout.trimEnd().split('\n').at(-1) ?? '';
    if (!last.startsWith('{')) throw new Error(`crucible ${argv.join(' ')} said: ${stderr || stdout}`);
    return JSON.parse(last) as T;
  }

  get(path: string, init: RequestInit = {}): Promise<Response> {
    const { url, token } = this.info;
    return fetch(new URL(path, url), { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } });
  }

  async withBus<T>(work: (bus: Bus) => Promise<T>): Promise<T> {
    const { natsUrl: url, natsUser: user, natsPassword: password } = this.info;
    const bus = await openBus({ url, user, password, name: 'acceptance' });
    try {
      return await work(bus);
    } finally {
      await bus.nc.close();
    }
  }

  head(): Promise<number> {
    return this.withBus((bus) => new JetStreamEventLog(bus).head());
  }

  /** Adds events as a platform would have. Returns the position of the last. */
  append(count: number): Promise<number> {
    return this.withBus(async (bus) => {
      const log = new JetStreamEventLog(bus);
      let position = 0;
      for (let index = 0; index < count; index += 1) {
        const event = { type: 'crucible.executor.stopped.v1' as const, data: { executorId: 'e', reason: 'a test' } };
        const origin = { source: 'test', team: 'default', actor: 'service:test', correlationId: bus.edge.newId() };
        const result = await log.append({ subject: subjects.platform('executor'), event, origin });
        if (result.ok) ({ position } = result);
      }
      return position;
    });
  }

  get #store(): string {
    return join(this.root, 'nats');
  }

  /** Copies the bus's store aside. */
  copyStore(): string {
    const copy = join(this.root, 'nats-copy');
    cpSync(this.#store, copy, { recursive: true });
    return copy;
  }

  restoreStore(copy: string): void {
    rmSync(this.#store, { recursive: true });
    cpSync(copy, this.#store, { recursive: true });
  }

  /** The files in which the server keeps the log's messages. */
  get messageFiles(): string[] {
    const folder = join(this.#store, 'jetstream/CRUCIBLE/streams/EVENTS/msgs');
    return readdirSync(folder)
      .filter((name) => name.endsWith('.blk'))
      .map((name) => join(folder, name));
  }

  async remove(): Promise<void> {
    await this.crucible('down', '--purge');
    rmSync(this.root, { recursive: true, force: true });
  }
}
