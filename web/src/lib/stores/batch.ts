/**
 * Collects what arrives and hands it over once a frame, so that a burst of events costs one update of the page.
 * A hidden page gets no frames: then a timer hands over, so that nothing piles up.
 */
export class Batch<T> {
  readonly #handle: (items: readonly T[]) => void;
  #items: T[] = [];
  #cancel: (() => void) | null = null;

  constructor(handle: (items: readonly T[]) => void) {
    this.#handle = handle;
  }

  add(item: T): void {
    this.#items.push(item);
    if (this.#cancel !== null) return;
    if (document.visibilityState === 'visible') {
      const frame = requestAnimationFrame(() => this.flush());
      this.#cancel = () => cancelAnimationFrame(frame);
    } else {
      const timer = setTimeout(() => this.flush(), 250);
      this.#cancel = () => clearTimeout(timer);
    }
  }

  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    const items = this.#items;
    this.#items = [];
    if (items.length > 0) this.#handle(items);
  }

  clear(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#items = [];
  }
}
