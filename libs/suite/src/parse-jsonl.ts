import type { Placed } from '@crucible/placed-text';
import { platformMaxima } from './format.ts';

const PROBLEMS_MAX = 100;

/** JSON Lines: one value a line, blank lines between them allowed. Its value is the list, its places are whole lines. */
export const parseJsonLines = (text: string): Placed => {
  const values: unknown[] = [];
  const lines: number[] = [];
  const problems: Placed['problems'][number][] = [];
  let line = 0;
  for (let start = 0; start < text.length && problems.length < PROBLEMS_MAX;) {
    const end = text.indexOf('\n', start);
    const row = text.slice(start, end < 0 ? text.length : end).trim();
    start = end < 0 ? text.length : end + 1;
    line += 1;
    if (row === '') continue;
    if (values.length === platformMaxima.samples) {
      problems.push({
        place: { line, column: 1 },
        message: `is sample ${platformMaxima.samples + 1}: at most ${platformMaxima.samples} are allowed`,
      });
      break;
    }
    try {
      values.push(JSON.parse(row));
      lines.push(line);
    } catch (error) {
      const why = error instanceof Error ? error.message.replace(/ \(line .*$/, '') : 'unreadable';
      problems.push({ place: { line, column: 1 }, message: `is not one JSON value a line: ${why}` });
    }
  }
  if (values.length === 0 && problems.length === 0) {
    problems.push({
      place: { line: 0, column: 0 },
      message: 'is empty: a dataset needs at least one sample, one JSON object a line',
    });
  }
  return {
    value: values,
    problems,
    placeOf: ([index]) => ({ line: (typeof index === 'number' ? lines[index] : undefined) ?? 0, column: 1 }),
  };
};
