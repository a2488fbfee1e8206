import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Forwarding } from './forward.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

const begin = (bytesMax = 1 << 30) => {
  const sent: Buffer[] = [];
  const made: Duplex[] = [];
  const forwarding = new Forwarding((frame) => void sent.push(frame));
  forwarding.add(9, (connection) => void made.push(connection), { bytesMax });
  forwarding.hear(1, 'C', number(9));
  const [connection] = made;
  if (connection === undefined) throw new Error('no connection');
  const errors: string[] = [];
  connection.on('error', ({ message }) => errors.push(message));
  const words = (): string[] => sent.splice(0).map((frame) => `${frame.toString('latin1', 0, 1)}${frame.length - 9}`);
  return { forwarding, connection, errors, words, sent, made };
};

describe('a forwarded connection', () => {
  it('sends no more than there is room for, and goes on as room is given', async () => {
    const { forwarding, connection, words } = begin();
    let written = false;
    connection.end(Buffer.alloc(150_000), () => (written = true));
    expect(words()).toEqual(['D60000', 'D5536']);
    forwarding.hear(1, 'W', number(65_536));
    expect(words()).toEqual(['D60000', 'D5536']);
    forwarding.hear(1, 'W', number(65_536));
    await settle();
    expect(words()).toEqual(['D18928', 'E0']);
    expect(written).toBe(true);
  });

  it('gives room only for what was taken', async () => {
    const { forwarding, connection, words, errors } = begin();
    await settle();
    for (let sent = 0; sent < 65_536; sent += 16_384) forwarding.hear(1, 'D', Buffer.alloc(16_384));
    await settle();
    expect(words()).toEqual([]);
    connection.resume();
    await settle();
    await settle();
    expect(words()).toEqual(['W4', 'W4', 'W4', 'W4']);
    forwarding.hear(1, 'D', Buffer.alloc(65_536));
    expect(errors).toEqual([]);
  });

  it('is cut when more comes than there was room for', async () => {
    const { forwarding, errors } = begin();
    forwarding.hear(1, 'D', Buffer.alloc(65_536));
    forwarding.hear(1, 'D', Buffer.alloc(1));
    await settle();
    expect(errors).toEqual(['the guest sent more than there was room for']);
  });

  it('can still be read when the guest has ended it well', async () => {
    const { forwarding, connection, errors } = begin();
    connection.end();
    forwarding.hear(1, 'D', Buffer.from('last'));
    forwarding.hear(1, 'E', Buffer.alloc(0));
    forwarding.hear(1, 'K', Buffer.alloc(0));
    const parts: Buffer[] = [];
    for await (const part of connection) parts.push(part as Buffer);
    expect(Buffer.concat(parts).toString()).toBe('last');
    expect(errors).toEqual([]);
  });

  it('ends with an error when the guest breaks it off, or the sandbox ends', async () => {
    const broken = begin();
    broken.forwarding.hear(1, 'K', Buffer.alloc(0));
    const lost = begin();
    lost.forwarding.gone();
    await settle();
    expect([...broken.errors, ...lost.errors]).toEqual(['the guest broke the connection', 'the sandbox has ended']);
    expect([...broken.words(), ...lost.words()]).toEqual([]);
  });

  it('is told of when it is broken off here', async () => {
    const { connection, words } = begin();
    connection.destroy();
    await settle();
    expect(words()).toEqual(['K0']);
  });

  it('shares the bound on bytes with all others of its port', async () => {
    const { forwarding, connection, errors, words, made } = begin(100);
    forwarding.hear(2, 'C', number(9));
    connection.resume();
    forwarding.hear(2, 'D', Buffer.alloc(60));
    forwarding.hear(1, 'D', Buffer.alloc(60));
    await settle();
    expect(made.map(({ destroyed }) => destroyed)).toEqual([true, true]);
    expect(errors).toEqual(['the bound on forwarded bytes was reached']);
    words();
    forwarding.hear(3, 'C', number(9));
    forwarding.hear(4, 'C', number(8));
    expect([words(), made.length]).toEqual([['K0', 'K0'], 2]);
  });
});
