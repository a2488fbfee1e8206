import { evaluationSnapshotSchema } from '@crucible/api';
import { reducePage } from '@crucible/domain';
import type { EvaluationPage } from '@crucible/domain';
import { decodeJson } from '@crucible/events';
import { evaluationStreamPath } from '../api.ts';
import type { LiveMessage } from '../live.ts';
import { pageOf } from '../trial-cells.ts';
import { Batch } from './batch.ts';
import { follow } from './connection.svelte.ts';

/** One evaluation with its trials: the stream's snapshot, then every later event folded in by the projector's own reducer. */
export class EvaluationStore {
  page = $state.raw<EvaluationPage | null>(null);
  isGone = $state(false);
  /** Set when the stream's snapshot is not of the contract this page was built for. */
  isForeign = $state(false);

  readonly #batch = new Batch<LiveMessage>((messages) => this.#onMessages(messages));

  /** @param onMessages is told all that the stream brings, once a frame, after the page has taken it */
  connect(evaluationId: string, onMessages: (messages: readonly LiveMessage[]) => void = () => undefined): () => void {
    this.#tell = onMessages;
    const unfollow = follow({
      path: evaluationStreamPath(evaluationId),
      isPrimary: true,
      onMessage: (message) => {
        this.#batch.add(message);
        // Somebody waits for the first one.
        if (this.page === null) this.#batch.flush();
      },
      onState: (state) => {
        this.isGone = state === 'gone';
      },
    });
    return () => {
      unfollow();
      this.#batch.clear();
    };
  }

  #tell: (messages: readonly LiveMessage[]) => void = () => undefined;

  #onMessages(messages: readonly LiveMessage[]): void {
    let page = this.page;
    for (const { event, data, position } of messages) {
      if (event === 'snapshot') {
        const snapshot = evaluationSnapshotSchema.safeParse(data);
        this.isForeign = !snapshot.success;
        if (snapshot.success) page = pageOf(snapshot.data);
      } else if (page !== null) {
        const decoded = decodeJson(data);
        if (decoded.ok) page = reducePage(page, { event: decoded.event, position });
      }
    }
    this.page = page;
    this.#tell(messages);
  }
}
