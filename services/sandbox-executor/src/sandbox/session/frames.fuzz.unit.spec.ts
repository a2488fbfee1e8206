import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameForged, FrameReader, parseCallReport, parseCount, parseEntryHead, type Frame } from './frames.ts';

const NONCE = 'f'.repeat(32);

const KINDS = ['p', 'o', 'e', 'r', 'd', 'a', 'f', 'm', 'h', 'C', 'D', 'E', 'K', 'W'];
const said = ({ kind, number, payload }: { kind: string; number: number; payload: Uint8Array }): Buffer => {
  const head = Buffer.alloc(9);
  head.write(kind, 'latin1');
  head.writeUInt32BE(number, 1);
  head.writeUInt32BE(payload.length, 5);
  return Buffer.concat([Buffer.from(NONCE), head, payload]);
};
const frame = fc.record({
  kind: fc.constantFrom(...KINDS),
  number: fc.nat(0xffff_ffff),
  // What a guest writes is payload: among it, what it believes frames to be.
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.constant(Buffer.from(`${'0'.repeat(32)}r\0\0\0\x01\0\0\0\x0fend 0 1 0 0 0 0`)),
    fc.constant(Buffer.from(`${NONCE}r\0\0\0\x01\0\0\0\x0fend 0 1 0 0 0 0`)),
  ),
});
const hostile = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(Buffer.from(NONCE)), frame.map(said));

const cut = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const parts: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return parts;
};

/** Frames up to the first byte that is refused, and whether one was. */
const read = (parts: readonly Buffer[]): { readonly frames: Frame[]; readonly refused: boolean } => {
  const reader = new FrameReader(NONCE);
  const frames: Frame[] = [];
  try {
    for (const part of parts)
      for (const found of reader.push(part)) frames.push({ ...found, payload: Buffer.from(found.payload) });
  } catch (error) {
    if (!(error instanceof FrameForged)) throw error;
    return { frames, refused: true };
  }
  return { frames, refused: false };
};
const plain = ({ kind, number, payload }: { kind: string; number: number; payload: Uint8Array }) => ({
  kind,
  number,
  payload: Buffer.from(payload).toString('hex'),
});

describe('what comes out of a session', () => {
  it('is exactly what init said, whatever a guest put into it and however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1 }),
        (frames, sizes) => {
          const got = read(cut(Buffer.concat(frames.map(said)), sizes));
          expect(got.refused).toBe(false);
          expect(got.frames.map(plain)).toEqual(frames.map(plain));
        },
      ),
    );
  });

  it('is never more than init said before bytes of anybody else, and never an error of ours', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 4 }),
        fc.uint8Array({ minLength: 1, maxLength: 400 }),
        fc.array(hostile),
        (frames, noise, rest) => {
          fc.pre(noise[0] !== NONCE.charCodeAt(0));
          const bytes = Buffer.concat([...frames.map(said), noise, ...rest]);
          const got = read(cut(bytes, [7, 1, 250]));
          expect(got.refused).toBe(true);
          expect(got.frames.map(plain)).toEqual(frames.map(plain));
        },
      ),
    );
  });

  it('gives nothing without the secret', () => {
    fc.assert(
      fc.property(fc.array(hostile), (parts) => {
        const reader = new FrameReader('0'.repeat(32));
        try {
          for (const part of parts) expect([...reader.push(part)]).toEqual([]);
        } catch (error) {
          expect(error).toBeInstanceOf(FrameForged);
        }
      }),
    );
  });

  it('has payloads that never break their readers', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string().map((text) => Buffer.from(text)),
        ),
        (payload) => {
          const bytes = Buffer.from(payload);
          for (const parse of [parseCallReport, parseCount, parseEntryHead]) parse(bytes);
        },
      ),
    );
  });
});
