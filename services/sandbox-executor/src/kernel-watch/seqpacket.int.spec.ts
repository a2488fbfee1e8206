import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SeqpacketServer, SeqpacketSocket } from 'node-unix-socket';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BATCH_BYTES_MAX } from './evidence.ts';
import { startFlood } from './flood.fixture.ts';
import { CONTAINER, gvisor, opened } from './messages.fixture.ts';
import { SocketTakenError } from './seqpacket.ts';
import { KernelWatch } from './watch.ts';
import { HANDSHAKE } from './wire.ts';

let folder: string;
let path: string;
let watch: KernelWatch;
const clients: SeqpacketSocket[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'crucible-watch-'));
  path = join(folder, 'trace.sock');
  watch = new KernelWatch();
});
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  watch.close();
  rmSync(folder, { recursive: true });
});

/** A sandbox's end of the socket. `closed` resolves when the watch hangs up. */
const connect = async (): Promise<{
  send: (...packets: Buffer[]) => void;
  hangUp: () => void;
  closed: Promise<void>;
  answer: Promise<Buffer>;
}> => {
  const client = new SeqpacketSocket();
  clients.push(client);
  client.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => client.on('end', resolve).on('close', resolve));
  const answer = new Promise<Buffer>((resolve) => client.on('data', resolve));
  await new Promise<void>((resolve) => client.connect(path, resolve));
  return {
    send: (...packets) => packets.forEach((packet) => client.write(packet)),
    hangUp: () => client.destroy(),
    closed,
    answer,
  };
};

describe('the socket', () => {
  it('is its owner’s alone and goes away with the watch', () => {
    watch.listen(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    watch.close();
    expect(() => statSync(path)).toThrow();
  });

  it('replaces what a crashed process left behind', async () => {
    writeFileSync(path, '');
    watch.listen(path);
    expect(statSync(path).isSocket()).toBe(true);
    await connect();
  });

  it('is not taken from a live process', async () => {
    const other = new SeqpacketServer();
    other.listen(path);
    expect(() => watch.listen(path)).toThrow(SocketTakenError);
    other.close();
    watch.listen(path);
    await connect();
  });

  it('does not remove the socket of whoever came after it', () => {
    watch.listen(path);
    rmSync(path);
    const next = new KernelWatch();
    next.listen(path);
    watch.close();
    expect(statSync(path).isSocket()).toBe(true);
    next.close();
  });
});

describe('a session', () => {
  it('answers the handshake, tells acts and ends with the connection', async () => {
    watch.listen(path);
    const lines: string[] = [];
    const attachment = watch.attach(CONTAINER, { onRecords: (batch) => void lines.push(batch.lines) });
    const sandbox = await connect();
    sandbox.send(HANDSHAKE);
    expect(await sandbox.answer).toEqual(HANDSHAKE);
    sandbox.send(gvisor.start(), ...opened({ tid: 2 }, '/etc/shadow', 0, 2));
    await sleep(50);
    sandbox.hangUp();
    expect(await attachment.close()).toMatchObject({ observed: true, records: 2, findings: [{ rule: 'host-secret' }] });
    expect(lines.join('').trim().split('\n')).toHaveLength(2);
  });

  it('is kept for who attaches late, even after its end', async () => {
    watch.listen(path);
    const sandbox = await connect();
    sandbox.send(HANDSHAKE, gvisor.start());
    await sleep(50);
    sandbox.hangUp();
    await sleep(50);
    expect(await watch.attach(CONTAINER).close()).toMatchObject({ observed: true, records: 1 });
  });

  it('is waited for when a sandbox was gone before its first packet was read', async () => {
    watch.listen(path);
    const sandbox = await connect();
    sandbox.send(HANDSHAKE, gvisor.start());
    const report = watch.attach(CONTAINER).close();
    await sleep(100);
    sandbox.hangUp();
    expect(await report).toMatchObject({ observed: true });
  });

  it('was not observed if it never came or never ended', async () => {
    watch.listen(path);
    expect(await watch.attach('nobody').close(50)).toMatchObject({ observed: false, records: 0 });
    const sandbox = await connect();
    sandbox.send(HANDSHAKE, gvisor.start());
    await sleep(50);
    expect(await watch.attach(CONTAINER).close(50)).toMatchObject({ observed: false, records: 1 });
  });

  it('cannot be claimed twice, nor replaced by a second connection', async () => {
    watch.listen(path);
    const attachment = watch.attach(CONTAINER);
    expect(() => watch.attach(CONTAINER)).toThrow(/already watched/);
    const [first, second] = [await connect(), await connect()];
    first.send(HANDSHAKE, gvisor.start(), gvisor.raw({ tid: 2 }, 165));
    await sleep(50);
    second.send(HANDSHAKE, gvisor.start());
    await sleep(50);
    second.hangUp();
    await sleep(50);
    first.hangUp();
    expect((await attachment.close()).findings).toHaveLength(1);
  });

  it('hangs up on a stranger without a handshake, and outlives garbage', async () => {
    watch.listen(path);
    const stranger = await connect();
    stranger.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await stranger.closed;
    const attachment = watch.attach(CONTAINER);
    const sandbox = await connect();
    sandbox.send(HANDSHAKE, gvisor.start(), Buffer.from('garbage'), Buffer.alloc(100_000, 0xff));
    await sleep(50);
    sandbox.hangUp();
    expect(await attachment.close()).toMatchObject({ observed: true, malformed: 2 });
  });
});

describe('fifty sandboxes that flood', () => {
  const ids = Array.from({ length: 50 }, (_, index) => String(index).padStart(64, '0'));
  const packets = 4_000;

  it('wait while the store stands still, cost bounded memory, and lose nothing', async () => {
    watch.listen(path);
    const store = Promise.withResolvers<void>();
    let stored = 0;
    let records = 0;
    const attachments = ids.map((id) =>
      watch.attach(id, {
        onRecords: ({ lines, records: more }) => {
          records += more;
          return store.promise.then(() => void (stored += lines.length));
        },
      }),
    );
    const flooder = startFlood(path, ids, packets);
    try {
      // Nothing is read any more as soon as each has one batch at the store and one in hand.
      for (let before = -1; watch.packets === 0 || watch.packets > before;) {
        before = watch.packets;
        await sleep(300);
      }
      expect(watch.packets).toBeLessThan((ids.length * 2.2 * BATCH_BYTES_MAX) / 100);
      expect(records).toBeLessThan((ids.length * 1.1 * BATCH_BYTES_MAX) / 100);
      store.resolve();
      expect(await flooder.ended).toBe(0);
      const reports = await Promise.all(attachments.map((attachment) => attachment.close(20_000)));
      for (const report of reports)
        expect(report).toMatchObject({ observed: true, records: packets + 1, dropped: 0, sampledOut: 0, malformed: 0 });
      await sleep(10);
      expect(records).toBe(ids.length * (packets + 1));
      expect(stored).toBeGreaterThan(records * 100);
    } finally {
      flooder.stop();
    }
  });

  it('are each read to the end, however short the grace and however far behind the reading is', async () => {
    watch.listen(path);
    const few = ids.slice(0, 4);
    const attachments = few.map((id) => watch.attach(id));
    const flooder = startFlood(path, few, packets);
    try {
      await expect.poll(() => few.every((id) => watch.connected(id))).toBe(true);
      for (const report of await Promise.all(attachments.map((attachment) => attachment.close(1))))
        expect(report).toMatchObject({ observed: true, records: packets + 1, dropped: 0 });
      expect(await flooder.ended).toBe(0);
    } finally {
      flooder.stop();
    }
  });

  it('are told to be connected from their first message to their last', async () => {
    watch.listen(path);
    const sandbox = await connect();
    expect(watch.connected(CONTAINER)).toBe(false);
    sandbox.send(HANDSHAKE, gvisor.start());
    await expect.poll(() => watch.connected(CONTAINER)).toBe(true);
    const attachment = watch.attach(CONTAINER);
    expect(watch.connected(CONTAINER)).toBe(true);
    sandbox.hangUp();
    await expect.poll(() => watch.connected(CONTAINER)).toBe(false);
    expect(await attachment.close()).toMatchObject({ observed: true });
  });
});
