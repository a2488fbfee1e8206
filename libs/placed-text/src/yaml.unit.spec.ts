import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseYaml } from './yaml.ts';
import type { PlacedYaml } from './yaml.ts';

const parse = (text: string): PlacedYaml =>
  parseYaml(text, {
    what: 'a recipe',
    anchorsMax: 100,
    insteadOfAnchors: 'write it out',
    empty: 'is empty: no recipe',
  });
const complaints = (text: string): string[] =>
  parse(text).problems.map(({ place, message }) => `${place.line}:${place.column} ${message}`);

describe('YAML', () => {
  it('gives plain data and the place of each field', () => {
    const placed = parse('a:\n  b: [1, 2]\n  c:\n    - d: x\n');
    expect(placed.value).toEqual({ a: { b: [1, 2], c: [{ d: 'x' }] } });
    expect(placed.placeOf(['a', 'c', 0, 'd'])).toEqual({ line: 4, column: 7 });
    expect(placed.placeOf(['a', 'b', 1])).toEqual({ line: 2, column: 10 });
    expect(placed.placeOf(['a', 'missing'])).toEqual({ line: 1, column: 1 });
  });

  it('reads text that was saved on Windows', () => {
    expect(parse('a: |\r\n  one\r\n  two\r\nb: 1\r\n').value).toEqual({ a: 'one\ntwo\n', b: 1 });
  });

  it('has no yes, no, or octal surprises', () => {
    expect(parse('a: no\nb: 010\nc: on\nd: 1_000\n').value).toEqual({ a: 'no', b: 10, c: 'on', d: '1_000' });
  });

  it.each([
    ['', '0:0 is empty: no recipe'],
    ['# only a remark', '0:0 is empty: no recipe'],
    ['a: 1\na: 2', '2:1 is written twice in one map: keep one of them'],
    ['a:\n\tb: 1', '2:1 is indented with a tab: YAML takes spaces only'],
    ['a: 1\n---\nb: 2', '2:1 begins a second document: a recipe is one document, remove "---"'],
  ])('refuses %j', (text, complaint) => {
    expect(complaints(text)).toContain(complaint);
  });

  it('refuses tags it does not know, instead of guessing', () => {
    expect(complaints('a: !!js/function "x"')).toHaveLength(1);
  });

  it('shares a text by an anchor, but does not blow up', () => {
    expect(parse('a: &x hello\nb: *x').value).toEqual({ a: 'hello', b: 'hello' });
    const levels = Array.from(
      { length: 12 },
      (_, level) =>
        `a${level}: &a${level} [${Array(10)
          .fill(level ? `*a${level - 1}` : 'lol')
          .join(', ')}]`,
    );
    expect(complaints(levels.join('\n'))[0]).toMatch(/uses its anchors more than 100 times: write it out/);
  });

  it('survives any depth', () => {
    expect(parse('['.repeat(100_000)).problems).not.toHaveLength(0);
    expect(parse('{a: '.repeat(20_000)).problems).not.toHaveLength(0);
  });

  it('does not let a document reach prototypes', () => {
    const { value } = parse('__proto__: {polluted: true}\nconstructor: 1');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parse(text)));
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', ':', ' ', '\n', '-', '[', '{', '&x', '*x', '"', '|', '#', '\t', '?', '!')),
        (parts) => void parse(parts.join('')),
      ),
    );
  });
});
