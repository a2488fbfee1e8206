/** Browsers lose count in taller boxes; beyond it rows are laid out by share of the scroll, not by pixel. */
export const scrollPxMax = 8_000_000;

export interface Scrolled {
  readonly scrollTop: number;
  /** Height of the window onto the rows. */
  readonly heightPx: number;
  readonly count: number;
  readonly rowPx: number;
}

export interface Sight {
  /** Rows `from` to before `to` exist. */
  readonly from: number;
  readonly to: number;
  /** Where row `from` begins, in pixels from the top of the box that is scrolled. */
  readonly topPx: number;
  /** Height of the whole box. */
  readonly totalPx: number;
}

const overscan = 8;

/** Which rows are in sight, and where: only those need to exist. */
export const sightOf = ({ scrollTop, heightPx, count, rowPx }: Scrolled): Sight => {
  const wholePx = count * rowPx;
  const totalPx = Math.min(wholePx, scrollPxMax);
  const inSight = Math.ceil(heightPx / rowPx);
  const first = firstOf({ scrollTop, heightPx, count, rowPx });
  const from = Math.max(0, Math.floor(first) - overscan);
  const to = Math.min(count, Math.floor(first) + inSight + 1 + overscan);
  const topPx = totalPx === wholePx ? from * rowPx : Math.min(scrollTop, totalPx) - (first - from) * rowPx;
  return { from, to: Math.max(from, to), topPx, totalPx };
};

/** The row at the window's top edge, with its fraction. */
const firstOf = ({ scrollTop, heightPx, count, rowPx }: Scrolled): number => {
  const wholePx = count * rowPx;
  if (wholePx <= scrollPxMax) return Math.max(0, Math.min(scrollTop, wholePx - heightPx) / rowPx);
  const share = Math.min(1, Math.max(0, scrollTop / (scrollPxMax - heightPx)));
  return (share * (wholePx - heightPx)) / rowPx;
};

/** Scroll position that brings row `index` into sight with the least movement; the present one when it already is. */
export const scrollTopFor = (index: number, scrolled: Scrolled): number => {
  const { scrollTop, heightPx, count, rowPx } = scrolled;
  const firstPx = firstOf(scrolled) * rowPx;
  const top = index * rowPx;
  const wanted = top < firstPx ? top : top + rowPx > firstPx + heightPx ? top + rowPx - heightPx : null;
  return wanted === null ? scrollTop : scrollTopOf(wanted, count * rowPx, heightPx);
};

/** Scroll position that has row `index` at the top, where there are enough rows behind it. */
export const scrollTopAt = (index: number, { heightPx, count, rowPx }: Scrolled): number =>
  scrollTopOf(Math.max(0, Math.min(index * rowPx, count * rowPx - heightPx)), count * rowPx, heightPx);

const scrollTopOf = (px: number, wholePx: number, heightPx: number): number =>
  wholePx <= scrollPxMax ? px : (px / (wholePx - heightPx)) * (scrollPxMax - heightPx);

/** Where a key leads in a list; null when the key does not move. */
export const stepInList = (key: string, index: number, count: number, rowsPerPage: number): number | null => {
  const bounded = (target: number): number => Math.min(count - 1, Math.max(0, target));
  switch (key) {
    case 'ArrowDown':
      return bounded(index + 1);
    case 'ArrowUp':
      return bounded(index - 1);
    case 'PageDown':
      return bounded(index + rowsPerPage);
    case 'PageUp':
      return bounded(index - rowsPerPage);
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
};
