import { afterEach, describe, expect, it } from 'vitest';
import { PreflightMiss } from '../sandbox/engine-error.ts';
import { Bench, settle, smallWish, wish } from './pool.fixture.ts';
import { SandboxPool } from './pool.ts';
import type { PoolBounds } from './port.ts';
import { PoolClosed, PoolHeld } from './refusals.ts';

const MINUTE_MS = 60_000;
const bounds: PoolBounds = {
  idleMax: 8,
  idleMsMax: 10 * MINUTE_MS,
  preparingMax: 8,
  availableBytesMin: 1024 ** 3,
};

const opened: { readonly pool: SandboxPool; readonly bench: Bench }[] = [];
const poolOn = (bench: Bench, changes: Partial<PoolBounds> = {}): SandboxPool => {
  const pool = new SandboxPool(bench.ports, { ...bounds, ...changes });
  opened.push({ pool, bench });
  return pool;
};
/** A pool in which `count` of a kind wait, wanted or not. */
const filled = async (bench: Bench, count: number, changes: Partial<PoolBounds> = {}): Promise<SandboxPool> => {
  const pool = poolOn(bench, changes);
  pool.keep(wish, count);
  await bench.makeAll();
  expect(pool.idle).toBe(count);
  return pool;
};

afterEach(async () => {
  for (const { pool, bench } of opened.splice(0)) await Promise.all([pool.drain(), bench.makeAll()]);
});

describe('taking', () => {
  it('gives what waits at once, proven and with the check of its trace, and replaces it', async () => {
    const bench = new Bench();
    const pool = await filled(bench, 1);
    const taken = await pool.take(wish);
    expect(taken).toMatchObject({ origin: 'warm', prepared: { containerId: 'c1' } });
    expect(taken.preflight.checks).toEqual([
      { name: 'kernel', held: true, seen: 'gVisor' },
      { name: 'trace', held: true, seen: 'session connected' },
    ]);
    expect(pool.idle).toBe(0);
    await bench.makeAll();
    expect(pool.idle).toBe(1);
  });

  it('makes one when none waits', async () => {
    const bench = new Bench();
    const pool = poolOn(bench);
    const taking = pool.take(wish);
    await bench.orders[0]?.finish();
    expect(await taking).toMatchObject({ origin: 'cold', prepared: { containerId: 'c1' } });
  });

  it('never gives one sandbox twice', async () => {
    const bench = new Bench();
    const pool = await filled(bench, 4);
    const takes = Array.from({ length: 10 }, () => pool.take(wish));
    await bench.makeAll();
    const ids = (await Promise.all(takes)).map(({ prepared }) => prepared.containerId);
    expect(new Set(ids).size).toBe(10);
  });

  it('gives whoever waits longest the next that is made, also one that was begun ahead', async () => {
    const bench = new Bench();
    const pool = poolOn(bench);
    pool.keep(wish, 1);
    expect(bench.orders.length).toBe(1);
    const first = pool.take(wish);
    const second = pool.take(wish);
    await settle();
    expect(bench.orders.length).toBe(2);
    await bench.makeAll();
    expect((await first).prepared.containerId).toBe('c1');
    expect((await second).prepared.containerId).toBe('c2');
  });

  it('tells kinds apart by what their containers are, and by nothing else', async () => {
    const bench = new Bench();
    const pool = await filled(bench, 1);
    const longer = { ...wish, limits: { ...wish.limits, wallTimeMsMax: 1, outputBytesMax: 1 } };
    expect((await pool.take(longer)).origin).toBe('warm');
    await bench.makeAll();
    for (const other of [
      smallWish,
      { ...wish, image: 'other' },
      { ...wish, profile: { ...wish.profile, name: 'wide' } },
      { ...wish, profile: { ...wish.profile, version: '2' } },
    ]) {
      const taking = pool.take(other);
      await bench.makeAll();
      expect((await taking).origin).toBe('cold');
    }
  });
});

describe('a sandbox that is not what it was', () => {
  it('is not given out when its trace session is gone', async () => {
    const bench = new Bench();
    const pool = await filled(bench, 2);
    bench.connected.delete('c1');
    expect((await pool.take(wish)).prepared.containerId).toBe('c2');
    expect(bench.discarded).toEqual(['c1']);
  });

  it('is replaced when it dies while it waits', async () => {
    const bench = new Bench();
    const pool = poolOn(bench);
    pool.keep(wish, 1);
    const made = await bench.orders[0]?.finish();
    made?.die();
    await bench.makeAll();
    expect(pool.idle).toBe(1);
    expect((await pool.take(wish)).prepared.containerId).toBe('c2');
  });

  it('is replaced when the engine no longer has it', async () => {
    const bench = new Bench();
    const pool = await filled(bench, 2);
    bench.listed = ['c2'];
    await pool.sweep();
    expect(bench.discarded).toEqual(['c1']);
    await bench.makeAll();
    expect(pool.idle).toBe(2);
  });

  it('is destroyed when it has waited too long', async () => {
    const bench = new Bench();
    const pool = await filled(bench, 2);
    bench.nowMs += 10 * MINUTE_MS;
    await pool.sweep();
    expect(bench.discarded).toEqual(['c1', 'c2']);
  });

  it('never reaches a trial when its trace session does not connect', async () => {
    const bench = new Bench();
    const pool = poolOn(bench);
    bench.connected.has = () => (bench.nowMs += 1_000) < 0;
    const taking = pool.take(wish);
    const refused = expect(taking).rejects.toThrow(/isolation not proven: trace \(no session/);
    await bench.orders[0]?.finish();
    await refused;
    expect(bench.discarded).toEqual(['c1']);
    expect(pool.holds('c1')).toBe(false);
  });
});

describe('how many wait', () => {
  it('follows the busiest two seconds of the last minute, then one, then none', async () => {
    const bench = new Bench();
    const pool = poolOn(bench);
    const takes = Array.from({ length: 5 }, () => pool.take(wish));
    await bench.makeAll();
    for (const { prepared, release } of await Promise.all(takes)) {
      await prepared.discard();
      release();
    }
    await bench.makeAll();
    expect(pool.idle).toBe(5);
    bench.nowMs += 11 * MINUTE_MS;
    await pool.sweep();
    await bench.makeAll();
    expect(pool.idle).toBe(0);
    expect(bench.alive.size).toBe(0);
  });

  it('stays within its bound over all kinds, and a kind that is asked for gets the place of one that is not', async () => {
    const bench = new Bench();
    const pool = await filled(bench, 4, { idleMax: 4 });
    pool.keep(wish, 0);
    const takes = Array.from({ length: 3 }, () => pool.take(smallWish));
    await bench.makeAll();
    await Promise.all(takes);
    await bench.makeAll();
    expect(pool.idle).toBe(4);
    expect([...bench.alive.values()].filter((each) => each === smallWish).length).toBe(3 + 3);
  });

  it('is nothing when the pool is off', async () => {
    const bench = new Bench();
    const pool = poolOn(bench, { idleMax: 0 });
    pool.keep(wish, 1);
    const taking = pool.take(wish);
    await bench.makeAll();
    expect((await taking).origin).toBe('cold');
    expect([pool.idle, bench.alive.size]).toEqual([0, 1]);
  });

  it('does not grow while the machine lacks memory, but a trial gets its sandbox', async () => {
    const bench = new Bench();
    bench.bytes = 1024 ** 2;
    const pool = poolOn(bench);
    pool.keep(wish, 2);
    expect(bench.orders.length).toBe(0);
    const taking = pool.take(wish);
    await bench.makeAll();
    expect((await taking).origin).toBe('cold');
    expect(pool.idle).toBe(0);
  });
});

describe('the machine', () => {
  it('makes two ahead at once on two cores, and one while trials have them', async () => {
    const bench = new Bench();
    const pool = await filled(bench, 4);
    const [one, two] = [await pool.take(wish), await pool.take(wish)];
    expect(bench.orders.length).toBe(1);
    one.release();
    two.release();
    expect(bench.orders.length).toBe(2);
    await bench.makeAll();
    expect(pool.idle).toBe(4);
  });

  it('makes nothing ahead while a trial waits, and no more at once than it is told', async () => {
    const bench = new Bench();
    const pool = poolOn(bench, { preparingMax: 3 });
    pool.keep(smallWish, 2);
    expect(bench.orders.length).toBe(2);
    const takes = Array.from({ length: 5 }, () => pool.take(wish));
    await settle();
    expect(bench.orders.map((order) => order.wish)).toEqual([smallWish, smallWish, wish]);
    await bench.orders[0]?.finish();
    expect(bench.orders.map((order) => order.wish)).toEqual([smallWish, wish, wish]);
    await bench.makeAll();
    expect((await Promise.all(takes)).length).toBe(5);
  });
});

describe('a sandbox that cannot be prepared', () => {
  it('fails one trial, is heard of, and stops the making ahead', async () => {
    const bench = new Bench();
    const pool = poolOn(bench);
    pool.keep(wish, 3);
    const taking = pool.take(wish);
    const other = pool.take(wish);
    const miss = new PreflightMiss([{ name: 'routes', held: false, seen: 'a default route' }]);
    const refused = expect(taking).rejects.toBe(miss);
    bench.problem = 'told';
    await bench.orders[0]?.fail(miss);
    await refused;
    expect(bench.heard).toEqual(['isolation not proven: routes (a default route)']);
    await bench.makeAll();
    expect((await other).origin).toBe('cold');
    expect(pool.idle).toBe(0);
  });

  it('is told to who probes', async () => {
    const bench = new Bench();
    const pool = poolOn(bench);
    const probing = expect(pool.probe(wish)).rejects.toThrow('no engine');
    await bench.orders[0]?.fail(new Error('no engine'));
    await probing;
    const again = pool.probe(wish);
    await bench.makeAll();
    await again;
    expect(bench.heard).toEqual(['no engine', null]);
    expect(pool.idle).toBe(1);
  });
});

describe('what is ours', () => {
  it('is held from before it starts until its trial is over, or it is destroyed', async () => {
    const bench = new Bench();
    const pool = poolOn(bench);
    pool.keep(wish, 1);
    expect(pool.holds('c1')).toBe(true);
    await bench.makeAll();
    const taken = await pool.take(wish);
    expect(pool.holds('c1')).toBe(true);
    taken.release();
    taken.release();
    expect(pool.holds('c1')).toBe(false);
    await bench.makeAll();
    await pool.drain();
    expect(pool.holds('c2')).toBe(false);
  });
});

describe('while everything is stopped', () => {
  it('destroys what waits and what is still being made, and makes nothing ahead until it is released', async () => {
    const bench = new Bench();
    const pool = await filled(bench, 3);
    bench.alive.delete('c1');
    (await pool.take(wish)).release();
    expect(bench.orders.length).toBe(1);
    pool.hold();
    await bench.makeAll();
    await pool.sweep();
    await bench.makeAll();
    expect([pool.idle, bench.alive.size, pool.holds('c4')]).toEqual([0, 0, false]);
    bench.nowMs += MINUTE_MS;
    pool.keep(smallWish, 2);
    await pool.sweep();
    expect(bench.orders.length).toBe(0);
    pool.resume();
    await bench.makeAll();
    expect(pool.idle).toBe(5);
  });

  it('lets what runs die before it destroys what waits, and keeps that when it is released meanwhile', async () => {
    const bench = new Bench();
    const pool = await filled(bench, 2);
    const dead = Promise.withResolvers<void>();
    pool.hold(dead.promise);
    await settle();
    expect(pool.idle).toBe(2);
    pool.resume();
    dead.resolve();
    await settle();
    expect(pool.idle).toBe(2);
    pool.hold(Promise.reject(new Error('it would not die')));
    await settle();
    expect([pool.idle, bench.alive.size]).toEqual([0, 0]);
  });

  it('sends trials away that wait or come, and gives sandboxes again when it is released', async () => {
    const bench = new Bench();
    const pool = await filled(bench, 1);
    const waits = expect(pool.take(smallWish)).rejects.toBeInstanceOf(PoolHeld);
    pool.hold();
    await waits;
    await expect(pool.take(wish)).rejects.toBeInstanceOf(PoolHeld);
    await bench.makeAll();
    expect(bench.alive.size).toBe(0);
    pool.resume();
    await bench.makeAll();
    expect((await pool.take(wish)).origin).toBe('warm');
  });

  it('proves that sandboxes can be made, and keeps none', async () => {
    const bench = new Bench();
    const pool = poolOn(bench);
    pool.hold();
    const probing = pool.probe(wish);
    await bench.makeAll();
    await probing;
    expect(bench.heard).toEqual([null]);
    expect([pool.idle, bench.alive.size]).toEqual([0, 0]);
  });
});

describe('shutting down', () => {
  it('destroys what waits and what is still being made, and sends trials that wait away', async () => {
    const bench = new Bench();
    const pool = await filled(bench, 2);
    const [order] = [pool.take(smallWish)];
    const refused = expect(order).rejects.toBeInstanceOf(PoolClosed);
    await settle();
    const drained = pool.drain();
    await refused;
    await bench.makeAll();
    await drained;
    expect(bench.alive.size).toBe(0);
    await expect(pool.take(wish)).rejects.toBeInstanceOf(PoolClosed);
  });
});
