import { closeSync, openSync, readFileSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  leafHash,
  readCheckpoint,
  rootOfPath,
  TiledLogClient,
  tileAddress,
  treeHash,
} from './testing/tiled-log-client.ts';
import type { SignedRoot } from './testing/tiled-log-client.ts';
import { addCheckpointRequest, Witness } from './testing/witness.ts';
import { AuditWorld } from './testing/world.ts';

const EVENTS = 10_000;
const bodies = (count: number, from = 0): Buffer[] =>
  Array.from({ length: count }, (_, at) =>
    (from + at) % 97 === 0 ? Buffer.from([0xff, 0xfe, at % 256]) : Buffer.from(`{"event":${from + at}}`),
  );

const checkpointOver = async (world: AuditWorld, size: number): Promise<SignedRoot> => {
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(50)) {
    const answer = await world.ask('checkpoint').catch(() => undefined);
    if (answer?.status !== 200) continue;
    const checkpoint = readCheckpoint(await answer.text(), world.key);
    if (checkpoint.size === size) return checkpoint;
  }
  throw new Error(`no checkpoint over ${size}`);
};

describe('a tiled log of 10,000 events', () => {
  let world: AuditWorld;
  let client: TiledLogClient;
  beforeAll(async () => {
    world = await AuditWorld.open();
    client = new TiledLogClient((address) => world.bytes(address));
    await world.put(bodies(EVENTS));
    await world.startReady();
  });
  afterAll(() => world?.close());

  it('is read by a client that knows the format only: tiles lead to the signed root, at every level', async () => {
    const { root, size } = await checkpointOver(world, EVENTS);
    const leaves = await client.hashes(0, size);
    expect(treeHash(leaves).toString('base64')).toBe(root);
    const above = await client.hashes(1, size);
    expect(above.length).toBe(39);
    for (const [index, hash] of above.entries())
      expect(treeHash(leaves.slice(index * 256, index * 256 + 256)).equals(hash)).toBe(true);
  });

  it('gives its entries byte for byte, and they are the leaves', async () => {
    const entries = await client.entries(EVENTS);
    expect(entries).toEqual(bodies(EVENTS));
    const leaves = await client.hashes(0, EVENTS);
    expect(entries.every((entry, index) => leafHash(entry).equals(leaves[index] ?? Buffer.alloc(0)))).toBe(true);
  });

  it('has no tile but those of its checkpoint, in one spelling', async () => {
    const width = EVENTS % 256;
    for (const address of [tileAddress(0, 39, width), tileAddress(0, 39, 1), tileAddress(1, 0, 39)])
      expect((await world.ask(address)).status).toBe(200);
    const wrong = [
      ...[tileAddress(0, 39, 256), tileAddress(0, 39, width + 1), tileAddress(1, 0, 40), tileAddress(2, 0, 1)],
      ...['tile/0/39', 'tile/00/000', 'tile/0/x000/000', 'tile/0/000.p/256', 'tile/0/000.p/0', 'tile/64/000.p/1'],
      ...['tile/0/..%2f000', 'tile/0/000/', 'tile/entries/999', 'nothing'],
    ];
    for (const address of wrong) expect([address, (await world.ask(address)).status]).toEqual([address, 404]);
    expect((await world.ask('checkpoint', { method: 'POST' })).status).toBe(405);
  });

  it('proves that an event is in it, to somebody who has the key and the event', async () => {
    for (const position of [1, 2, 255, 256, 257, 4_096, 9_999, EVENTS]) {
      const proof = await world.text(`proof/${position}`);
      const [head = '', note = ''] = [proof.slice(0, proof.indexOf('\n\n')), proof.slice(proof.indexOf('\n\n') + 2)];
      const [version, index, ...path] = head.split('\n');
      expect([version, index]).toEqual(['c2sp.org/tlog-proof@v1', `index ${position - 1}`]);
      const { size, root } = readCheckpoint(note, world.key);
      const leaf = leafHash(bodies(1, position - 1)[0] ?? Buffer.alloc(0));
      const hashes = path.map((hash) => Buffer.from(hash, 'base64'));
      expect(rootOfPath(position - 1, size, leaf, hashes).toString('base64')).toBe(root);
    }
    for (const position of ['0', '01', 'x', '-1', '10001'])
      expect((await world.ask(`proof/${position}`)).status).toBe(404);
  });

  it('shows a stranger its hashes and nothing that was said', async () => {
    const status = async (path: string, authorization = ''): Promise<number> =>
      (await world.ask(path, { headers: { authorization } })).status;
    for (const path of ['checkpoint', 'key', tileAddress(0, 0, 256)]) expect(await status(path)).toBe(200);
    for (const path of [tileAddress('entries', 0, 256), 'export', 'proof/1', 'status', 'nothing'])
      for (const authorization of ['', 'Bearer', 'Bearer x', 'Basic eDp5'])
        expect([path, await status(path, authorization)]).toEqual([path, 401]);
  });

  it('says how it stands and whose key it is', async () => {
    const { origin } = await checkpointOver(world, EVENTS);
    const status = JSON.parse(await world.text('status')) as unknown;
    expect(status).toEqual({ origin, size: EVENTS, sealed: EVENTS, broken: null });
    expect(await world.text('key')).toBe(`${world.key}\n`);
  });

  it('goes on where it was after it was killed, also in the middle of writing a tile', async () => {
    await world.service.end('SIGKILL');
    // Half a hash at the end of one level, none of the last ones of another: what a crash leaves behind.
    truncateSync(world.levelFile(0), (EVENTS - 100) * 32 + 17);
    truncateSync(world.levelFile(1), 38 * 32 + 5);
    await world.put(bodies(300, EVENTS));
    await world.startReady();
    const { root, size } = await checkpointOver(world, EVENTS + 300);
    expect(treeHash(await client.hashes(0, size)).toString('base64')).toBe(root);
    expect((await client.hashes(1, size)).length).toBe(40);
    expect(readFileSync(world.levelFile(0)).length).toBe(size * 32);
    expect(world.service.log.filter(({ level }) => level >= 50)).toEqual([]);
  });
});

describe('a witness', () => {
  let world: AuditWorld;
  beforeAll(async () => {
    world = await AuditWorld.open();
    await world.startReady();
  });
  afterAll(() => world?.close());

  /** The newest checkpoint and the hashes under it, as a feeder reads them. */
  const serve = async (size: number): Promise<{ note: string; leaves: Buffer[] }> => {
    await checkpointOver(world, size);
    const note = await world.text('checkpoint');
    expect(readCheckpoint(note, world.key).size).toBe(size);
    return { note, leaves: await new TiledLogClient((address) => world.bytes(address)).hashes(0, size) };
  };

  it('cosigns every checkpoint as the log grows, by what the tiles prove', async () => {
    const witness = new Witness('witness.example/w1', world.key);
    let seen = 0;
    // Around powers of two and whole tiles, where proofs change their shape.
    for (const size of [1, 2, 3, 255, 256, 257, 700]) {
      await world.put(bodies(size - seen, seen));
      const { note, leaves } = await serve(size);
      const answer = witness.addCheckpoint(addCheckpointRequest(seen, leaves, note));
      expect([size, answer.status]).toEqual([size, 200]);
      // A note with the cosignature is the same checkpoint still.
      expect(readCheckpoint(`${note}${answer.body}`, world.key).size).toBe(size);
      seen = size;
    }
    const { note, leaves } = await serve(seen);
    expect(witness.addCheckpoint(addCheckpointRequest(seen, leaves, note)).status).toBe(200);
    expect(witness.addCheckpoint(addCheckpointRequest(257, leaves, note))).toEqual({ status: 409, body: '700\n' });
  });

  it('refuses a log whose past is another one, though the same key signed it', async () => {
    const witness = new Witness('witness.example/w2', world.key);
    const honest = await serve(700);
    expect(witness.addCheckpoint(addCheckpointRequest(0, honest.leaves, honest.note)).status).toBe(200);
    await world.service.end();
    // The operator sets the log back, forgets what was sealed, and lets it grow again.
    const other = await AuditWorld.open();
    try {
      await other.put(bodies(701).with(433, Buffer.from('forged')));
      rmSync(join(world.home, 'audit'), { recursive: true, force: true });
      const key = world.key;
      await world.startReady({ CRUCIBLE_NATS_URL: other.server.url });
      expect(world.key).toBe(key);
      const forged = await serve(701);
      expect(witness.addCheckpoint(addCheckpointRequest(700, forged.leaves, forged.note)).status).toBe(422);
      expect(witness.addCheckpoint(addCheckpointRequest(700, honest.leaves, forged.note)).status).toBe(422);
      const fresh = new Witness('witness.example/w3', key);
      expect(fresh.addCheckpoint(addCheckpointRequest(0, forged.leaves, forged.note)).status).toBe(200);
    } finally {
      await other.close();
    }
  });
});

describe('tiles that somebody changed', () => {
  let world: AuditWorld;
  beforeEach(async () => {
    world = await AuditWorld.open();
    await world.put(bodies(700));
    await world.startReady();
    await checkpointOver(world, 700);
  });
  afterEach(() => world?.close());

  const change = (level: number, index: number): void => {
    const file = openSync(world.levelFile(level), 'r+');
    writeSync(file, Buffer.alloc(32, 7), 0, 32, index * 32);
    closeSync(file);
  };

  it('are noticed at the next start, named, and made anew from the log', async () => {
    await world.service.end();
    change(0, 299);
    await world.startReady();
    const { root, size } = await checkpointOver(world, 700);
    const client = new TiledLogClient((address) => world.bytes(address));
    await expect.poll(async () => treeHash(await client.hashes(0, size)).toString('base64')).toBe(root);
    const said = world.service.log.find(({ level }) => level === 50);
    expect(said).toMatchObject({ difference: 'the kept tree has another event 300' });
  });

  it('are noticed before a checkpoint is signed over them, and none is', async () => {
    change(1, 0);
    await world.put(bodies(1, 700));
    await world.service.answers(503, 'the tiles on disk are not those of the log');
    expect(readCheckpoint(await world.text('checkpoint'), world.key).size).toBe(700);
    expect((await world.ask('export')).status).toBe(503);
    await world.service.end();
    await world.startReady();
    await checkpointOver(world, 701);
  });

  it('are no way to a wrong proof: it does not lead to the signed root', async () => {
    change(0, 10);
    const client = new TiledLogClient((address) => world.bytes(address));
    const { root, size } = await checkpointOver(world, 700);
    expect(treeHash(await client.hashes(0, size)).toString('base64')).not.toBe(root);
  });

  it('are left alone when it is the log that was changed, and tell where', async () => {
    await world.service.end();
    const other = await AuditWorld.open();
    try {
      await other.put(bodies(700).with(433, Buffer.from('forged')));
      const service = await world.start({ CRUCIBLE_NATS_URL: other.server.url });
      await service.answers(503, 'the kept tree has another event 434');
      expect(JSON.parse(await world.text('status'))).toMatchObject({ sealed: 700 });
      const client = new TiledLogClient((address) => world.bytes(address));
      const { root, size } = await checkpointOver(world, 700);
      expect(treeHash(await client.hashes(0, size)).toString('base64')).toBe(root);
    } finally {
      await other.close();
    }
  });
});
