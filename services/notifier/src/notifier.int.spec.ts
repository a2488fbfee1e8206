import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { JetStreamEventLog } from '@crucible/event-log';
import type { Bus } from '@crucible/event-log';
import { freePort, TestNatsServer } from '@crucible/event-log/testing';
import { evaluationIdSchema, subjects, trialIdSchema } from '@crucible/events';
import type { CrucibleEvent } from '@crucible/events';
import { ServiceProcess } from '@crucible/service-kit/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SECRET, status, WebhookReceiver } from './testing/receiver.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

let home: string;
let server: TestNatsServer;
let bus: Bus;
let log: JetStreamEventLog;
let receiver: WebhookReceiver;
let services: ServiceProcess[] = [];
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'crucible-notifier-'));
});
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});
beforeEach(async () => {
  server = await TestNatsServer.start();
  bus = await server.bus('test');
  log = new JetStreamEventLog(bus);
  receiver = await WebhookReceiver.start();
});
afterEach(async () => {
  await Promise.all(services.map((service) => service.end('SIGKILL')));
  services = [];
  await receiver.stop();
  await server.stop();
});

const start = async (more: Record<string, string> = {}): Promise<ServiceProcess> => {
  const service = new ServiceProcess(MAIN, {
    CRUCIBLE_HOME: home,
    CRUCIBLE_NATS_URL: server.url,
    CRUCIBLE_HEALTH_PORT: String(await freePort()),
    CRUCIBLE_WEBHOOK_URL: `${receiver.url}/hook`,
    CRUCIBLE_WEBHOOK_SECRET: SECRET,
    ...more,
  });
  services.push(service);
  await service.answers(200);
  return service;
};

const complete = async (): Promise<string> => {
  const evaluationId = evaluationIdSchema.parse(bus.edge.newId());
  const result = await log.append({
    subject: subjects.evaluation(evaluationId),
    event: {
      type: 'crucible.evaluation.completed.v1',
      data: {
        evaluationId,
        status: 'completed',
        trials: { total: 1, passed: 1, failed: 0, errored: 0, withdrawn: 0 },
        score: 1,
      },
    },
    origin: { source: 'scheduler', team: 'default', actor: 'service:scheduler', correlationId: evaluationId },
  });
  if (!result.ok) throw new Error(result.failure);
  return evaluationId;
};

/** An alert among a trial's other events, such as the notifier hears many of. */
const raiseAlert = async (severity: 'medium' | 'critical'): Promise<string> => {
  const place = { evaluationId: evaluationIdSchema.parse(bus.edge.newId()), trialId: trialIdSchema.parse('0-1-1') };
  const subject = subjects.trial(place.evaluationId, place.trialId);
  const origin = {
    source: 'sandbox-executor',
    team: 'default',
    actor: 'service:sandbox-executor',
    correlationId: place.evaluationId,
  };
  const digest = 'ab'.repeat(32);
  await log.append({
    subject,
    event: {
      type: 'crucible.sandbox.kill-confirmed.v1',
      data: {
        ...place,
        executorId: 'one',
        sandboxId: 'one',
        stopId: null,
        cause: 'detector',
        latencyMs: 1,
        method: 'runtime',
        gone: true,
      },
    },
    origin,
  });
  const result = await log.append({
    subject,
    event: {
      type: 'crucible.alert.raised.v1',
      data: {
        ...place,
        alertId: bus.edge.newId(),
        rule: { id: 'canary-of-another', version: 1, title: 'A canary of another trial', digest },
        severity,
        capability: 'system-access',
        tags: [],
        response: 'alert',
        summary: 'foreign canary api-token printed',
        count: 1,
        foreignTrial: { ...place, trialId: trialIdSchema.parse('1-1-1') },
        evidence: [{ channel: 'output', record: null, stream: 'stdout', offset: 0, at: 1, excerpt: 'x' }],
      },
    },
    origin,
  });
  if (!result.ok) throw new Error(result.failure);
  return place.evaluationId;
};

type Ending = CrucibleEvent<'crucible.delivery.succeeded.v1' | 'crucible.delivery.failed.v1'>;
const endings = async (): Promise<Ending[]> =>
  (await log.readSubject(subjects.platform('delivery'))).events.map((stored) => {
    if (!stored.ok) throw new Error('undecodable');
    return stored.event as Ending;
  });
const endingsAre = async (count: number, waitMs = 15_000): Promise<Ending[]> => {
  for (const deadline = Date.now() + waitMs; Date.now() < deadline; await sleep(50)) {
    const all = await endings();
    if (all.length >= count) return all;
  }
  throw new Error(`${(await endings()).length} deliveries of ${count} ended`);
};

describe('the notifier', () => {
  it('announces ends of evaluations, signed, and writes each as an event', async () => {
    const service = await start();
    await bus.js.publish('crucible.events.evaluation.not-one', Uint8Array.of(0xff));
    const ids = [await complete(), await complete()];
    const ended = await endingsAre(2);
    expect(ended.map(({ type }) => type)).toEqual(Array(2).fill('crucible.delivery.succeeded.v1'));
    expect(
      receiver.received
        .map(({ verified }) => (verified as { data: { evaluationId: string } }).data.evaluationId)
        .toSorted(),
    ).toEqual(ids.toSorted());
    expect(ended[0]).toMatchObject({ source: '/crucible/notifier', actor: 'service:notifier', data: { attempts: 1 } });
    expect(await service.end()).toBe(0);
  });

  it('announces an alert that is grave, beside the ends of evaluations, and no other', async () => {
    const service = await start();
    await raiseAlert('medium');
    const grave = await raiseAlert('critical');
    const over = await complete();
    const ended = await endingsAre(2);
    expect(new Set(ended.map(({ data }) => `${data.about} ${data.evaluationId}`))).toEqual(
      new Set([`crucible.alert.raised.v1 ${grave}`, `crucible.evaluation.completed.v1 ${over}`]),
    );
    expect(receiver.received.map(({ verified }) => (verified as { type: string }).type).toSorted()).toEqual([
      'crucible.alert.raised.v1',
      'crucible.evaluation.completed.v1',
    ]);
    expect(service.log.filter(({ level }) => level >= 50)).toEqual([]);
  });

  it('tries again after 500, and meanwhile delivers the next', async () => {
    const service = await start();
    receiver.answers = [status(500)];
    const first = await complete();
    await receiver.has(1);
    const second = await complete();
    const ended = await endingsAre(2);
    expect(ended.map(({ data }) => [data.evaluationId, data.attempts])).toEqual([
      [second, 1],
      [first, 2],
    ]);
    expect(receiver.received[2]?.id).toBe(receiver.received[0]?.id);
    expect(service.log.filter(({ level }) => level >= 50)).toEqual([]);
  });

  it('writes a dead letter after the last attempt', async () => {
    await start({ CRUCIBLE_WEBHOOK_ATTEMPTS_MAX: '2' });
    receiver.answers = [status(500), (answer) => answer.socket?.destroy()];
    await complete();
    const [ending] = await endingsAre(1);
    expect(ending).toMatchObject({ type: 'crucible.delivery.failed.v1', data: { attempts: 2 } });
    await sleep(500);
    expect(receiver.received.length).toBe(2);
  });

  it('is killed between two attempts and tries again, as the same delivery', async () => {
    const first = await start();
    receiver.answers = [status(503)];
    await complete();
    await receiver.has(1);
    await sleep(200);
    await first.end('SIGKILL');
    await start();
    // Killed before it gave the event back, it gets it again when the server has waited for it: after half a minute.
    const [ending] = await endingsAre(1, 45_000);
    expect(ending).toMatchObject({ type: 'crucible.delivery.succeeded.v1' });
    expect(receiver.received.length).toBeGreaterThanOrEqual(2);
    // A server of 2.9 takes a delivery off its count when the next one falls due while nobody is there to take it.
    expect(ending?.data.attempts).toBeGreaterThanOrEqual(receiver.received.length - 1);
    expect(ending?.data.attempts).toBeLessThanOrEqual(receiver.received.length);
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(1);
    await sleep(500);
    expect((await endings()).length).toBe(1);
  });

  it('outlives its server, and announces what ended around its death once', async () => {
    await start();
    for (let index = 0; index < 5; index += 1) await complete();
    await server.die();
    await sleep(300);
    await server.comeBack();
    for (let index = 0; index < 5; index += 1) await complete();
    const ended = await endingsAre(10, 50_000);
    expect(new Set(ended.map(({ data }) => data.deliveryId)).size).toBe(10);
    await sleep(1_000);
    expect((await endings()).length).toBe(10);
  });

  it('idles without a webhook, and does not announce the past when it gets one', async () => {
    const idle = await start({ CRUCIBLE_WEBHOOK_URL: '', CRUCIBLE_WEBHOOK_SECRET: '' });
    await complete();
    for (const deadline = Date.now() + 5_000; Date.now() < deadline; await sleep(50)) {
      const { ack_floor } = await bus.jsm.consumers.info('EVENTS', 'notifier');
      if (ack_floor.stream_seq === 1) break;
    }
    expect(await idle.end()).toBe(0);
    await start();
    const later = await complete();
    expect((await endingsAre(1)).map(({ data }) => data.evaluationId)).toEqual([later]);
    expect(receiver.received.length).toBe(1);
  });

  it('names what is wrong with its environment and exits', async () => {
    const service = new ServiceProcess(MAIN, {
      CRUCIBLE_HOME: home,
      CRUCIBLE_HEALTH_PORT: '1',
      CRUCIBLE_WEBHOOK_URL: 'gopher://example.com',
    });
    services.push(service);
    expect(await service.ended()).toBe(78);
    expect(service.log.at(-1)?.msg).toContain('CRUCIBLE_WEBHOOK_URL: must be an http or https URL');
  });
});
