import type { StoredEvent } from '@crucible/event-log';

export type Listener = (events: readonly StoredEvent[]) => void;

/** How far the read model is built, and every event on its way past: those who wait for a position and those who follow. */
export class LivePosition {
  #position = 0;
  #headAtStart = Number.POSITIVE_INFINITY;
  readonly #listeners = new Set<Listener>();

  get position(): number {
    return this.#position;
  }

  begin(position: number, head: number): void {
    this.#position = position;
    this.#headAtStart = head;
  }

  /** Null once everything that was in the log at start is in the read model. */
  behind(): string | null {
    return this.#position >= this.#headAtStart ? null : `read model at ${this.#position} of ${this.#headAtStart}`;
  }

  /** Called when the events are in the read model, and not before: a follower's snapshot may rest on it. */
  advance(events: readonly StoredEvent[], position: number): void {
    this.#position = Math.max(this.#position, position);
    for (const listener of this.#listeners) listener(events);
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** True when the read model reached the position within the wait. */
  async reached(position: number, waitMsMax: number): Promise<boolean> {
    if (this.#position >= position) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), waitMsMax);
    const leave = this.subscribe(() => {
      if (this.#position >= position) resolve(true);
    });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      leave();
    }
  }
}
