import { setTimeout as sleep } from 'node:timers/promises';
import { subjects } from '@crucible/events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { describeEventLog, newEvaluationId, request, take } from '../event-log.contract.ts';
import { BusUnavailable, SubjectTooLong } from '../port.ts';
import type { StoredEvent } from '../port.ts';
import { TcpProxy, TestNatsServer } from '../testing/index.ts';
import { openBus } from './connection.ts';
import type { Bus } from './connection.ts';
import { JetStreamEventLog } from './event-log.ts';

let server: TestNatsServer;
let bus: Bus;
beforeAll(async () => {
  server = await TestNatsServer.start();
  bus = await server.bus('test');
});
afterAll(() => server.stop());

describeEventLog('JetStream', () =>
  Promise.resolve({
    log: new JetStreamEventLog(bus),
    inject: async (subject, body) => void (await bus.js.publish(subject, body)),
    underId: (id) => new JetStreamEventLog({ ...bus, edge: { ...bus.edge, newId: () => id } }),
  }),
);

describe('a subject with more events than are handed over at once', () => {
  const count = 10_050;

  it('is read event by event, and not as a whole', async () => {
    const name = subjects.evaluation(newEvaluationId());
    const log = new JetStreamEventLog(bus);
    const body = Buffer.from('{}');
    for (let sent = 0; sent < count; sent += 150)
      await Promise.all(Array.from({ length: 150 }, () => bus.js.publish(name, body)));
    await expect(log.readSubject(name)).rejects.toBeInstanceOf(SubjectTooLong);
    const { lastSequence } = await log.readSubject(name, Number.MAX_SAFE_INTEGER);
    let [read, last] = [0, 0];
    for await (const { position } of log.readAll(name)) {
      expect(position).toBeGreaterThan(last);
      [read, last] = [read + 1, position];
    }
    expect([read, last]).toEqual([count, lastSequence]);
  }, 60_000);
});

describe('the JetStream log when acknowledgements are lost', () => {
  let proxy: TcpProxy;
  let log: JetStreamEventLog;
  let throughProxy: Bus;
  const open = async () => {
    proxy = await TcpProxy.to(server.port);
    throughProxy = await server.bus('through a proxy', proxy.url);
    log = new JetStreamEventLog(throughProxy);
  };
  afterEach(async () => {
    await throughProxy.nc.close();
    await proxy.close();
  });

  const stored = async (id: ReturnType<typeof newEvaluationId>) =>
    (await new JetStreamEventLog(bus).readSubject(subjects.evaluation(id))).events;

  it.each([0, undefined])('stores once and succeeds, expecting sequence %s', async (expected) => {
    await open();
    const id = newEvaluationId();
    proxy.loseAnswers();
    const appending = log.append(request(id, expected === undefined ? {} : { expectedSequence: expected }));
    while ((await stored(id)).length === 0) await sleep(10);
    proxy.heal();
    const [event] = await stored(id);
    expect(await appending).toMatchObject({ ok: true, position: event?.position });
    expect((await stored(id)).length).toBe(1);
  });

  it('tells of a conflict when somebody else was first', async () => {
    await open();
    const id = newEvaluationId();
    await new JetStreamEventLog(bus).append(request(id));
    proxy.loseAnswers();
    const appending = log.append(request(id, { expectedSequence: 0 }));
    await sleep(200);
    proxy.heal();
    expect(await appending).toMatchObject({
      ok: false,
      failure: 'wrong-sequence',
      lastSequence: (await stored(id))[0]?.position,
    });
  });

  it('recognises its own event under one that came later, and stores it once', async () => {
    await open();
    const id = newEvaluationId();
    proxy.loseAnswers();
    const appending = log.append(request(id));
    while ((await stored(id)).length === 0) await sleep(10);
    await new JetStreamEventLog(bus).append(request(id));
    proxy.heal();
    const first = (await stored(id))[0]?.position;
    expect(await appending).toMatchObject({ ok: true, position: first });
    expect((await stored(id)).length).toBe(2);
  });
});

describe('the JetStream log when its server is killed', () => {
  let mortal: TestNatsServer;
  let log: JetStreamEventLog;
  let mortalBus: Bus;
  beforeAll(async () => {
    mortal = await TestNatsServer.start();
    mortalBus = await mortal.bus('test');
    log = new JetStreamEventLog(mortalBus);
  });
  afterAll(() => mortal.stop());

  it('follows on without gap or repeat', async () => {
    const following = take(log, { from: 1 }, 30, 20_000);
    for (let index = 0; index < 30; index += 1) {
      if (index === 10) {
        await mortal.die();
        setTimeout(() => void mortal.comeBack(), 300);
      }
      expect((await log.append(request(newEvaluationId()))).ok).toBe(true);
    }
    expect((await following).map(({ position }) => position)).toEqual(
      Array.from({ length: 30 }, (_, index) => index + 1),
    );
  });

  it('appends once while it reconnects', async () => {
    const ids = Array.from({ length: 50 }, newEvaluationId);
    const before = await log.head();
    const appending = ids.map((id) => log.append(request(id, { expectedSequence: 0 })));
    await mortal.die();
    const duringOutage = newEvaluationId();
    appending.push(log.append(request(duringOutage, { expectedSequence: 0 })));
    await sleep(500);
    await mortal.comeBack();
    const results = await Promise.all(appending);
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
    expect(await log.head()).toBe(before + ids.length + 1);
  });

  it('goes on following after a long outage and a quiet time', async () => {
    const from = (await log.head()) + 1;
    const seen: StoredEvent[] = [];
    const stop = new AbortController();
    const following = (async () => {
      for await (const stored of log.follow({ from, signal: stop.signal })) seen.push(stored);
    })();
    await sleep(200);
    await mortal.die();
    await sleep(6_000);
    await mortal.comeBack();
    await sleep(1_000);
    await log.append(request(newEvaluationId()));
    for (const deadline = Date.now() + 10_000; seen.length === 0 && Date.now() < deadline;) await sleep(20);
    stop.abort();
    await following;
    expect(seen.map(({ position }) => position)).toEqual([from]);
  });

  it('says that the bus is not there instead of waiting for ever', async () => {
    await mortal.die();
    await expect(openBus({ url: mortal.url, name: 'test' })).rejects.toBeInstanceOf(BusUnavailable);
    await expect(log.head()).rejects.toBeInstanceOf(BusUnavailable);
    await expect(log.append(request(newEvaluationId()))).rejects.toBeInstanceOf(BusUnavailable);
    await mortal.comeBack();
  });
});
