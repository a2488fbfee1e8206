import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogIncomplete } from '../port.ts';
import { TcpProxy, TestNatsServer } from '../testing/index.ts';
import type { Bus } from './connection.ts';
import { JetStreamEventLog } from './event-log.ts';

const FIRST = 'crucible.events.evaluation.first';
const OTHER = 'crucible.events.evaluation.other';

let server: TestNatsServer;
let bus: Bus;
beforeEach(async () => {
  server = await TestNatsServer.start();
  bus = await server.bus('test');
});
afterEach(() => server.stop());

const put = async (count: number, subject = FIRST): Promise<void> => {
  for (let done = 0; done < count; done += 250)
    await Promise.all(
      Array.from({ length: Math.min(250, count - done) }, () => bus.js.publish(subject, Buffer.from('{}'))),
    );
};
/** Makes EVENTS anew as no platform would have it: so that something can be taken out of it. */
const loosen = async (): Promise<void> => {
  const { config } = await bus.jsm.streams.info('EVENTS');
  await bus.jsm.streams.delete('EVENTS');
  await bus.jsm.streams.add({ ...config, deny_delete: false, deny_purge: false });
};
const positions = async (
  on: Bus,
  count: number,
  options: { readonly from?: number; readonly subject?: string } = {},
): Promise<number[]> => {
  const seen: number[] = [];
  const signal = AbortSignal.timeout(20_000);
  for await (const { position } of new JetStreamEventLog(on).follow({ from: 1, signal, ...options })) {
    seen.push(position);
    if (seen.length === count) break;
  }
  return seen;
};
const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe('following the log', () => {
  it('makes no consumer', async () => {
    await put(10);
    await positions(bus, 10);
    expect((await bus.jsm.streams.info('EVENTS')).state.consumer_count).toBe(0);
  });

  it('tells of a position that is missing, wherever it is', async () => {
    await loosen();
    await put(600);
    for (const missing of [500, 1, 2]) {
      await bus.jsm.streams.deleteMessage('EVENTS', missing);
      const wanted = missing === 2 ? { from: 2 } : {};
      await expect(positions(bus, 600, wanted)).rejects.toBeInstanceOf(LogIncomplete);
    }
    expect(await positions(bus, 100, { from: 501 })).toEqual(upTo(600).slice(500));
  });

  it('tells of a log that ends before what was read', async () => {
    await loosen();
    await put(5);
    const following = positions(bus, 100);
    const failed = expect(following).rejects.toBeInstanceOf(LogIncomplete);
    await sleep(200);
    await loosen();
    await put(2);
    await failed;
  });

  it('finds what is sparse and what is dense, in order', async () => {
    await put(30);
    await put(700, OTHER);
    await put(5);
    await put(300, OTHER);
    await put(200);
    const wanted = [...upTo(30), ...upTo(735).slice(730), ...upTo(1_235).slice(1_035)];
    expect(await positions(bus, wanted.length, { subject: FIRST })).toEqual(wanted);
    expect(await positions(bus, 1_235, { subject: 'crucible.events.evaluation.*' })).toEqual(upTo(1_235));
  });

  it('goes on behind a broken connection and lost answers', async () => {
    const proxy = await TcpProxy.to(server.port);
    const shaky = await server.bus('shaky', proxy.url);
    try {
      const following = positions(shaky, 1_000);
      for (let round = 0; round < 5; round += 1) {
        await put(100);
        proxy.loseAnswers();
        await put(100);
        await sleep(50);
        proxy.heal();
      }
      expect(await following).toEqual(upTo(1_000));
    } finally {
      await shaky.nc.close();
      await proxy.close();
    }
  });

  it('asks little of the server for what it was told of', async () => {
    const reader = await server.bus('reader');
    const following = positions(reader, 41);
    await put(1);
    await sleep(300);
    const asked = reader.nc.stats().outMsgs;
    for (let count = 0; count < 40; count += 1) {
      await put(1);
      await sleep(20);
    }
    expect(await following).toEqual(upTo(41));
    // One look is in vain when the hint comes before its message can be read.
    expect(reader.nc.stats().outMsgs - asked).toBeLessThan(40 * 4);
  });

  it('goes on behind what was said and refused', async () => {
    const following = positions(bus, 6);
    for (let round = 0; round < 3; round += 1) {
      await put(1);
      // Heard by everybody, and stored by nobody.
      await expect(bus.js.publish(FIRST, Buffer.from('{}'), { expect: { lastSequence: 1_000 } })).rejects.toThrow();
      await put(1);
    }
    expect(await following).toEqual(upTo(6));
  });

  it('ends with its connection', async () => {
    const doomed = await server.bus('doomed');
    const following = positions(doomed, 1);
    await sleep(100);
    await doomed.nc.close();
    await put(1);
    expect(await following).toEqual([]);
  });
});
