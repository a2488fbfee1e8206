import { scrollPxMax } from '../virtual.ts';
import { Heights } from './heights.ts';

export interface Shown {
  /** Rows `from` to before `to` exist. */
  readonly from: number;
  readonly to: number;
  /** Where row `from` begins in the box that is scrolled, in pixels. */
  readonly topPx: number;
  /** Height of the whole box. */
  readonly totalPx: number;
}

const overscanPx = 500;
const nearEndPx = 32;
/** A leap of more windows than this is a drag of the scrollbar: it goes by share where the box is not true to the pixel. */
const leapWindows = 2;

/**
 * The window onto rows of unlike heights. What the reader looks at is kept as a row and a distance into it, not as a place in
 * pixels: a row above that turns out higher than it was thought then moves nothing in sight. The browser's scroll position
 * follows from it.
 */
export class AnchoredScroll {
  readonly heights: Heights;
  #windowPx = 600;
  #row = 0;
  /** So many pixels of the row are above the window. */
  #intoPx = 0;
  #scrollTop = 0;

  constructor(estimatePx: number) {
    this.heights = new Heights(estimatePx);
  }

  get scrollTop(): number {
    return this.#scrollTop;
  }

  get windowPx(): number {
    return this.#windowPx;
  }

  set windowPx(px: number) {
    this.#windowPx = px;
    this.#look(this.#placePx);
  }

  /** Height of the box; browsers lose count in taller ones, which are then laid out by share. */
  get totalPx(): number {
    return Math.min(this.heights.totalPx, scrollPxMax);
  }

  get isTrue(): boolean {
    return this.heights.totalPx <= scrollPxMax;
  }

  get isAtEnd(): boolean {
    return this.#placePx >= this.#lastPlacePx - nearEndPx;
  }

  /** The row at the window's upper edge. */
  get firstRow(): number {
    return this.#row;
  }

  /** The scroll position at which the scrollbar tells the truth about what is in sight. */
  get wantedTop(): number {
    const place = this.#placePx;
    if (this.isTrue) return place;
    return (place / this.#lastPlacePx) * (this.totalPx - this.#windowPx);
  }

  /** The reader scrolled: short ways are gone pixel by pixel, also where the box is not true to them. */
  scrolled(scrollTop: number): void {
    const way = scrollTop - this.#scrollTop;
    this.#scrollTop = scrollTop;
    if (way === 0) return;
    const last = this.totalPx - this.#windowPx;
    if (scrollTop <= 0) this.#look(0);
    else if (scrollTop >= last - 1) this.#look(this.#lastPlacePx);
    else if (!this.isTrue && Math.abs(way) > leapWindows * this.#windowPx)
      this.#look((scrollTop / last) * this.#lastPlacePx);
    else this.#look(this.#placePx + way);
  }

  /** The scroll position was set, not scrolled to: nothing in sight moves. */
  settled(scrollTop: number): void {
    this.#scrollTop = scrollTop;
  }

  resize(count: number): void {
    this.heights.resize(count);
    this.#look(this.#placePx);
  }

  /** A row has been laid out. @returns whether anything must be drawn anew */
  measured(index: number, px: number): boolean {
    if (!this.heights.set(index, px)) return false;
    if (index === this.#row && this.#intoPx > px) this.#intoPx = px;
    return true;
  }

  /** Has a row at the window's upper edge, where there is enough behind it. */
  toRow(index: number): void {
    this.#look(this.heights.offsetOf(Math.max(0, Math.min(index, this.heights.count - 1))));
  }

  toEnd(): void {
    this.#look(this.#lastPlacePx);
  }

  by(px: number): void {
    this.#look(this.#placePx + px);
  }

  shown(): Shown {
    const place = this.#placePx;
    const { count } = this.heights;
    const from = this.heights.indexAt(place - overscanPx);
    const to = Math.min(count, this.heights.indexAt(place + this.#windowPx + overscanPx) + 1);
    const topPx = this.#scrollTop - (place - this.heights.offsetOf(from));
    return { from, to: count === 0 ? 0 : to, topPx, totalPx: this.totalPx };
  }

  get #placePx(): number {
    return this.heights.offsetOf(this.#row) + this.#intoPx;
  }

  get #lastPlacePx(): number {
    return Math.max(0, this.heights.totalPx - this.#windowPx);
  }

  #look(px: number): void {
    const place = Math.max(0, Math.min(px, this.#lastPlacePx));
    this.#row = this.heights.indexAt(place);
    this.#intoPx = place - this.heights.offsetOf(this.#row);
  }
}
