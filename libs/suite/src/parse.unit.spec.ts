import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJsonLines } from './parse-jsonl.ts';
import { parseYaml } from './parse-yaml.ts';

const complaints = (text: string): string[] =>
  parseYaml(text).problems.map(({ place, message }) => `${place.line}:${place.column} ${message}`);

describe('YAML', () => {
  it('gives plain data and the place of each field', () => {
    const placed = parseYaml('a:\n  b: [1, 2]\n  c:\n    - d: x\n');
    expect(placed.value).toEqual({ a: { b: [1, 2], c: [{ d: 'x' }] } });
    expect(placed.placeOf(['a', 'c', 0, 'd'])).toEqual({ line: 4, column: 7 });
    expect(placed.placeOf(['a', 'b', 1])).toEqual({ line: 2, column: 10 });
    expect(placed.placeOf(['a', 'missing'])).toEqual({ line: 1, column: 1 });
  });

  it('reads text that was saved on Windows', () => {
    expect(parseYaml('a: |\r\n  one\r\n  two\r\nb: 1\r\n').value).toEqual({ a: 'one\ntwo\n', b: 1 });
  });

  it('has no yes, no, or octal surprises', () => {
    expect(parseYaml('a: no\nb: 010\nc: on\nd: 1_000\n').value).toEqual({ a: 'no', b: 10, c: 'on', d: '1_000' });
  });

  it.each([
    ['', '0:0 is empty: a suite begins with "apiVersion: crucible/v1"'],
    ['# only a remark', '0:0 is empty: a suite begins with "apiVersion: crucible/v1"'],
    ['a: 1\na: 2', '2:1 is written twice in one map: keep one of them'],
    ['a:\n\tb: 1', '2:1 is indented with a tab: YAML takes spaces only'],
    ['a: 1\n---\nb: 2', '2:1 begins a second document: a suite is one document, remove "---"'],
  ])('refuses %j', (text, complaint) => {
    expect(complaints(text)).toContain(complaint);
  });

  it('refuses tags it does not know, instead of guessing', () => {
    expect(complaints('a: !!js/function "x"')).toHaveLength(1);
  });

  it('shares a text by an anchor, but does not blow up', () => {
    expect(parseYaml('a: &x hello\nb: *x').value).toEqual({ a: 'hello', b: 'hello' });
    const levels = Array.from(
      { length: 12 },
      (_, level) =>
        `a${level}: &a${level} [${Array(10)
          .fill(level ? `*a${level - 1}` : 'lol')
          .join(', ')}]`,
    );
    expect(complaints(levels.join('\n'))[0]).toMatch(/uses its anchors more than 100 times/);
  });

  it('survives any depth', () => {
    expect(parseYaml('['.repeat(100_000)).problems).not.toHaveLength(0);
    expect(parseYaml('{a: '.repeat(20_000)).problems).not.toHaveLength(0);
  });

  it('does not let a document reach prototypes', () => {
    const { value } = parseYaml('__proto__: {polluted: true}\nconstructor: 1');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseYaml(text)));
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', ':', ' ', '\n', '-', '[', '{', '&x', '*x', '"', '|', '#', '\t', '?', '!')),
        (parts) => void parseYaml(parts.join('')),
      ),
    );
  });
});

describe('JSON lines', () => {
  it('reads one value a line and keeps the line numbers', () => {
    const placed = parseJsonLines('{"id":"a"}\r\n\n  {"id":"b"}');
    expect(placed.value).toEqual([{ id: 'a' }, { id: 'b' }]);
    expect(placed.placeOf([1, 'id'])).toEqual({ line: 3, column: 1 });
  });

  it('names every line that is none', () => {
    expect(parseJsonLines('{"a":1}\n{bad\n[1,\n').problems.map(({ place }) => place.line)).toEqual([2, 3]);
  });

  it('needs at least one', () => {
    expect(parseJsonLines('\n\n').problems[0]?.message).toMatch(/^is empty/);
  });

  it('stops at the most that a dataset may have', () => {
    const { problems } = parseJsonLines('1\n'.repeat(20_002));
    expect(problems).toEqual([
      { place: { line: 20_001, column: 1 }, message: 'is sample 20001: at most 20000 are allowed' },
    ]);
  });

  it('reads back what was written', () => {
    fc.assert(
      fc.property(fc.array(fc.json(), { minLength: 1 }), (rows) => {
        expect(parseJsonLines(rows.join('\n')).value).toEqual(rows.map((row) => JSON.parse(row) as unknown));
      }),
    );
  });
});
