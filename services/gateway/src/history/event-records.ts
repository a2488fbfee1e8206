import type { EventAnswer, HistoryPage } from '@crucible/api';
import type { EventHistory } from '@crucible/event-log';
import type { EvaluationId } from '@crucible/events';
import type { ReadModel } from '@crucible/read-model';

/** A page ends behind the event that goes beyond this, whatever limit was asked for. */
const PAGE_BYTES_MAX = 8 * 1024 ** 2;
const DETAIL_CHARS_MAX = 2_000;

export interface HistoryRequest {
  readonly id: EvaluationId;
  readonly after: number;
  readonly limit: number;
  /** Position that the page is to be true of. */
  readonly upTo: number;
}

/** Events as they are stored. What the read model is used for is where they are and who may see them. */
export class EventRecords {
  readonly #history: EventHistory;
  readonly #readModel: Pick<ReadModel, 'events'>;

  constructor(history: EventHistory, readModel: Pick<ReadModel, 'events'>) {
    this.#history = history;
    this.#readModel = readModel;
  }

  /** An evaluation's events behind a position, oldest first. @throws BusUnavailable; the signal's reason */
  async page({ id, after, limit, upTo }: HistoryRequest, signal: AbortSignal): Promise<HistoryPage> {
    const [first, last] = await Promise.all([this.#edge(id, 'asc'), this.#edge(id, 'desc')]);
    const items: HistoryPage['items'] = [];
    let bytes = 0;
    const range = { from: Math.max(after + 1, first), upTo: Math.min(upTo, last), signal };
    for await (const stored of this.#history.readEvaluation(id, range)) {
      const previous = items.at(-1);
      if (previous !== undefined && (items.length === limit || bytes > PAGE_BYTES_MAX))
        return { items, next: previous.position, position: upTo };
      items.push({ position: stored.position, event: stored.ok ? stored.event : null });
      bytes += stored.body.byteLength;
    }
    return { items, next: null, position: upTo };
  }

  /** One event with its bytes; null where there is none that the team may see. */
  async one(team: string, position: number): Promise<EventAnswer | null> {
    const beside = { after: position - 1, before: position + 1, order: 'asc', limit: 1 } as const;
    const { items } = await this.#readModel.events(team, beside);
    const stored = items.length === 0 ? null : await this.#history.readAt(position);
    if (stored === null) return null;
    const { subject, messageId, body } = stored;
    return {
      position,
      subject,
      messageId,
      base64: Buffer.from(body).toString('base64'),
      event: stored.ok ? stored.event : null,
      undecodable: stored.ok
        ? null
        : `${stored.undecodable.failure}: ${stored.undecodable.detail}`.slice(0, DETAIL_CHARS_MAX),
    };
  }

  /** Where the evaluation's first or newest event is: beyond it the server would look through all there is. */
  async #edge(id: EvaluationId, order: 'asc' | 'desc'): Promise<number> {
    const { items } = await this.#readModel.events(null, { evaluation: id, order, limit: 1 });
    return items[0]?.position ?? 0;
  }
}
