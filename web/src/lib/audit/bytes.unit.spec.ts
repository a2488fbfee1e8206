import { describe, expect, it } from 'vitest';
import { hexDump, storedBytes } from './bytes.ts';

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');

describe('stored bytes', () => {
  it('are shown as harmless text, with the leaf of what was stored', () => {
    const stored = storedBytes(base64('{"a":"\u202ex\u0007"}'));
    expect(stored).toMatchObject({ isText: true, shown: '{"a":"\\u202ex␇"}' });
    expect(storedBytes('')?.leaf).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
  });

  it('are shown in hex where they are no text', () => {
    const stored = storedBytes(base64(Uint8Array.of(0xff, 0x41, 0x00)));
    expect(stored?.isText).toBe(false);
    expect(stored?.shown).toMatch(/^00000 {2}ff 41 00 +·A·$/);
    expect(storedBytes('*')).toBeNull();
  });

  it('go sixteen to a row', () => {
    expect(
      hexDump(new Uint8Array(33))
        .split('\n')
        .map((row) => row.slice(0, 5)),
    ).toEqual(['00000', '00010', '00020']);
  });
});
