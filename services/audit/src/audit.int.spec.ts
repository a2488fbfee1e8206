import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { JetStreamCheckpoints, JetStreamEventLog } from '@crucible/event-log';
import type { Bus } from '@crucible/event-log';
import { freePort, TestNatsServer } from '@crucible/event-log/testing';
import { ServiceProcess } from '@crucible/service-kit/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatCheckpoint, parseCheckpoint } from '@crucible/transparency';
import { emptyRange, hashLeaf, rootOf, withLeaf } from '@crucible/transparency';
import { openNote, parseVerifierKey } from '@crucible/transparency';
import { signNote } from '@crucible/transparency/node';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

let home: string;
let servers: TestNatsServer[];
let services: ServiceProcess[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'crucible-audit-'));
  servers = [];
  services = [];
});
afterEach(async () => {
  await Promise.all(services.map((service) => service.end('SIGKILL')));
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(home, { recursive: true, force: true });
});

const startServer = async (): Promise<{ server: TestNatsServer; bus: Bus }> => {
  const server = await TestNatsServer.start();
  servers.push(server);
  return { server, bus: await server.bus('test') };
};

const startAudit = async (server: TestNatsServer, more: Record<string, string> = {}): Promise<ServiceProcess> => {
  const service = new ServiceProcess(MAIN, {
    CRUCIBLE_HOME: home,
    CRUCIBLE_NATS_URL: server.url,
    CRUCIBLE_HEALTH_PORT: String(await freePort()),
    CRUCIBLE_AUDIT_SEAL_WAIT_MS_MAX: '200',
    ...more,
  });
  services.push(service);
  return service;
};

/** Bodies of every kind: what the log says of them is no concern of the tree. */
const put = async ({ js }: Bus, count: number, text = 'event'): Promise<void> => {
  for (let index = 0; index < count; index += 1) {
    const odd = index % 3 === 0 ? Uint8Array.of(0xff, index) : Buffer.from(`{"${text}":${index}}`);
    await js.publish('crucible.events.platform.executor', index === 4 ? new Uint8Array() : odd);
  }
};

const rootOfLog = async (bus: Bus, size: number): Promise<string> => {
  let range = emptyRange;
  for (let seq = 1; seq <= size; seq += 1) {
    range = withLeaf(range, hashLeaf((await bus.jsm.streams.getMessage('EVENTS', { seq })).data));
  }
  return Buffer.from(rootOf(range)).toString('hex');
};

/** The last checkpoint once it covers `size`, opened with the key that lies in the home for everybody. */
const checkpointOver = async (bus: Bus, size: number) => {
  const checkpoints = new JetStreamCheckpoints(bus);
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(50)) {
    const note = await checkpoints.last();
    if (note === null) continue;
    const verifier = parseVerifierKey(readFileSync(join(home, 'secrets', 'audit-verifier-key'), 'utf8'));
    if (verifier === undefined) throw new Error('no verifier key');
    const opened = openNote(note, verifier);
    if (!opened.ok) throw new Error(opened.reason);
    const checkpoint = parseCheckpoint(opened.text);
    if (checkpoint?.size === size) return { ...checkpoint, root: Buffer.from(checkpoint.root).toString('hex') };
  }
  throw new Error(`no checkpoint over ${size}`);
};

const countCheckpoints = async (bus: Bus): Promise<number> =>
  (await bus.jsm.streams.info('CHECKPOINTS')).state.messages;

describe('the audit service', () => {
  it('signs the root over the stored bytes, whatever they are', async () => {
    const { server, bus } = await startServer();
    await put(bus, 7);
    const service = await startAudit(server);
    await service.answers(200);
    expect(await checkpointOver(bus, 7)).toMatchObject({ size: 7, root: await rootOfLog(bus, 7) });
    await put(bus, 5);
    expect(await checkpointOver(bus, 12)).toMatchObject({ root: await rootOfLog(bus, 12) });
    expect(await new JetStreamEventLog(bus).head()).toBe(12);
    expect(await service.end()).toBe(0);
    expect(service.log.filter(({ level }) => level >= 40)).toEqual([]);
  });

  it('signs what came in last before it ends', async () => {
    const { server, bus } = await startServer();
    const service = await startAudit(server, { CRUCIBLE_AUDIT_SEAL_WAIT_MS_MAX: '3600000' });
    await service.answers(200);
    await put(bus, 3);
    await sleep(300);
    expect(await countCheckpoints(bus)).toBe(0);
    expect(await service.end()).toBe(0);
    expect(await checkpointOver(bus, 3)).toMatchObject({ root: await rootOfLog(bus, 3) });
  });

  it('is killed, rebuilds the tree from the log and goes on under the same key', async () => {
    const { server, bus } = await startServer();
    const first = await startAudit(server);
    await first.answers(200);
    await put(bus, 20);
    const { origin } = await checkpointOver(bus, 20);
    await first.end('SIGKILL');
    await put(bus, 3);
    await (await startAudit(server)).answers(200);
    expect(await checkpointOver(bus, 23)).toMatchObject({ origin, root: await rootOfLog(bus, 23) });
  });

  it('goes on after the server was killed', async () => {
    const { server, bus } = await startServer();
    const service = await startAudit(server);
    await put(bus, 4);
    await checkpointOver(bus, 4);
    await server.die();
    await service.answers(503);
    expect((await service.get('/healthz')).status).toBe(200);
    await server.comeBack();
    await service.answers(200);
    await put(bus, 4);
    expect(await checkpointOver(bus, 8)).toMatchObject({ root: await rootOfLog(bus, 8) });
  });

  it('refuses a log that is not the one it signed, and signs nothing of it', async () => {
    const { server, bus } = await startServer();
    const honest = await startAudit(server);
    await put(bus, 6);
    await checkpointOver(bus, 6);
    await honest.end();

    const other = await startServer();
    await put(other.bus, 9, 'forged');
    const service = await startAudit(other.server);
    await service.answers(503, 'events 1 to 6 are not those that');
    await put(other.bus, 3, 'forged');
    await sleep(600);
    expect(await countCheckpoints(other.bus)).toBe(0);
    expect(service.log.find(({ level }) => level === 60)?.msg).toBe('the log is not what was signed');
    expect((await service.get('/healthz')).status).toBe(200);
    expect(await service.end()).toBe(0);
    expect(await countCheckpoints(other.bus)).toBe(0);
  });

  it('refuses a log that was cut short', async () => {
    const { server, bus } = await startServer();
    const honest = await startAudit(server);
    await put(bus, 6);
    await checkpointOver(bus, 6);
    await honest.end();

    const older = await startServer();
    await put(older.bus, 4);
    const service = await startAudit(older.server);
    await service.answers(503, 'the log ends at 4');
    expect(await countCheckpoints(older.bus)).toBe(0);
  });

  it('refuses a checkpoint that another key signed', async () => {
    const { server, bus } = await startServer();
    await put(bus, 2);
    const forger = { name: 'crucible/log/other', privateKey: generateKeyPairSync('ed25519').privateKey };
    const root = Buffer.from(await rootOfLog(bus, 2), 'hex');
    await new JetStreamCheckpoints(bus).append(
      signNote(formatCheckpoint({ origin: forger.name, size: 2, root }), forger),
    );
    const service = await startAudit(server);
    await service.answers(503, 'cannot be trusted');
    await sleep(500);
    expect(await countCheckpoints(bus)).toBe(1);
  });

  it('names what is wrong with its environment and exits', async () => {
    const { server } = await startServer();
    const service = await startAudit(server, { CRUCIBLE_AUDIT_SEAL_EVENTS_MAX: 'many', CRUCIBLE_HOME: '' });
    expect(await service.ended()).toBe(78);
    const complaint = service.log.at(-1)?.msg;
    expect(complaint).toContain('CRUCIBLE_AUDIT_SEAL_EVENTS_MAX');
    expect(complaint).toContain('CRUCIBLE_HOME: is not set');
  });
});
