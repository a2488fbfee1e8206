import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trialIdOf, trialIdSchema, uuidSchema, uuidv7 } from './ids.ts';

/** 16 bytes from hex, as the edge would draw them. */
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const random = fc.uint8Array({ minLength: 16, maxLength: 16 });
const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });

describe('uuidv7', () => {
  it('gives the example of RFC 9562, appendix A.6', () => {
    const randomness = bytesOf('000000000000' + '0cc3' + '18c4dc0c0c07398f');
    expect(uuidv7(0x017f22e279b0, randomness)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });

  it('is always a version 7 UUID of variant 2 that tells its time', () => {
    fc.assert(
      fc.property(time, random, (nowMs, bytes) => {
        const id = uuidv7(nowMs, bytes);
        expect(uuidSchema.safeParse(id).success).toBe(true);
        expect(id[14]).toBe('7');
        expect('89ab').toContain(id[19]);
        expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(nowMs);
      }),
    );
  });

  it('sorts by time as text', () => {
    fc.assert(
      fc.property(time, time, random, random, (one, other, a, b) => {
        fc.pre(one < other);
        expect(uuidv7(one, a) < uuidv7(other, b)).toBe(true);
      }),
    );
  });

  it('keeps 74 bits of what is drawn', () => {
    const none = uuidv7(0, new Uint8Array(16));
    const all = uuidv7(0, new Uint8Array(16).fill(255));
    expect(none).toBe('00000000-0000-7000-8000-000000000000');
    expect(all).toBe('00000000-0000-7fff-bfff-ffffffffffff');
  });

  it.each([Number.NaN, -1, 2 ** 48, Number.POSITIVE_INFINITY])('refuses %s as a time', (nowMs) => {
    expect(() => uuidv7(nowMs, new Uint8Array(16))).toThrow(RangeError);
  });

  it('refuses too little randomness', () => {
    expect(() => uuidv7(0, new Uint8Array(15))).toThrow(RangeError);
  });
});

describe('trial ids', () => {
  it('name sample, epoch and attempt', () => {
    expect(trialIdOf({ sampleIndex: 12, epoch: 3, attempt: 1 })).toBe('12-3-1');
  });

  it.each(['', '1-1', '1-1-1-1', '-1-1-1', '1.1.1', '1-1-1\n', '1-1-a', '12345678-1-1', '../1-1-1', '1-1-*'])(
    'refuse %j',
    (text) => {
      expect(trialIdSchema.safeParse(text).success).toBe(false);
    },
  );

  it('cannot be made for a place they cannot name', () => {
    expect(() => trialIdOf({ sampleIndex: 10_000_000, epoch: 1, attempt: 1 })).toThrow();
    expect(() => trialIdOf({ sampleIndex: 0.5, epoch: 1, attempt: 1 })).toThrow();
  });
});

describe('uuidSchema', () => {
  it.each([
    '017F22E2-79B0-7CC3-98C4-DC0C0C07398F',
    '017f22e279b07cc398c4dc0c0c07398f',
    '017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n',
    'x',
  ])('refuses %j', (text) => {
    expect(uuidSchema.safeParse(text).success).toBe(false);
  });
});
