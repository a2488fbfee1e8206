import type { EvaluationId } from '@crucible/events';
import type { StoredEvent } from './port.ts';

export interface HistoryRange {
  /** First position wanted; 1 when absent. */
  readonly from?: number;
  /** Last position wanted; the present end when absent. */
  readonly upTo?: number;
  readonly signal?: AbortSignal;
}

/**
 * Looking back into the log. What has been written does not change, so nothing here follows and nothing is left at the
 * server. Everything that fails throws `BusUnavailable`, except that an aborted signal throws its reason: a part of a
 * history must not pass for the whole.
 */
export interface EventHistory {
  /** One evaluation's own events and its trials', oldest first, undecodable ones among them. At most ~1,000 are held at once. */
  readEvaluation(id: EvaluationId, range?: HistoryRange): AsyncIterable<StoredEvent>;
  /** What is stored at a position; null when there is nothing. */
  readAt(position: number): Promise<StoredEvent | null>;
}
