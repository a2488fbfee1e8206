import type { AlertItem } from '@crucible/api';
import { listAlerts } from '../api.ts';
import type { AlertFilter } from '../api.ts';

const perPage = 50;

/** Alerts that fit a filter, newest first, page by page. */
export class AlertsStore {
  items = $state.raw<readonly AlertItem[]>([]);
  status = $state<'loading' | 'ready' | 'failed'>('loading');
  error = $state.raw<unknown>(null);
  hasMore = $state(false);
  isLoadingMore = $state(false);
  #filter: AlertFilter | null = null;
  #cursor: string | null = null;
  #request: AbortController | null = null;

  /** Shows what fits, from the newest. What was shown stays until the answer is here, so that a refresh does not flicker. */
  async show(filter: AlertFilter): Promise<void> {
    const isOther = JSON.stringify(filter) !== JSON.stringify(this.#filter);
    this.#filter = filter;
    this.#cursor = null;
    if (isOther) this.status = 'loading';
    await this.#load([]);
  }

  async more(): Promise<void> {
    if (this.#cursor === null || this.isLoadingMore) return;
    this.isLoadingMore = true;
    await this.#load(this.items);
    this.isLoadingMore = false;
  }

  close(): void {
    this.#request?.abort();
  }

  async #load(before: readonly AlertItem[]): Promise<void> {
    if (this.#filter === null) return;
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    try {
      const page = await listAlerts(this.#filter, { limit: perPage, cursor: this.#cursor }, request.signal);
      this.items = [...before, ...page.items];
      this.#cursor = page.nextCursor;
      this.hasMore = page.nextCursor !== null;
      this.status = 'ready';
      this.error = null;
    } catch (error) {
      if (request.signal.aborted) return;
      this.error = error;
      this.status = 'failed';
    }
  }
}
