import { describe, expect, it } from 'vitest';
import { JUDGED_EVERY, JUDGED_IN_FULL_BYTES_MAX, JudgedOutput } from './judged-output.ts';

const CHUNK = 64 * 1024;

describe('output as rules judge it', () => {
  it('is all of it, as far as it is not very much', () => {
    const output = new JudgedOutput();
    const events = ['hello ', 'wor', 'ld'].flatMap((text) => output.take('stdout', Buffer.from(text), 1));
    expect(events.map(({ text }) => text)).toEqual(['hello ', 'hello wor', 'hello world']);
    expect(events.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(11);
  });

  it('is sampled beyond, each sample with its true place and no broken character', () => {
    const output = new JudgedOutput();
    const whole = Buffer.from('äöü€\u{1f600}'.repeat(Math.ceil((40 * JUDGED_IN_FULL_BYTES_MAX) / 13))).subarray(
      0,
      32 * JUDGED_IN_FULL_BYTES_MAX,
    );
    let judged = 0;
    for (let at = 0; at < whole.byteLength; at += CHUNK) {
      for (const event of output.take('stderr', whole.subarray(at, at + CHUNK), at)) {
        expect(event.invalid).toBe(0);
        judged += event.bytes;
        if (at < JUDGED_IN_FULL_BYTES_MAX) continue;
        const { offset } = event.place;
        const length = Buffer.byteLength(event.text);
        expect(whole.subarray(offset ?? -1, (offset ?? -1) + length).toString()).toBe(event.text);
      }
    }
    const beyond = whole.byteLength - JUDGED_IN_FULL_BYTES_MAX;
    expect(judged).toBeGreaterThan(JUDGED_IN_FULL_BYTES_MAX + beyond / JUDGED_EVERY / 1.1);
    expect(judged).toBeLessThan(JUDGED_IN_FULL_BYTES_MAX + (beyond / JUDGED_EVERY) * 1.1);
  });
});
