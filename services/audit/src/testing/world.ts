import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bus } from '@crucible/event-log';
import { freePort, TestNatsServer } from '@crucible/event-log/testing';
import { ServiceProcess } from '@crucible/service-kit/testing';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
export const token = 'a token that is long enough to be one';

/** An audit service as a process before a real server, and somebody who asks it. */
export class AuditWorld {
  readonly home = mkdtempSync(join(tmpdir(), 'crucible-audit-'));
  readonly server: TestNatsServer;
  readonly bus: Bus;
  port = 0;
  service!: ServiceProcess;

  private constructor(server: TestNatsServer, bus: Bus) {
    this.server = server;
    this.bus = bus;
    mkdirSync(join(this.home, 'secrets'), { mode: 0o700 });
    writeFileSync(join(this.home, 'secrets', 'audit-token'), `${token}\n`, { mode: 0o600 });
  }

  static async open(): Promise<AuditWorld> {
    const server = await TestNatsServer.start();
    return new AuditWorld(server, await server.bus('test'));
  }

  async start(more: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
    this.port = await freePort();
    this.service = new ServiceProcess(MAIN, {
      CRUCIBLE_HOME: this.home,
      CRUCIBLE_NATS_URL: this.server.url,
      CRUCIBLE_HEALTH_PORT: String(await freePort()),
      CRUCIBLE_AUDIT_SEAL_WAIT_MS_MAX: '100',
      CRUCIBLE_AUDIT_PORT: String(this.port),
      ...more,
    });
    return this.service;
  }

  async startReady(more: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
    const service = await this.start(more);
    await service.answers(200);
    return service;
  }

  async close(): Promise<void> {
    await this.service?.end('SIGKILL');
    await this.server.stop();
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Appends bodies as they are, many at once and in order. */
  async put(bodies: readonly Uint8Array[], subject = 'crucible.events.platform.executor'): Promise<void> {
    for (let at = 0; at < bodies.length; at += 500)
      await Promise.all(bodies.slice(at, at + 500).map((body) => this.bus.js.publish(subject, body)));
  }

  ask(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}/audit/${path}`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) },
    });
  }

  async bytes(path: string): Promise<Buffer> {
    const answer = await this.ask(path);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return Buffer.from(await answer.arrayBuffer());
  }

  async text(path: string): Promise<string> {
    return (await this.bytes(path)).toString();
  }

  /** Where the kept tree has the hashes of a level. */
  levelFile(level: number): string {
    return join(this.home, 'audit', 'tiles', `level-${level}`);
  }

  get key(): string {
    return readFileSync(join(this.home, 'secrets', 'audit-verifier-key'), 'utf8').trim();
  }
}
