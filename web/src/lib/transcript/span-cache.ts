import type { KernelRecord } from '@crucible/domain';

const spansMax = 200;

/** What the kernel saw of calls that were looked at of late, so that scrolling back asks for nothing. */
class SpanCache {
  readonly #spans = new Map<string, readonly KernelRecord[]>();

  get(key: string): readonly KernelRecord[] | undefined {
    return this.#spans.get(key);
  }

  put(key: string, records: readonly KernelRecord[]): void {
    this.#spans.set(key, records);
    const [oldest] = this.#spans.keys();
    if (this.#spans.size > spansMax && oldest !== undefined) this.#spans.delete(oldest);
  }
}

export const spanCache = new SpanCache();
