import type { EvaluationPage } from '@crucible/domain';
import type { EvaluationId } from '@crucible/events';
import { getSnapshotNow } from '../api.ts';
import { pageOf } from '../compare/compared.ts';

const refreshMs = 2_000;

export interface NotLoaded {
  readonly id: EvaluationId;
  readonly error: unknown;
}

/** Evaluations with all of their trials, looked at again until each has ended. */
export class ComparisonStore {
  pages = $state.raw<readonly EvaluationPage[]>([]);
  failed = $state.raw<readonly NotLoaded[]>([]);
  status = $state<'loading' | 'ready'>('loading');
  #known: Partial<Record<EvaluationId, EvaluationPage>> = {};

  /** Shows these, in this order; call the result to end it. */
  show(ids: readonly EvaluationId[]): () => void {
    const stop = new AbortController();
    this.status = 'loading';
    void this.#keep(ids, stop.signal);
    return () => stop.abort();
  }

  async #keep(ids: readonly EvaluationId[], signal: AbortSignal): Promise<void> {
    let failed: readonly NotLoaded[] = await this.#load(ids, signal);
    for (;;) {
      if (signal.aborted) return;
      this.failed = failed;
      this.pages = ids.flatMap((id) => this.#known[id] ?? []);
      this.status = 'ready';
      const open = ids.filter((id) => this.#known[id]?.evaluation.endedAt === null);
      if (open.length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, refreshMs));
      if (signal.aborted) return;
      // What is shown stands while the platform does not answer; the connection's pill speaks of that.
      if (document.visibilityState !== 'hidden') await this.#load(open, signal);
      failed = this.failed;
    }
  }

  async #load(ids: readonly EvaluationId[], signal: AbortSignal): Promise<NotLoaded[]> {
    const answers = await Promise.all(
      ids.map(async (id): Promise<NotLoaded[]> => {
        try {
          this.#known[id] = pageOf(await getSnapshotNow(id, signal));
          return [];
        } catch (error) {
          return [{ id, error }];
        }
      }),
    );
    return answers.flat();
  }
}
