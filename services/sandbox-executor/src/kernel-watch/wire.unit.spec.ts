import { describe, expect, it } from 'vitest';
import { decode } from './messages.ts';
import { encode, gvisor, opened, packet, sockaddr } from './messages.fixture.ts';
import { Session } from './session.ts';
import { FieldReader, HANDSHAKE, isHandshake, readHeader } from './wire.ts';

/** mulberry32: small, seeded, good enough to shuffle bytes. */
const randomOf = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

const who = { tid: 7, tgid: 5 };
const samples: readonly Buffer[] = [
  gvisor.start(),
  gvisor.clone(who, 9),
  gvisor.image(who, '/bin/sh'),
  gvisor.taskExit(who, 256),
  gvisor.raw(who, 165, 1, 2, 3, -1),
  gvisor.rawExit(435, 11, 5),
  ...opened(who, '/etc/passwd', 0o101, 13),
  gvisor.connect(who, sockaddr.inet('192.0.2.1', 80)),
  gvisor.connect(who, sockaddr.unix('/tmp/s'), 2),
  gvisor.execve(who, 'ls', ['ls', '-la']),
  gvisor.socket(who, 2, 1, 0),
  gvisor.cloneExit(who, 17, 11),
];

describe('header and handshake', () => {
  it('reads little-endian fields and skips a longer header', () => {
    const header = Buffer.from([12, 0, 7, 0, 5, 0, 0, 0, 9, 9, 9, 9]);
    expect(readHeader(header)).toEqual({ type: 7, dropped: 5, offset: 12 });
  });

  it.each([
    ['short', Buffer.alloc(7)],
    ['a header smaller than itself', Buffer.from([4, 0, 7, 0, 0, 0, 0, 0])],
    ['a header beyond the packet', Buffer.from([9, 0, 7, 0, 0, 0, 0, 0])],
    ['too long', Buffer.alloc(256 * 1024 + 1, 8)],
  ])('refuses a packet that is %s', (_name, bytes) => expect(readHeader(bytes)).toBeUndefined());

  it('accepts version 1 only', () => {
    expect(isHandshake(HANDSHAKE)).toBe(true);
    for (const bytes of [[], [8], [8, 2], [8, 0], [0x0a, 1, 1], [8, 1, 0xff]]) {
      expect(isHandshake(Buffer.from(bytes)), String(bytes)).toBe(false);
    }
  });
});

describe('FieldReader', () => {
  const numberOf = (value: number | bigint): FieldReader => {
    const bytes = encode([[3, value]]);
    const reader = new FieldReader(bytes, 0, bytes.length);
    expect(reader.next()).toBe(true);
    return reader;
  };

  it('reads numbers of every width', () => {
    for (const value of [0, 1, 127, 128, 2 ** 28 - 1, 2 ** 28, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 35, 2 ** 53 - 1]) {
      expect(numberOf(value).unsigned, String(value)).toBe(value);
      expect(numberOf(value).signed, String(value)).toBe(value);
    }
    for (const value of [-1, -100, -(2 ** 31), -(2 ** 40)]) expect(numberOf(value).signed).toBe(value);
    expect(numberOf((1n << 64n) - 1n).halves).toEqual([0xffff_ffff, 0xffff_ffff]);
  });

  it.each([
    ['a number that does not end', [0x08, 0x80]],
    ['a number of more than 64 bits', [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]],
    ['a length beyond the message', [0x0a, 5, 1]],
    ['a huge length', [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ['field number zero', [0x00, 1]],
    ['a group', [0x0b]],
    ['a cut fixed field', [0x09, 1, 2]],
  ])('fails without throwing on %s', (_name, bytes) => {
    const reader = new FieldReader(Buffer.from(bytes), 0, bytes.length);
    while (reader.next()) expect(reader.failed).toBe(false);
    expect(reader.failed).toBe(true);
  });

  it('cuts text and never splits a surrogate out of its bounds', () => {
    const bytes = encode([[3, '\u{1f600}'.repeat(400)]]);
    const reader = new FieldReader(bytes, 0, bytes.length);
    reader.next();
    expect(reader.text(10).length).toBeLessThanOrEqual(10);
  });
});

describe('decode under hostile input', () => {
  const checked = (bytes: Buffer): boolean => {
    const decoded = decode(bytes);
    if (decoded.ok) expect(JSON.stringify(decoded.message).length).toBeLessThan(64 * 1024);
    else expect(['bad-header', 'unknown-type', 'bad-payload']).toContain(decoded.reason);
    return decoded.ok;
  };

  it('reads every sample', () => {
    for (const sample of samples) expect(checked(sample), sample.toString('hex')).toBe(true);
  });

  it('never throws on random packets', () => {
    const random = randomOf(20_240_729);
    for (let round = 0; round < 5_000; round += 1) {
      const bytes = Buffer.from(Array.from({ length: Math.floor(random() * 64) }, () => Math.floor(random() * 256)));
      if (bytes.length >= 8 && random() < 0.9) {
        bytes.writeUInt16LE(8, 0);
        bytes.writeUInt16LE(Math.floor(random() * 40), 2);
      }
      checked(bytes);
    }
  });

  it('never throws on mutated, cut and spliced packets, alone or as a session', () => {
    const random = randomOf(42);
    const pick = (most: number): number => Math.floor(random() * most);
    for (let round = 0; round < 5_000; round += 1) {
      const session = new Session(['/work']);
      if (random() < 0.8) session.take(gvisor.start());
      let bytes = Buffer.from(samples[pick(samples.length)] as Buffer);
      for (let change = pick(4); change >= 0; change -= 1) bytes[pick(bytes.length)] = pick(256);
      if (random() < 0.3) bytes = bytes.subarray(0, pick(bytes.length));
      if (random() < 0.2) bytes = Buffer.concat([bytes, (samples[pick(samples.length)] as Buffer).subarray(8)]);
      checked(bytes);
      session.take(bytes);
      session.end();
      expect(session.report().observed).toBe(session.containerId !== undefined);
    }
  });

  it('bounds what it keeps of enormous messages', () => {
    const many = packet(11, [[6, 'x'.repeat(100_000)], ...Array.from({ length: 40_000 }, () => [7, 'a'] as const)]);
    const decoded = decode(many);
    expect(decoded.ok && decoded.message.type === 'exec' && decoded.message.args.length).toBe(16);
    expect(decoded.ok && decoded.message.type === 'exec' && decoded.message.path.length).toBe(4096);
  });
});
