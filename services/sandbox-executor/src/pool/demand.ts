/** How far back takes are remembered, and how long a burst is that a shelf should be able to meet. Seconds. */
const REMEMBERED_S = 60;
const BURST_S = 2;

/**
 * How many sandboxes of one kind should wait: as many as were taken within the busiest two seconds of the last minute,
 * because that is about the time it takes to make them anew. One is kept for a while after that, in case it goes on.
 */
export class Demand {
  readonly #takes = new Uint32Array(REMEMBERED_S);
  readonly #idleMsMax: number;
  #second = 0;
  #lastTakeMs = Number.NEGATIVE_INFINITY;

  constructor(idleMsMax: number) {
    this.#idleMsMax = idleMsMax;
  }

  get lastTakeMs(): number {
    return this.#lastTakeMs;
  }

  take(nowMs: number): void {
    this.#turnTo(nowMs);
    const at = this.#second % REMEMBERED_S;
    this.#takes[at] = (this.#takes[at] ?? 0) + 1;
    this.#lastTakeMs = nowMs;
  }

  wanted(nowMs: number): number {
    this.#turnTo(nowMs);
    let most = nowMs - this.#lastTakeMs < this.#idleMsMax ? 1 : 0;
    for (let first = 0; first < REMEMBERED_S; first += 1) {
      let takes = 0;
      for (let next = 0; next < BURST_S; next += 1) takes += this.#takes[(first + next) % REMEMBERED_S] ?? 0;
      most = Math.max(most, takes);
    }
    return most;
  }

  /** Forgets the seconds that have passed out of memory. */
  #turnTo(nowMs: number): void {
    const second = Math.floor(nowMs / 1_000);
    const passed = second - this.#second;
    if (passed <= 0) return;
    if (passed >= REMEMBERED_S) this.#takes.fill(0);
    else for (let each = 1; each <= passed; each += 1) this.#takes[(this.#second + each) % REMEMBERED_S] = 0;
    this.#second = second;
  }
}
