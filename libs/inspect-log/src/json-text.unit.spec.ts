import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isShallow, jsonDepthMax, jsonText } from './json-text.ts';

/** Names as well; of two that become the same, the later stays. */
const wellFormed = (value: Readonly<Record<string, string>>): unknown =>
  Object.fromEntries(Object.entries(value).map((entry) => entry.map((each) => each.toWellFormed())));

describe('JSON of a log', () => {
  it('holds no half characters, in values and in names', () => {
    const text = jsonText({ '\udc00': 'a\ud800b', whole: '\u{1f600}', written: '\\ud800', after: '\\\ud800' });
    expect(text).not.toMatch(/(?<!\\)(?:\\\\)*\\ud/);
    expect(JSON.parse(text)).toEqual({
      '\ufffd': 'a\ufffdb',
      whole: '\u{1f600}',
      written: '\\ud800',
      after: '\\\ufffd',
    });
  });

  it('is what it was otherwise, whatever it holds', () => {
    const unit = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\ud800', '\\ud800', '\\', '\\\\ud800', '\u0000', '"'),
    );
    const said = fc.array(unit, { maxLength: 6 }).map((all) => all.join(''));
    fc.assert(
      fc.property(fc.dictionary(said, said, { maxKeys: 3 }), (value) => {
        expect(JSON.parse(jsonText(value))).toEqual(wellFormed(value));
      }),
      { numRuns: 200, seed: 5 },
    );
  });

  it('goes no deeper than its readers', () => {
    const deep = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
    expect(isShallow(deep(jsonDepthMax))).toBe(true);
    expect(isShallow(deep(jsonDepthMax + 1))).toBe(false);
    expect(isShallow(deep(100_000))).toBe(false);
  });
});
