import { pc } from '../colours.ts';
import stringWidth from 'string-width';
import { cut, pad } from './text.ts';

export interface Column<Row> {
  readonly title: string;
  /** The cell as plain, safe text. */
  readonly text: (row: Row) => string;
  /** Says the same in fewer cells; without it the end is cut off. */
  readonly shorten?: (row: Row, columns: number) => string;
  readonly paint?: (text: string, row: Row) => string;
  readonly align?: 'left' | 'right';
  /** When space is short, columns with the highest number go first; those without stay. */
  readonly dropOrder?: number;
  /** Gives up its width when nothing is left to drop. */
  readonly shrinks?: boolean;
}

const GAP = 2;
const SHRUNK_COLUMNS_MIN = 6;
/** What shrinks is still read at so many cells: columns are dropped only where that does not do. */
const SHRUNK_LEGIBLE = 16;

interface Sized<Row> {
  readonly column: Column<Row>;
  readonly cells: readonly string[];
  width: number;
}

const total = (sized: readonly { width: number }[]): number =>
  sized.reduce((sum, { width }) => sum + width, 0) + GAP * Math.max(0, sized.length - 1);

/** Chooses what fits: drops the least important columns, then shortens those that may shrink, the widest of them first. */
const fit = <Row>(all: readonly Sized<Row>[], columns: number): Sized<Row>[] => {
  const kept = [...all];
  const shrinking = (): Sized<Row>[] => kept.filter(({ column }) => column.shrinks);
  const droppable = all.filter(({ column }) => column.dropOrder !== undefined);
  droppable.sort((a, b) => (b.column.dropOrder ?? 0) - (a.column.dropOrder ?? 0));
  for (const drop of droppable) {
    const give = shrinking().reduce((sum, { width }) => sum + Math.max(0, width - SHRUNK_LEGIBLE), 0);
    if (total(kept) - give <= columns) break;
    kept.splice(kept.indexOf(drop), 1);
  }
  for (let over = total(kept) - columns; over > 0; over -= 1) {
    const [widest] = shrinking().toSorted((a, b) => b.width - a.width);
    if (widest === undefined || widest.width <= SHRUNK_COLUMNS_MIN) break;
    widest.width -= 1;
  }
  return kept;
};

/** Lines of a table that fits into `columns` cells; the title line comes first. Columns that are empty throughout are left out. */
export const table = <Row>(rows: readonly Row[], columnsOf: readonly Column<Row>[], columns: number): string[] => {
  const sized = columnsOf
    .map((column): Sized<Row> => {
      const cells = rows.map((row) => column.text(row));
      const width = Math.max(stringWidth(column.title), ...cells.map((cell) => stringWidth(cell)));
      return { column, cells, width };
    })
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
  const kept = fit(sized, columns);
  const line = (cellOf: (part: Sized<Row>, last: boolean) => string): string =>
    kept.map((part, index) => cellOf(part, index === kept.length - 1)).join(' '.repeat(GAP));
  const shaped = ({ column, width }: Sized<Row>, text: string, last: boolean): string =>
    last && column.align !== 'right' ? cut(text, width) : pad(cut(text, width), width, column.align);
  const title = line((part, last) => pc.dim(shaped(part, part.column.title, last)));
  const body = rows.map((row, index) =>
    line((part, last) => {
      const short = part.column.shorten?.(row, part.width);
      const text = shaped(part, short ?? part.cells[index] ?? '', last);
      return part.column.paint === undefined ? text : part.column.paint(text, row);
    }),
  );
  return [title, ...body];
};
