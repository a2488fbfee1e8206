import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { subjects } from '@crucible/events';
import { connect, headers } from 'nats';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newEvaluationId } from '../event-log.contract.ts';
import { freePort, TestNatsServer } from '../testing/index.ts';
import { WRONG_LAST_SEQUENCE } from './connection.ts';
import type { Bus } from './connection.ts';
import { Publisher } from './publisher.ts';

let server: TestNatsServer;
let bus: Bus;
beforeAll(async () => {
  server = await TestNatsServer.start();
  bus = await server.bus('test');
});
afterAll(() => server.stop());

const bytes = Uint8Array.of(1, 2, 3);
const expecting = (sequence: number) => {
  const wanted = headers();
  wanted.set('Nats-Expected-Last-Subject-Sequence', String(sequence));
  return wanted;
};

describe('publishing with an acknowledgement', () => {
  it('tells the place of each of many, whatever order their answers come in', async () => {
    const publisher = Publisher.of(bus.nc);
    const before = (await bus.jsm.streams.info('EVENTS')).state.last_seq;
    const subject = subjects.evaluation(newEvaluationId());
    const acks = await Promise.all(Array.from({ length: 500 }, () => publisher.publish(subject, bytes, headers())));
    const places = acks.map((ack) => (ack.ok ? ack.sequence : 0));
    expect(places).toEqual(Array.from({ length: 500 }, (_, index) => before + 1 + index));
  });

  it('tells what the server refuses by its number', async () => {
    const subject = subjects.evaluation(newEvaluationId());
    const ack = await Publisher.of(bus.nc).publish(subject, bytes, expecting(7));
    expect(ack).toMatchObject({ ok: false, code: WRONG_LAST_SEQUENCE });
  });

  it('fails at once where no stream takes the subject', async () => {
    await expect(Publisher.of(bus.nc).publish('elsewhere', bytes, headers())).rejects.toThrow(
      'no stream takes elsewhere',
    );
  });

  it('is one for a connection', () => {
    expect(Publisher.of(bus.nc)).toBe(Publisher.of(bus.nc));
  });

  it('fails what is under way when its connection is closed', async () => {
    const other = await server.bus('other');
    const silent = other.nc.subscribe('silent');
    const waiting = Publisher.of(other.nc).publish('silent', bytes, headers());
    waiting.catch(() => undefined);
    await sleep(50);
    silent.unsubscribe();
    await other.nc.close();
    await expect(waiting).rejects.toThrow('the connection was closed');
  });

  it('gives up after five seconds of silence, each from its own beginning', { timeout: 20_000 }, async () => {
    const listener = bus.nc.subscribe('deaf');
    const publisher = Publisher.of(bus.nc);
    const silence = async (): Promise<{ givenUpMs: number; timerMs: number }> => {
      const began = performance.now();
      const since = (): number => performance.now() - began;
      // A timer of as long, started beside it, is as late on a busy machine.
      const timer = sleep(5_000).then(since);
      const publishing = publisher.publish('deaf', bytes, headers()).then(() => Number.NaN, since);
      return { givenUpMs: await publishing, timerMs: await timer };
    };
    const one = silence();
    await sleep(1_000);
    const both = await Promise.all([one, silence()]);
    listener.unsubscribe();
    for (const { givenUpMs, timerMs } of both) {
      expect(givenUpMs).toBeGreaterThanOrEqual(4_990);
      expect(givenUpMs - timerMs).toBeLessThan(900);
    }
  });
});

describe('publishing what the user may not say', () => {
  let restricted: ChildProcess;
  let nc: NatsConnection;
  const folder = mkdtempSync(join(tmpdir(), 'crucible-permissions-'));
  beforeAll(async () => {
    const port = await freePort();
    const configuration = join(folder, 'nats.conf');
    const users = [{ user: 'one', password: 'two', permissions: { publish: { deny: ['forbidden'] } } }];
    writeFileSync(configuration, `listen: "127.0.0.1:${port}"\nauthorization: ${JSON.stringify({ users })}\n`);
    restricted = spawn('nats-server', ['-c', configuration], { stdio: 'ignore' });
    for (const deadline = Date.now() + 10_000; ; await sleep(50)) {
      try {
        nc = await connect({ servers: `nats://127.0.0.1:${port}`, user: 'one', pass: 'two' });
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  });
  afterAll(async () => {
    await nc.close();
    const ended = once(restricted, 'exit');
    restricted.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  it('fails at once, naming what it was', async () => {
    const began = performance.now();
    await expect(Publisher.of(nc).publish('forbidden', bytes, headers())).rejects.toThrow(/permissions.*forbidden/i);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
