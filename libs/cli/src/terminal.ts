import { Steps, type StepsOptions } from './platform/steps.ts';

/** Steps on standard output: objects with `json`, else redrawn on a terminal and plain lines elsewhere. */
export const terminalSteps = (options: { json: boolean; shownFromMs?: number; toError?: boolean }): Steps => {
  const stream = options.toError ? process.stderr : process.stdout;
  const live = stream.isTTY && process.env['TERM'] !== 'dumb';
  const display: StepsOptions['display'] = options.json ? 'json' : live ? 'live' : 'lines';
  return new Steps({
    display,
    write: (text) => void stream.write(text),
    columns: stream.columns ?? 80,
    ...(options.shownFromMs === undefined ? {} : { shownFromMs: options.shownFromMs }),
  });
};

/** How wide a table may be: the terminal's width; without one nothing is left out or cut, as a program or `grep` reads it. */
export const tableColumns = (): number => process.stdout.columns ?? Number.POSITIVE_INFINITY;

/** One object on one line. What is undefined is written as null: a reader finds every field always. */
export const printJson = (value: unknown): void => {
  const text = JSON.stringify(value, (_, field: unknown) => (field === undefined ? null : field));
  process.stdout.write(`${text}\n`);
};

/** A time span as people say it: `3 d 4 h`, `2 min`, `8 s`. */
export const span = (ms: number): string => {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const;
  const first = units.findIndex(([, size]) => ms >= size);
  if (first === -1) return '0 s';
  return units
    .slice(first, first + 2)
    .reduce<{ rest: number; words: string[] }>(
      ({ rest, words }, [unit, size]) => {
        const count = Math.floor(rest / size);
        return { rest: rest - count * size, words: count > 0 ? [...words, `${count} ${unit}`] : words };
      },
      { rest: ms, words: [] },
    )
    .words.join(' ');
};

/** Rows as aligned columns. */
export const columns = (rows: readonly (readonly string[])[]): string => {
  const plain = (text: string): number => text.replace(/\u001b\[[0-9;]*m/g, '').length;
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => plain(row[at] ?? '')))) ?? [];
  const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - plain(text)));
  return rows
    .map((row) =>
      row
        .map((cell, at) => pad(cell, widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};
