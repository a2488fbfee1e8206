import type { KernelRecord } from '@crucible/domain';
import { describe, expect, it } from 'vitest';
import { GuestLines, guestLinesMax, lineCharsMax } from './guest-lines.ts';
import { TwoSides } from './two-sides.ts';
import type { GuestLine } from './two-sides.ts';

const record = (n: number, at: number, kind = 'open', more: object = {}): KernelRecord => ({ n, at, kind, ...more });
const line = (at: number, text: string, offset = 0): GuestLine => ({ stream: 'stdout', at, offset, text });
const order = (sides: TwoSides): string[] =>
  Array.from({ length: sides.count }, (_, index) => sides.line(index)?.text ?? `#${sides.record(index)?.n}`);

describe('two sides', () => {
  const lines = [line(10, 'a'), line(20, 'b', 2), line(20, 'c', 4)];
  const records = [record(1, 5), record(2, 10), record(5, 15, 'connect', { address: '10.0.0.1:80' }), record(6, 99)];

  it('are one list by one clock; at the same instant the kernel saw it first', () => {
    expect(order(new TwoSides(lines, records))).toEqual(['#1', '#2', 'a', '#5', 'b', 'c', '#6']);
    expect(order(new TwoSides([], records))).toEqual(['#1', '#2', '#5', '#6']);
    expect(order(new TwoSides(lines, []))).toEqual(['a', 'b', 'c']);
    expect(new TwoSides([], []).count).toBe(0);
  });

  it('show what is not hidden and holds the text', () => {
    expect(order(new TwoSides(lines, records, new Set(['guest'])))).toEqual(['#1', '#2', '#5', '#6']);
    expect(order(new TwoSides(lines, records, new Set(['files'])))).toEqual(['a', '#5', 'b', 'c']);
    expect(order(new TwoSides(lines, records, new Set(), '10.0.0.1'))).toEqual(['#5']);
    expect(order(new TwoSides(lines, records, new Set(), 'B'))).toEqual(['b']);
  });

  it('lead from a piece of evidence to its row', () => {
    const sides = new TwoSides(lines, records);
    expect(order(sides)[sides.indexOfRecord(5)]).toBe('#5');
    // One that was left out leads to what came next.
    expect(order(sides)[sides.indexOfRecord(3)]).toBe('#5');
    expect(sides.indexOfRecord(7)).toBe(-1);
    expect(order(sides)[sides.indexOfByte('stdout', 3)]).toBe('b');
    expect(sides.indexOfByte('stderr', 0)).toBe(-1);
  });

  it('know a row again when rows of the other side came in above it', () => {
    const early = new TwoSides([], records);
    const chosen = early.markOf(2);
    const late = new TwoSides(lines, records);
    expect(early.record(2)?.n).toBe(5);
    expect(late.record(late.indexOf(chosen ?? { record: -1 }))?.n).toBe(5);
    const said = late.markOf(4);
    expect(said).toEqual({ stream: 'stdout', offset: 2 });
    expect(late.indexOf(said ?? { record: -1 })).toBe(4);
    expect(late.indexOf({ record: 3 })).toBe(-1);
    expect(late.indexOf({ stream: 'stdout', offset: 3 })).toBe(-1);
    expect(new TwoSides(lines, records, new Set(['guest'])).indexOf({ stream: 'stdout', offset: 2 })).toBe(-1);
    expect(late.markOf(99)).toBeNull();
  });

  it('join a hundred thousand records in no time a person notices', () => {
    const many = Array.from({ length: 100_000 }, (_, n) => record(n, n));
    const sides = new TwoSides([line(50_000.5, 'half')], many);
    expect(sides.count).toBe(100_001);
    expect(sides.line(50_001)?.text).toBe('half');
  });
});

describe('lines of a guest', () => {
  const printed = (at: number, text: string, stream: 'stdout' | 'stderr' = 'stdout') => ({
    at,
    stream,
    base64: btoa(text),
  });

  it('begin where their first byte came, in each stream for itself', () => {
    const lines = new GuestLines();
    lines.add(printed(1, 'on'));
    lines.add(printed(2, 'oops\n', 'stderr'));
    lines.add(printed(3, 'e\ntwo'));
    expect(lines.all()).toEqual([
      { stream: 'stdout', at: 1, offset: 0, text: 'one' },
      { stream: 'stderr', at: 2, offset: 0, text: 'oops' },
      { stream: 'stdout', at: 3, offset: 4, text: 'two' },
    ]);
  });

  it('are bounded in number and length', () => {
    const lines = new GuestLines();
    lines.add(printed(0, 'x'.repeat(5_000)));
    expect(lines.all()[0]?.text).toHaveLength(lineCharsMax);
    lines.add(printed(0, '\n'.repeat(guestLinesMax + 10)));
    expect(lines.lines).toHaveLength(guestLinesMax);
    expect(lines.isCut).toBe(true);
  });
});
