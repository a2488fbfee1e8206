import { describe, expect, it } from 'vitest';
import { contains, readableChars } from './contains.ts';

const AAA = 'a'.repeat(2_000_000);

describe('contains', () => {
  it.each([
    [`${AAA}b`, 'aab'.padStart(5_000, 'a'), true],
    [AAA, `b${'a'.repeat(9_999)}`, false],
    [`${'ab'.repeat(1_000_000)}abb`, `${'ab'.repeat(2_000)}b`, true],
    [`x${'𝄞'.repeat(500_000)}y`, `${'𝄞'.repeat(4_000)}y`, true],
    ['abc', 'c', true],
    ['', 'c', false],
  ])('%#', (text, target, found) => expect(contains(text, target)).toEqual({ found, cut: false }));

  it('agrees with the language on small alphabets', () => {
    let seed = 7;
    const letters = (length: number): string =>
      Array.from({ length }, () => 'ab'[(seed = (seed * 48_271) % 2_147_483_647) % 2]).join('');
    for (let run = 0; run < 300; run += 1) {
      const [text, target] = [letters(200), letters(1 + (run % 9))];
      // So many searches that none may use the language's own.
      const searches = 50_000_000 / 200;
      expect(contains(text, target, searches).found).toBe(text.includes(target));
    }
  });

  it('reads less of the text the more searches share the bound, and says so', () => {
    const searches = 100;
    const text = `${'.'.repeat(readableChars(searches))}b`;
    expect(contains(text, 'b', searches)).toEqual({ found: false, cut: true });
    expect(contains(text, 'b')).toEqual({ found: true, cut: false });
  });

  it('takes no longer for a target that is made to be slow', () => {
    const before = performance.now();
    contains('a'.repeat(8_000_000), `b${'a'.repeat(9_999)}`);
    expect(performance.now() - before).toBeLessThan(5_000);
  });
});
