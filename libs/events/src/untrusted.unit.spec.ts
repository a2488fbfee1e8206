import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayable, displayableLine } from './untrusted.ts';

/** Everything a terminal obeys or a reader cannot see, by the Unicode properties and not by our own list. */
const HARMFUL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufeff]/u;

const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '\u001b',
      '\u009b',
      '\u0000',
      '\r',
      '\n',
      '\t',
      '\u061c',
      '\u202e',
      '\u2066',
      '\ufeff',
      '<',
      '\ud83d',
      '\udca9',
      '💩',
    ),
    fc.string({ unit: 'binary', maxLength: 1 }),
  ),
});

describe('displayable', () => {
  it('shows control characters as signs and keeps tab and newline', () => {
    expect(displayable('a\u001b[31mred\u0007\r\n\tb\u007f')).toBe('a␛[31mred␇␍\n\tb␡');
    expect(displayable('\u009b31m')).toBe('\\u009b31m');
    expect(displayable('user\u202etxt.exe\u061c')).toBe('user\\u202etxt.exe\\u061c');
  });

  it('shows the invisible letters that smuggle text past a reader', () => {
    expect(displayable('a\u{e0041}b')).toBe('a\\u{e0041}b');
    expect(displayable('a\u00adb\u180ec\ufff9d')).toBe('a\\u00adb\\u180ec\\ufff9d');
  });

  it('leaves nothing a terminal obeys or a reader cannot see', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(displayable(text).replace(/[\n\t]/g, '')).not.toMatch(HARMFUL);
      }),
    );
  });

  it('leaves ordinary text of any language alone', () => {
    const text = 'Ωμέγα, 漢字, हिन्दी, עברית, العربية, naïve – “quoted” 💩';
    expect(displayable(text)).toBe(text);
  });

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(displayable(displayable(text))).toBe(displayable(text));
      }),
    );
  });
});

describe('displayableLine', () => {
  it('is one line within its bound, well-formed, and marked when cut', () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 1, max: 50 }), (text, charsMax) => {
        const line = displayableLine(text, charsMax);
        expect(line.length).toBeLessThanOrEqual(charsMax);
        expect(line).not.toMatch(HARMFUL);
        expect(line.isWellFormed()).toBe(true);
      }),
    );
    expect(displayableLine('a'.repeat(11), 10)).toBe(`${'a'.repeat(9)}…`);
    expect(displayableLine('a'.repeat(10), 10)).toBe('a'.repeat(10));
    expect(displayableLine(`ab💩`, 3)).toBe('ab…');
  });
});
