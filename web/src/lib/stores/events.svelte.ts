import { listEvents } from '../api.ts';
import { openSource } from '../audit/event-source.ts';
import type { EventSource } from '../audit/event-source.ts';
import type { EventFilter } from '../audit/filter.ts';

const pollMs = 5_000;

/** The events of the log that fit a filter, as of one head: what comes later is offered, so that rows stay where they are. */
export class EventsStore {
  status = $state<'loading' | 'ready' | 'failed'>('loading');
  error = $state.raw<unknown>(null);
  /** Position of the log the list is true of, and where the log stands by now. */
  head = $state(0);
  newestHead = $state(0);
  /** Grows whenever rows have come. */
  version = $state(0);
  source = $state.raw<EventSource | null>(null);

  /** Shows what fits, newest first. Returns what ends it. */
  open(filter: EventFilter): () => void {
    let isOver = false;
    this.source = null;
    this.status = 'loading';
    this.error = null;
    listEvents({ limit: 1 }).then(
      ({ position }) => {
        if (isOver) return;
        this.head = this.newestHead = position;
        this.source = openSource(filter, position, {
          ask: listEvents,
          onChange: () => {
            this.version += 1;
            this.error = null;
          },
          onError: (error) => (this.error = error),
        });
        this.status = 'ready';
      },
      (error: unknown) => {
        if (isOver) return;
        this.error = error;
        this.status = 'failed';
      },
    );
    const timer = setInterval(() => void this.#poll(), pollMs);
    return () => {
      isOver = true;
      clearInterval(timer);
      this.source?.close();
    };
  }

  async #poll(): Promise<void> {
    if (document.visibilityState === 'hidden' || this.status !== 'ready') return;
    const answer = await listEvents({ limit: 1 }).catch(() => null);
    if (answer !== null) this.newestHead = Math.max(this.newestHead, answer.position);
  }
}
