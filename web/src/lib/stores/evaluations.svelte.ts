import { evaluationListSchema } from '@crucible/api';
import type { EvaluationView } from '@crucible/domain';
import { decodeJson } from '@crucible/events';
import { listEvaluations, listStreamPath } from '../api.ts';
import type { EvaluationFilter } from '../api.ts';
import { EvaluationIndex } from '../evaluation-list.ts';
import type { LiveMessage } from '../live.ts';
import { Batch } from './batch.ts';
import { follow } from './connection.svelte.ts';

/** The list of evaluations: pages asked for by filter, kept true by the stream of all evaluations. */
export class EvaluationsStore {
  items = $state.raw<readonly EvaluationView[]>([]);
  suites = $state.raw<readonly string[]>([]);
  models = $state.raw<readonly string[]>([]);
  status = $state<'loading' | 'ready' | 'failed'>('loading');
  error = $state.raw<unknown>(null);
  hasMore = $state(false);
  isLoadingMore = $state(false);

  readonly #index = new EvaluationIndex();
  readonly #batch = new Batch<LiveMessage>((messages) => this.#onMessages(messages));
  #filter: EvaluationFilter = { status: null, suite: null, model: null };
  #cursor: string | null = null;
  #oldest: EvaluationView | null = null;
  #request: AbortController | null = null;

  /** Follows the stream; call the result to end it. */
  connect(): () => void {
    const unfollow = follow({
      path: listStreamPath,
      isPrimary: true,
      onMessage: (message) => this.#batch.add(message),
    });
    return () => {
      unfollow();
      this.#batch.clear();
      this.#request?.abort();
    };
  }

  /** Shows what fits a filter, from its newest. */
  async show(filter: EvaluationFilter): Promise<void> {
    this.#filter = filter;
    this.#cursor = null;
    this.#oldest = null;
    this.status = 'loading';
    await this.#load();
  }

  async more(): Promise<void> {
    if (this.#cursor === null || this.isLoadingMore) return;
    this.isLoadingMore = true;
    await this.#load();
    this.isLoadingMore = false;
  }

  async #load(): Promise<void> {
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    try {
      const page = await listEvaluations(this.#filter, this.#cursor, request.signal);
      this.#index.merge(page.items);
      this.#cursor = page.nextCursor;
      this.#oldest = page.nextCursor === null ? null : (page.items.at(-1) ?? null);
      this.hasMore = page.nextCursor !== null;
      this.status = 'ready';
      this.error = null;
      this.#publish();
    } catch (error) {
      if (request.signal.aborted) return;
      this.error = error;
      this.status = 'failed';
    }
  }

  #onMessages(messages: readonly LiveMessage[]): void {
    for (const { event, data, position } of messages) {
      if (event === 'snapshot') {
        const snapshot = evaluationListSchema.safeParse(data);
        if (snapshot.success) this.#index.merge(snapshot.data.items);
      } else {
        // An event of a type this page is too old to know changes nothing here that it could show.
        const decoded = decodeJson(data);
        if (decoded.ok) this.#index.fold({ event: decoded.event, position });
      }
    }
    if (this.status === 'ready') this.#publish();
  }

  #publish(): void {
    this.items = this.#index.list(this.#filter, this.#oldest);
    this.suites = this.#index.suiteNames();
    this.models = this.#index.modelNames();
  }
}
