import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleEntryName, sampleIdIn } from './sample-name.ts';

describe('a sample’s id in a log', () => {
  it.each(['find', 'HumanEval/0', 'größe 3', 'a.b', "it's (so)"])(
    'is the suite’s own where that names a file: %s',
    (id) => {
      expect(sampleIdIn(id)).toBe(id);
    },
  );

  it.each([
    ['../x', '%2E%2E%2Fx'],
    ['a/../../b', '%61%2F%2E%2E%2F%2E%2E%2Fb'],
    ['/etc/passwd', '%2Fetc%2Fpasswd'],
    ['C:\\x', '%43%3A%5Cx'],
    ['a//b', '%61%2F%2Fb'],
    ['NUL.txt', '%4EUL%2Etxt'],
    ['a\u0000b', '%61%00b'],
    ['100%', '%3100%25'],
    ['dot.', '%64ot%2E'],
    ['', ''],
    ['\ud800', '%EF%BF%BD'],
  ])('is written another way where it could be another place: %j', (id, written) => {
    expect(sampleIdIn(id)).toBe(written);
  });

  it('never leaves its folder, fits into a file’s name and is no other sample’s', () => {
    const sign = fc.constantFrom(...'.. / \\ % : a A 0 é \u0000 \u202e \u{1f600} ~ con -'.split(' '), ' ');
    const id = fc.oneof(
      fc.string({ minLength: 1, maxLength: 100 }),
      fc.array(sign, { minLength: 1, maxLength: 40 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(id, id, (one, other) => {
        const name = sampleEntryName(sampleIdIn(one), 1);
        expect(posix.normalize(name)).toBe(name);
        expect(name.startsWith('samples/')).toBe(true);
        for (const part of name.split('/')) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(255);
        expect(/[\u0000-\u001f\\:]/.test(name)).toBe(false);
        if (one.toWellFormed() !== other.toWellFormed()) expect(sampleIdIn(one)).not.toBe(sampleIdIn(other));
      }),
      { numRuns: 200, seed: 5 },
    );
  });
});
