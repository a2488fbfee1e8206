import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLogger } from '@crucible/service-kit';
import { hashLeaf, openNote, parseCheckpoint } from '@crucible/transparency';
import type { Hash } from '@crucible/transparency';
import { verifierOf } from '@crucible/transparency/node';
import type { HashTile } from '../tree/tree-files.ts';
import { Sealer } from './sealer.ts';
import { Trail } from './trail.ts';
import type { Anchor } from './trail.ts';

const signer = { name: 'log', privateKey: generateKeyPairSync('ed25519').privateKey };
const logger = createLogger('audit', 'silent');

/** A tree whose leaves fit into one tile. */
class SmallTree {
  readonly difference: string | null = null;
  readonly leaves: Hash[] = [];
  add(position: number, leaf: Hash): void {
    this.leaves[position - 1] = leaf;
  }
  flush(): void {
    if (this.leaves.length >= 256) throw new Error('too many');
  }
  adopt(): void {}
  read({ width }: HashTile): Uint8Array {
    return Buffer.concat(this.leaves.slice(0, width));
  }
}

/** A log of which only the length is asked, and the checkpoints that were published. */
class World {
  head = 0;
  reachable = true;
  readonly notes: string[] = [];
  kept: string | null = null;

  readonly ports = {
    log: { head: () => this.#ask(() => this.head) },
    checkpoints: { append: (note: string) => this.#ask(() => this.notes.push(note)) },
    tree: new SmallTree(),
    own: { write: async (note: string) => void (this.kept = await Promise.resolve(note)) },
  };

  sizes(): (number | undefined)[] {
    return this.notes.map((note) => {
      const opened = openNote(note, verifierOf(signer));
      return opened.ok ? parseCheckpoint(opened.text)?.size : undefined;
    });
  }

  #ask<T>(answer: () => T): Promise<T> {
    return this.reachable ? Promise.resolve().then(answer) : Promise.reject(new Error('bus gone'));
  }
}

let world: World;
let trail: Trail;
let sealer: Sealer;
const open = (anchors: readonly Anchor[] = [], sealed = 0): void => {
  world = new World();
  trail = new Trail(anchors);
  const last = anchors.find(({ checkpoint }) => checkpoint.size === sealed);
  const note = 'signed before';
  const opened = { trail, last: last === undefined ? null : { note, checkpoint: last.checkpoint, sequence: null } };
  sealer = new Sealer(opened, world.ports, signer, { eventsMax: 10, waitMsMax: 1_000 });
};
const add = (count: number): void => {
  const { size } = trail;
  world.head = Math.max(world.head, size + count);
  for (let position = size + 1; position <= size + count; position += 1) {
    sealer.add({ position, body: Buffer.from(`event ${position}`) });
  }
};
const rootAt = (size: number): Uint8Array => {
  const other = new Trail([]);
  for (let position = 1; position <= size; position += 1)
    other.add(position, hashLeaf(Buffer.from(`event ${position}`)));
  return other.root();
};
const anchorAt = (size: number, root = rootAt(size)): Anchor => ({
  checkpoint: { origin: 'log', size, root },
  from: 'the last checkpoint',
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(async () => {
  await sealer.stop();
  vi.useRealTimers();
});
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('sealing', () => {
  it('signs nothing while nothing was added', async () => {
    open();
    sealer.start(logger);
    await pass(10_000);
    expect(world.sizes()).toEqual([]);
  });

  it('signs when its time is over and something was added, once', async () => {
    open();
    sealer.start(logger);
    await pass(10);
    add(3);
    await pass(900);
    expect(world.sizes()).toEqual([]);
    await pass(200);
    expect(world.sizes()).toEqual([3]);
    await pass(10_000);
    expect(world.sizes()).toEqual([3]);
    expect(world.kept).toBe(world.notes[0]);
  });

  it('signs at once when enough was added', async () => {
    open();
    sealer.start(logger);
    await pass(10);
    add(12);
    await pass(10);
    expect(world.sizes()).toEqual([12]);
  });

  it('signs nothing of a log it has not read to the end of when it began', async () => {
    open();
    world.head = 50;
    sealer.start(logger);
    await pass(10);
    add(40);
    await pass(3_000);
    expect(world.sizes()).toEqual([]);
    add(10);
    await pass(1_000);
    expect(world.sizes()).toEqual([50]);
  });

  it('signs no size twice over a restart', async () => {
    open([anchorAt(5)], 5);
    world.head = 5;
    sealer.start(logger);
    add(5);
    await pass(5_000);
    expect(world.sizes()).toEqual([]);
    add(1);
    await pass(1_000);
    expect(world.sizes()).toEqual([6]);
  });

  it('signs nothing any more once the log differs from what was signed', async () => {
    open([anchorAt(5, rootAt(4))], 5);
    world.head = 5;
    sealer.start(logger);
    add(30);
    await pass(5_000);
    expect(world.sizes()).toEqual([]);
    expect(await sealer.problem()).toContain('events 1 to 5 are not those');
  });

  it('signs nothing any more once the log got shorter', async () => {
    open();
    sealer.start(logger);
    add(5);
    await pass(2_000);
    world.head = 4;
    await pass(2_000);
    world.head = 20;
    add(15);
    await pass(2_000);
    expect(world.sizes()).toEqual([5]);
    expect(await sealer.problem()).toContain('the log ends at 4, but 5 events were read');
  });

  it('says why it cannot publish, and publishes when it can again', async () => {
    open();
    sealer.start(logger);
    await pass(10);
    add(2);
    world.reachable = false;
    await pass(3_000);
    await expect(sealer.problem()).rejects.toThrow('bus gone');
    world.reachable = true;
    expect(await sealer.problem()).toBe('no checkpoint could be published: bus gone');
    await pass(1_000);
    expect(world.sizes()).toEqual([2]);
    expect(await sealer.problem()).toBeNull();
  });

  it('is not ready while it is far behind', async () => {
    open();
    world.head = 2_000;
    expect(await sealer.problem()).toBe('2000 events behind the log');
    add(1_500);
    expect(await sealer.problem()).toBeNull();
  });

  it('signs what came in last when it ends', async () => {
    open();
    sealer.start(logger);
    await pass(10);
    add(1);
    await sealer.stop();
    expect(world.sizes()).toEqual([1]);
  });
});
