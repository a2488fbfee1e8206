import { describe, expect, it } from 'vitest';
import {
  FrameForged,
  FrameReader,
  encodeFrame,
  encodePieces,
  parseCallReport,
  parseCount,
  parseEntryHead,
  type Frame,
} from './frames.ts';

const NONCE = '0123456789abcdef0123456789abcdef';

/** As init writes it. */
const said = (kind: string, number: number, payload: string | Buffer = ''): Buffer => {
  const bytes = Buffer.from(payload as string);
  const head = Buffer.alloc(9);
  head.write(kind, 'latin1');
  head.writeUInt32BE(number, 1);
  head.writeUInt32BE(bytes.length, 5);
  return Buffer.concat([Buffer.from(NONCE), head, bytes]);
};
const told = (frames: Iterable<Frame>): string[] =>
  [...frames].map(({ kind, number, payload }) => `${kind}${number}:${payload.toString('latin1')}`);

describe('FrameReader', () => {
  const all = Buffer.concat([said('o', 1, 'out'), said('e', 1), said('r', 4_294_967_295, `${NONCE}o`)]);
  const expected = ['o1:out', 'e1:', `r4294967295:${NONCE}o`];

  it('finds frames however they are cut', () => {
    for (let size = 1; size <= all.length; size += 1) {
      const reader = new FrameReader(NONCE);
      const found: string[] = [];
      for (let at = 0; at < all.length; at += size) found.push(...told(reader.push(all.subarray(at, at + size))));
      expect(found).toEqual(expected);
    }
  });

  it.each([
    ['another secret', Buffer.from(said('o', 1, 'x').toString('latin1').replace('0', '1'), 'latin1')],
    ['bytes of nobody', Buffer.from('hello')],
    ['a kind that is none', said('z', 1)],
    ['a payload longer than any', Buffer.concat([said('o', 1).subarray(0, 37), Buffer.from([255, 255, 255, 255])])],
  ])('trusts nothing from %s on', (_, bytes) => {
    const reader = new FrameReader(NONCE);
    expect(told(reader.push(said('o', 1, 'before')))).toEqual(['o1:before']);
    expect(() => told(reader.push(bytes))).toThrow(FrameForged);
    expect(() => told(reader.push(said('o', 1, 'after')))).toThrow(FrameForged);
  });

  it('gives what came before a forgery in the same piece', () => {
    const found: Frame[] = [];
    const reader = new FrameReader(NONCE);
    expect(() => {
      for (const frame of reader.push(Buffer.concat([said('o', 1, 'x'), Buffer.from('forged')]))) found.push(frame);
    }).toThrow(FrameForged);
    expect(told(found)).toEqual(['o1:x']);
  });
});

describe('words', () => {
  it('are framed', () => {
    expect(encodeFrame('x', 258, Buffer.from('ab'), Buffer.from('c')).toString('latin1')).toBe(
      'x\0\0\x01\x02\0\0\0\x03abc',
    );
    expect(encodePieces('i', 1, new Uint8Array())).toEqual([]);
    expect(encodePieces('i', 1, Buffer.alloc(130_000)).map(({ length }) => length)).toEqual([60_009, 60_009, 10_009]);
  });

  it('tell the end of a call', () => {
    expect(parseCallReport(Buffer.from('time 9 700 12 3 1 0'))).toEqual({
      cause: 'time',
      waitStatus: 9,
      elapsedMs: 700,
      bytesDropped: 12,
      tasksLeft: 3,
      diskFull: true,
      atTasksMax: false,
    });
  });

  it.each(['', 'end', 'end 0 1 0 0 0', 'end -1 1 0 0 0 0', 'gone 0 1 0 0 0 0', 'end 0 1 0 0 2 0', 'end 0 1 0 0 0 0\n'])(
    'are not taken for an end: %j',
    (text) => expect(parseCallReport(Buffer.from(text))).toBeNull(),
  );

  it('tell counts and entries', () => {
    expect(['12', '0', '', '-1', '1e3', '9'.repeat(16)].map((text) => parseCount(Buffer.from(text)))).toEqual([
      12,
      0,
      null,
      null,
      null,
      null,
    ]);
    expect(parseEntryHead(Buffer.from('f 420 a b/c'))).toEqual({ kind: 'f', mode: 420, path: Buffer.from('a b/c') });
    expect(['', 'f 420', 'x 420 a', 'f  a', 'd 1 a'].map((text) => parseEntryHead(Buffer.from(text)))).toEqual(
      Array(5).fill(null),
    );
  });
});
