import { asUntrusted } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import type { LeftOut } from '../../sandbox/port.ts';
import { leftOutFile, leftOutWords } from './left-out.ts';

const entry = (path: string, why: LeftOut['why']): LeftOut => ({ path: asUntrusted(path), why });
const taken = (leftOut: readonly LeftOut[], complete = true) =>
  ({ kind: 'taken', files: [], leftOut, complete }) as const;

describe('what a judge is not given', () => {
  it('is told to it, and to people where something may be hidden there', () => {
    const end = taken([entry('.big', 'too-big'), entry('out', 'link')]);
    expect(JSON.parse(leftOutFile(end).toString())).toEqual({
      complete: true,
      entries: [
        { path: '.big', why: 'too-big' },
        { path: 'out', why: 'link' },
      ],
      omitted: 0,
    });
    expect(leftOutWords(end)).toBe('1 of the final files could not be given to the scoring program');
    expect(leftOutWords(taken([entry('out', 'link')]))).toBeNull();
    expect(leftOutWords(taken([], false))).toBe('the trial left more files than are looked at');
    expect(leftOutWords(null)).toBeNull();
  });

  it('is a file of bounded size', () => {
    const end = taken(Array.from({ length: 10_000 }, (_, at) => entry('x'.repeat(990) + at, 'special')));
    const file = leftOutFile(end);
    expect(file.byteLength).toBeLessThan(1.1 * 1024 * 1024);
    expect(JSON.parse(file.toString())).toMatchObject({ omitted: 9_000 });
  });
});
