const lowestBit = (value: number): number => value & -value;

/**
 * Heights of a list's rows, of which most are only estimated because they never existed. Where a row begins and which row is
 * at a place take logarithmic time (a Fenwick tree over the heights), so that a hundred thousand rows cost no more to scroll
 * through than ten.
 */
export class Heights {
  readonly #estimatePx: number;
  #px = new Float64Array(0);
  /** Entry `i`, from 1: sum of the `lowestBit(i)` heights that end at row `i`. */
  #sums = new Float64Array(1);
  #count = 0;

  constructor(estimatePx: number) {
    this.#estimatePx = estimatePx;
  }

  get count(): number {
    return this.#count;
  }

  get totalPx(): number {
    return this.offsetOf(this.#count);
  }

  /** Rows that come new are as high as the estimate; those behind a smaller count are forgotten. */
  resize(count: number): void {
    if (count > this.#px.length) this.#reserve(Math.max(count, this.#px.length * 2, 256));
    for (let row = this.#count; row < count; row += 1) this.#push(row, this.#estimatePx);
    this.#count = count;
  }

  heightOf(index: number): number {
    return index >= 0 && index < this.#count ? (this.#px[index] as number) : this.#estimatePx;
  }

  /** @returns whether that is news */
  set(index: number, px: number): boolean {
    if (index < 0 || index >= this.#count) return false;
    const change = px - (this.#px[index] as number);
    if (change === 0) return false;
    this.#px[index] = px;
    for (let at = index + 1; at <= this.#count; at += lowestBit(at))
      this.#sums[at] = (this.#sums[at] as number) + change;
    return true;
  }

  /** Where row `index` begins; for the count itself, where the last one ends. */
  offsetOf(index: number): number {
    let px = 0;
    for (let at = Math.min(Math.max(0, index), this.#count); at > 0; at -= lowestBit(at))
      px += this.#sums[at] as number;
    return px;
  }

  /** The row at a place; the first or last one for what lies before or behind them all. */
  indexAt(px: number): number {
    let index = 0;
    let left = px;
    for (let step = 2 ** Math.floor(Math.log2(Math.max(1, this.#count))); step >= 1; step /= 2) {
      const next = index + step;
      if (next > this.#count || (this.#sums[next] as number) > left) continue;
      index = next;
      left -= this.#sums[next] as number;
    }
    return Math.max(0, Math.min(index, this.#count - 1));
  }

  #push(row: number, px: number): void {
    const at = row + 1;
    this.#px[row] = px;
    let sum = px;
    for (let before = 1; before < lowestBit(at); before *= 2) sum += this.#sums[at - before] as number;
    this.#sums[at] = sum;
  }

  #reserve(capacity: number): void {
    const [px, sums] = [new Float64Array(capacity), new Float64Array(capacity + 1)];
    px.set(this.#px);
    sums.set(this.#sums);
    [this.#px, this.#sums] = [px, sums];
  }
}
