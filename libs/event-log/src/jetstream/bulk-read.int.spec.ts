import { afterEach, beforeEach, expect, it } from 'vitest';
import { LogIncomplete } from '../port.ts';
import { TestNatsServer } from '../testing/index.ts';
import { readStretch } from './bulk-read.ts';
import type { Bus } from './connection.ts';

let server: TestNatsServer;
let bus: Bus;
beforeEach(async () => {
  server = await TestNatsServer.start();
  bus = await server.bus('test');
});
afterEach(() => server.stop());

const put = async (count: number): Promise<void> => {
  for (let done = 0; done < count; done += 250)
    await Promise.all(
      Array.from({ length: Math.min(250, count - done) }, () =>
        bus.js.publish('crucible.events.evaluation.one', Buffer.from('{}')),
      ),
    );
};
const never = (): AbortSignal => new AbortController().signal;
const batchesOf = async (from: number, to: number, signal = never()): Promise<number[][]> => {
  const batches: number[][] = [];
  for await (const batch of readStretch(bus, { from, to, batchMax: 300 }, signal))
    batches.push(batch.map(({ position }) => position));
  return batches;
};
const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

it('gives a stretch whole and in order, and nothing behind it', async () => {
  await put(1_000);
  const batches = await batchesOf(1, 950);
  expect(batches.flat()).toEqual(upTo(950));
  expect(Math.max(...batches.map(({ length }) => length))).toBe(300);
  expect((await batchesOf(700, 701)).flat()).toEqual([700, 701]);
  expect(await batchesOf(5, 4)).toEqual([]);
  expect((await bus.jsm.streams.info('EVENTS')).state.consumer_count).toBe(0);
});

it('goes on when the server is killed in the middle', async () => {
  await put(2_000);
  const seen: number[] = [];
  for await (const batch of readStretch(bus, { from: 1, to: 2_000, batchMax: 100 }, never())) {
    seen.push(...batch.map(({ position }) => position));
    if (seen.length !== 500) continue;
    await server.die();
    await server.comeBack();
  }
  expect(seen).toEqual(upTo(2_000));
});

it('ends with its signal', async () => {
  await put(500);
  const over = new AbortController();
  const seen: number[] = [];
  for await (const batch of readStretch(bus, { from: 1, to: 10_000, batchMax: 100 }, over.signal)) {
    seen.push(...batch.map(({ position }) => position));
    over.abort();
  }
  expect(seen.length).toBeLessThan(500);
});

it('tells of a position that is missing', async () => {
  const { config } = await bus.jsm.streams.info('EVENTS');
  await bus.jsm.streams.delete('EVENTS');
  await bus.jsm.streams.add({ ...config, deny_delete: false, deny_purge: false });
  await put(600);
  await bus.jsm.streams.deleteMessage('EVENTS', 400);
  await expect(batchesOf(1, 600)).rejects.toBeInstanceOf(LogIncomplete);
});
