import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { decode } from './messages.ts';
import type { Field } from './messages.fixture.ts';
import { encode, gvisor, opened, packet, sockaddr } from './messages.fixture.ts';
import { Session } from './session.ts';
import { FieldReader, isHandshake, readHeader } from './wire.ts';

// Much work, and no test of how fast this machine is.
vi.setConfig({ testTimeout: 60_000 });

const who = { tid: 7, tgid: 5 };
const TYPES = [1, 2, 3, 5, 6, 7, 10, 11, 12, 23, 24, 29] as const;
const valid: readonly Buffer[] = [
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

const anyBytes = fc.uint8Array({ maxLength: 512 }).map((bytes) => Buffer.from(bytes));
const anyPayload = fc
  .tuple(fc.constantFrom(...TYPES), fc.nat(0xffff_ffff), anyBytes)
  .map(([type, dropped, payload]) => Buffer.concat([packet(type, [], dropped), payload]));

/** Well-formed fields that no gVisor would send so: any number, any order, any kind, nested without sense. */
const anyFields: fc.Arbitrary<readonly Field[]> = fc.letrec<{ fields: readonly Field[]; value: Field[1] }>((tie) => ({
  fields: fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), tie('value')), { maxLength: 12 }),
  value: fc.oneof(
    { maxDepth: 3 },
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    anyBytes,
    tie('fields'),
  ),
})).fields;
const anyMessage = fc
  .tuple(fc.constantFrom(...TYPES), anyFields, fc.nat(0xffff_ffff))
  .map(([type, fields, dropped]) => packet(type, fields, dropped));

type Change = (packet: Buffer) => Buffer;
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]): Change => (bytes) => {
    const changed = Buffer.from(bytes);
    if (changed.length > 0) changed[at % changed.length] = byte;
    return changed;
  }),
  fc.nat().map(
    (at): Change =>
      (bytes) =>
        bytes.subarray(0, at % (bytes.length + 1)),
  ),
  fc.tuple(fc.nat(), anyBytes).map(([at, more]): Change => (bytes) => {
    const place = at % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, place), more, bytes.subarray(place)]);
  }),
  fc.constantFrom(...valid).map(
    (other): Change =>
      (bytes) =>
        Buffer.concat([bytes, other.subarray(8)]),
  ),
);
const mutated = fc
  .tuple(fc.constantFrom(...valid), fc.array(change, { minLength: 1, maxLength: 4 }))
  .map(([bytes, changes]) => changes.reduce((changed, one) => one(changed), bytes));

const anyPacket = fc.oneof(anyBytes, anyPayload, anyMessage, mutated, fc.constantFrom(...valid));
const RUNS = { numRuns: 10_000 };

describe('any bytes at all', () => {
  it('are a message within its bounds or are refused by name, and never an exception', () => {
    fc.assert(
      fc.property(anyPacket, (bytes) => {
        const decoded = decode(bytes);
        if (decoded.ok) expect(JSON.stringify(decoded.message).length).toBeLessThan(64 * 1024);
        else expect(['bad-header', 'unknown-type', 'bad-payload']).toContain(decoded.reason);
      }),
      RUNS,
    );
  });

  it('are left as they were, and read the same a second time', () => {
    fc.assert(
      fc.property(anyPacket, (bytes) => {
        const before = Buffer.from(bytes);
        expect(decode(bytes)).toEqual(decode(before));
        expect(bytes.equals(before)).toBe(true);
      }),
      RUNS,
    );
  });

  it('are walked over in no more steps than they have bytes, never beyond their end', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const reader = new FieldReader(bytes, 0, bytes.length);
        let steps = 0;
        while (reader.next()) {
          steps += 1;
          if (!reader.isNumber) expect(reader.end).toBeLessThanOrEqual(bytes.length);
        }
        expect(steps).toBeLessThanOrEqual(bytes.length);
        expect(reader.next()).toBe(false);
      }),
      RUNS,
    );
  });

  it('are a header or a handshake only if they are one', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const header = readHeader(bytes);
        if (header) expect(header.offset).toBeLessThanOrEqual(bytes.length);
        expect(typeof isHandshake(bytes)).toBe('boolean');
      }),
      RUNS,
    );
  });

  it('make a session count what it cannot read, and end with a report whatever came', () => {
    fc.assert(
      fc.property(fc.array(anyPacket, { maxLength: 40 }), (packets) => {
        const session = new Session(['/work']);
        session.take(gvisor.start());
        session.evidence.deliverTo(() => undefined);
        let heard = 0;
        session.onAct = (act, n, at) => {
          expect(Number.isFinite(act.t) && Number.isFinite(at)).toBe(true);
          heard += 1;
          expect(n).toBe(heard + 1);
          return false;
        };
        for (const bytes of packets) session.take(bytes);
        session.end();
        session.close();
        const report = session.report();
        const unreadable = packets.filter((bytes) => !decode(bytes).ok).length;
        expect(report).toMatchObject({ observed: true, records: heard + 1 });
        expect(report.malformed).toBeGreaterThanOrEqual(unreadable);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('what gVisor can send', () => {
  it('is read back exactly, number by number', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const bytes = encode([[3, value]]);
        const reader = new FieldReader(bytes, 0, bytes.length);
        expect(reader.next()).toBe(true);
        const [low, high] = reader.halves;
        expect(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))).toBe(value);
      }),
      RUNS,
    );
  });

  it('is read back exactly, text by text', () => {
    const text = fc.string({ unit: 'binary', maxLength: 100 });
    fc.assert(
      fc.property(text, text, fc.integer({ min: 1, max: 2 ** 31 - 1 }), (path, folder, tid) => {
        const decoded = decode(
          packet(7, [
            [1, [[2, tid], [8, folder]]], // prettier-ignore
            [3, 257],
            [4, -100],
            [6, path],
          ]),
        );
        expect(decoded).toMatchObject({ ok: true, message: { path, dirfd: -100, context: { tid, cwd: folder } } });
      }),
      RUNS,
    );
  });

  it('takes time in proportion to its length, also at its longest and worst', () => {
    const worst = [
      packet(
        11,
        Array.from({ length: 40_000 }, () => [7, 'a'] as const),
      ),
      packet(
        7,
        Array.from({ length: 60_000 }, () => [1, []] as const),
      ),
      packet(6, Array.from({ length: 40_000 }, () => [5, -1] as const).slice(0, 20_000)),
      Buffer.concat([packet(7, []), Buffer.alloc(250_000, 0xff)]),
    ];
    for (const bytes of worst) {
      const began = performance.now();
      decode(bytes);
      expect(performance.now() - began).toBeLessThan(2_000);
    }
  });
});
