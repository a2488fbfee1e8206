import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNatsServer } from '../testing/nats-server.ts';
import { JetStreamCheckpoints } from './checkpoints.ts';

let server: TestNatsServer;
beforeAll(async () => {
  server = await TestNatsServer.start();
});
afterAll(() => server?.stop());

describe('checkpoints', () => {
  it('are read in order from any place, in pieces', async () => {
    const checkpoints = new JetStreamCheckpoints(await server.bus('test'));
    expect(await checkpoints.read(0, 10)).toEqual([]);
    expect(await checkpoints.last()).toBeNull();
    for (let sequence = 1; sequence <= 230; sequence += 1)
      expect(await checkpoints.append(`note ${sequence}`)).toBe(sequence);
    const all = await checkpoints.read(0, 1_000);
    expect(all).toEqual(Array.from({ length: 230 }, (_, at) => ({ sequence: at + 1, note: `note ${at + 1}` })));
    expect(await checkpoints.read(99, 150)).toEqual(all.slice(99));
    expect(await checkpoints.read(3, 2)).toEqual(all.slice(3, 5));
    expect(await checkpoints.read(230, 5)).toEqual([]);
    expect(await checkpoints.last()).toBe('note 230');
  });
});
