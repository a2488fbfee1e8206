import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJsonLines } from './parse-jsonl.ts';

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
