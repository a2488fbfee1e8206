import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from './catalogue/keys.ts';
import { matches, SecretSearch } from './secrets.ts';

const value = 'sk-proj-A1b2_C3d4-E5f6G7h8';
const secret = new Secret('env KEY', value);
const reverse = (text: string): string => [...text].reverse().join('');
const hex = (text: string): string => Buffer.from(text).toString('hex');
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('a key', () => {
  it.each([
    ['as it is', `here: ${value}.`, 'plain', false],
    ['in another case', value.toUpperCase(), 'plain', false],
    ['spaced out', value.split('').join(' '), 'plain', false],
    ['as a list of letters', JSON.stringify([...value]), 'plain', false],
    ['reversed', `x${reverse(value)}y`, 'plain', true],
    ['in hex', hex(value), 'hex', false],
    ['in hex, in upper case, as a dump', hex(value).toUpperCase().replace(/../g, '$& '), 'hex', false],
    ['in hex, reversed before', hex(reverse(value)), 'hex', true],
    ['in hex, reversed after', reverse(hex(value)), 'hex', true],
    ['in base64', base64(value), 'base64', false],
    ['in base64 behind one byte', base64(`a${value}z`), 'base64', false],
    ['in base64 behind two', base64(`ab${value}zz`), 'base64', false],
    ['in base64 in lines', base64(`{"key":"${value}"}`).replace(/.{10}/g, '$&\n'), 'base64', false],
    ['in base64 for URLs', Buffer.from(`??>${value}`).toString('base64url'), 'base64', false],
    ['in base64, reversed', reverse(base64(value)), 'base64', true],
    ['for a URL', encodeURIComponent(`"${value}"`), 'plain', false],
    ['for a URL, every letter', hex(value).replace(/../g, '%$&'), 'plain', false],
    ['for a URL, twice', encodeURIComponent(hex(value).replace(/../g, '%$&')), 'plain', false],
    ['as escapes', hex(value).replace(/../g, '\\x$&'), 'plain', false],
    ['as escapes of JSON', hex(value).replace(/../g, '\\u00$&'), 'plain', false],
  ] as const)('is found %s', (_, text, encoding, reversed) => {
    expect(matches(text, [secret])).toContainEqual({ name: 'env KEY', encoding, reversed });
  });

  it('is found anywhere in anything', () => {
    const ways = [value, reverse(value), hex(value), base64(value), hex(value).replace(/../g, '%$&')];
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.constantFrom(...ways), (before, after, written) => {
        expect(matches(`${before} ${written} ${after}`, [secret]).length).toBeGreaterThan(0);
      }),
    );
  });

  it('is found in base64 whatever stands before and behind it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9 }), fc.uint8Array({ maxLength: 9 }), (before, after) => {
        const text = Buffer.concat([before, Buffer.from(value), after]).toString('base64');
        expect(matches(text, [secret]).length).toBeGreaterThan(0);
      }),
    );
  });

  it('is not found where it is not', () => {
    fc.assert(fc.property(fc.string({ maxLength: 2_000 }), (text) => matches(text, [secret]).length === 0));
    expect(matches(value.slice(0, -2), [secret])).toEqual([]);
  });

  it('that is only a word is not looked for, and masked all the same', () => {
    const word = new Secret('env LOCAL', 'ollama');
    expect(matches('run ollama', [word])).toEqual([]);
    expect(new SecretSearch([word]).redact('Bearer ollama is wrong')).toBe('Bearer [key env LOCAL] is wrong');
  });

  it('is not in a message of ours, however it was written there', () => {
    const search = new SecretSearch([secret]);
    expect(search.redact(`bad key ${value}`)).toBe('bad key [key env KEY]');
    expect(search.redact(`bad key ${base64(value)}`)).toBe('[withheld: it holds the key env KEY]');
    expect(search.redact('nothing here')).toBe('nothing here');
  });
});
