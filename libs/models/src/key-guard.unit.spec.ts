import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from './catalogue/keys.ts';
import { SecretSearch } from './secrets.ts';

const value = 'sk-proj-A1b2_C3d4-E5f6G7h8';
const search = new SecretSearch([new Secret('env KEY', value), new Secret('env SHORT', 'ollama')]);
const reverse = (text: string): string => [...text].reverse().join('');
const hex = (text: string): string => Buffer.from(text).toString('hex');
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const percent = (text: string): string => hex(text).replace(/../g, '%$&');
const ways = {
  'as it is': value,
  'spaced out': value.split('').join(' '),
  'as a list of letters': JSON.stringify([...value]),
  reversed: reverse(value),
  'in hex': hex(value),
  'in hex, as a dump': hex(value).toUpperCase().replace(/../g, '$& '),
  'in base64 behind a byte': base64(`a${value}zz`),
  'in base64, reversed': reverse(base64(value)),
  'for a URL': percent(value),
  'for a URL, twice': encodeURIComponent(percent(value)),
  'as escapes': hex(value).replace(/../g, '\\x$&'),
  'as escapes of JSON': hex(value).replace(/../g, '\\u00$&'),
  'as escapes of escapes': hex(hex(value).replace(/../g, '\\x$&')).replace(/../g, '%$&'),
};

/** What was let through of pieces, and what of it was let through while they came. */
const through = (pieces: readonly string[]): { readonly shown: string; readonly found: string | null } => {
  const guard = search.guard();
  return { shown: pieces.map((piece) => guard.push(piece)).join(''), found: guard.found };
};
const cut = (text: string, charsEach: number): string[] => text.match(new RegExp(`[^]{1,${charsEach}}`, 'g')) ?? [];

/** Letters of which escapes, keys and what is left out between them are made. */
const tricky = fc.string({
  unit: fc.constantFrom('%', '\\', 'x', 'u', '0', '2', '5', '7', '3', 's', 'k', '-', '\u212a', ' ', '"', 'é'),
  maxLength: 40,
});

describe('a text that is shown as it comes', () => {
  describe.each(Object.entries(ways))('with a key %s', (_, written) => {
    it.each([1, 2, 3, 7, 1_000])('stops before it, in pieces of %i', (charsEach) => {
      const { shown, found } = through(cut(`here it is: ${written} and more`, charsEach));
      expect(found).toBe('env KEY');
      expect(shown).toMatch(/^here it is: .{0,2}\[withheld: it holds the key env KEY\]$/);
    });
  });

  it('holds back nothing where no key begins', () => {
    const guard = search.guard();
    expect(guard.push('The answer is 42')).toBe('The answer is 42');
    expect(guard.push(', a %20 and a \\n!')).toBe(', a %20 and a \\n!');
  });

  it('lets go of what looked like a key when it turns out to be none', () => {
    const guard = search.guard();
    expect(guard.push('try sk-proj-A1b2')).toBe('try ');
    expect(guard.push(' no!')).toBe('sk-proj-A1b2 no!');
  });

  it('says nothing more once a key was there', () => {
    const guard = search.guard();
    guard.push(value);
    expect(guard.push('anything')).toBe('');
  });

  it('finds what a search of the whole text finds, however it comes, and shows nothing of it before', () => {
    const written = fc.constantFrom(...Object.values(ways), ...Object.values(ways).map((way) => way.slice(0, -1)));
    fc.assert(
      fc.property(tricky, written, tricky, fc.integer({ min: 1, max: 9 }), (before, middle, after, charsEach) => {
        const text = `${before}${middle}${after}`;
        const { shown, found } = through(cut(text, charsEach));
        expect(found !== null).toBe(search.find(text).length > 0);
        expect(search.find(shown)).toEqual([]);
        const told = shown.replace(/\[withheld: it holds the key env KEY\]$/, '');
        expect(text.startsWith(told)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('lets everything through where there is no key to find', () => {
    const guard = new SecretSearch([]).guard();
    expect(guard.push(value)).toBe(value);
  });
});
