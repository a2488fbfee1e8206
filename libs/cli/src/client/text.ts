import { displayableLine } from '@crucible/events';
import { pc } from '../colours.ts';
import stringWidth from 'string-width';

/** Hostile or foreign text made safe for one table cell. */
export const safe = (text: string, charsMax = 200): string => displayableLine(text, charsMax);

const PRINTABLE_ASCII = /^[ -~]*$/;
const segments = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Plain text cut to `columns` cells, with an ellipsis where something is missing. Takes no colour codes. */
export const cut = (text: string, columns: number): string => {
  if (columns <= 0) return '';
  if (stringWidth(text) <= columns) return text;
  let width = 0;
  let kept = '';
  for (const { segment } of segments.segment(text)) {
    const next = stringWidth(segment);
    if (width + next > columns - 1) break;
    width += next;
    kept += segment;
  }
  return `${kept}…`;
};

export const pad = (text: string, columns: number, align: 'left' | 'right' = 'left'): string => {
  const space = ' '.repeat(Math.max(0, columns - stringWidth(text)));
  return align === 'left' ? `${text}${space}` : `${space}${text}`;
};

/** One line of plain text as rows of at most `columns` cells, with nothing left out. Takes no colour codes and no tabs. */
export const rowsOf = (line: string, columns: number): string[] => {
  if (line.length <= columns && PRINTABLE_ASCII.test(line)) return [line];
  const rows: string[] = [];
  let [row, width] = ['', 0];
  for (const { segment } of segments.segment(line)) {
    const next = stringWidth(segment);
    if (width + next > columns && row !== '') {
      rows.push(row);
      [row, width] = ['', 0];
    }
    row += segment;
    width += next;
  }
  return [...rows, row];
};

/** Text without its colour codes. */
export const bare = (text: string): string => text.replace(/\u001b\[[0-9;]*m/g, '');

/** Parts with dots between them, broken into lines between two parts and never inside a colour code. */
export const joinedLines = (parts: readonly string[], columns: number): string[] => {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    const joined = last === undefined ? part : `${last}${pc.dim(' · ')}${part}`;
    if (last === undefined || stringWidth(joined) > columns) lines.push(part);
    else lines[lines.length - 1] = joined;
  }
  return lines;
};

/** `0.42 s`, `12.3 s`, `4 min 05 s`, `2 h 03 min`. */
export const duration = (ms: number): string => {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
};

/** A time on a trial's clock, `+0.214 s`: what came before its start has a minus. */
export const sinceStart = (ms: number, digits = 3): string =>
  `${ms < 0 ? '-' : '+'}${(Math.abs(ms) / 1_000).toFixed(digits)} s`;

/** A score from 0 to 1. It is never rounded up to 1: 0.999 is shown as 0.99, for a 1.00 means that everything passed. */
export const scoreText = (score: number | null): string =>
  score === null ? '–' : (Math.floor(score * 100 + 1e-9) / 100).toFixed(2);

export const bytesText = (bytes: number): string => {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
};

type Paint = (text: string) => string;
const paints: Readonly<Record<string, Paint>> = {
  passed: pc.green,
  completed: pc.green,
  contained: pc.green,
  failed: pc.red,
  breached: (text) => pc.bold(pc.red(text)),
  errored: pc.yellow,
  attempted: pc.yellow,
  cancelled: pc.yellow,
  cancelling: pc.yellow,
  unknown: pc.magenta,
  running: pc.cyan,
};

/** Colours a word of our vocabulary by what it means; other words stay as they are. */
export const paint = (word: string, text: string = word): string => paints[word]?.(text) ?? text;
