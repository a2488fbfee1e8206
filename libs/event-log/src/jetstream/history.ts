import { streams, subjects } from '@crucible/events';
import type { EvaluationId } from '@crucible/events';
import type { StoredMsg } from 'nats';
import { toStoredEvent } from '../codec.ts';
import type { EventHistory, HistoryRange } from '../history.ts';
import type { StoredEvent } from '../port.ts';
import { isNoMessage, unavailable } from './connection.ts';
import type { Bus } from './connection.ts';
import { toStoredMessage } from './stored-message.ts';
import { readRange } from './subject-range.ts';

const toEvent = (message: StoredMsg): StoredEvent => toStoredEvent(toStoredMessage(message));

/**
 * The past, by the server's direct reads: no consumer is made.
 */
export class JetStreamHistory implements EventHistory {
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  async readAt(position: number): Promise<StoredEvent | null> {
    try {
      return toEvent(await this.#bus.direct.getMessage(streams.events, { seq: position }));
    } catch (error) {
      if (isNoMessage(error)) return null;
      throw unavailable(`read the event at ${position}`, error);
    }
  }

  /** A wildcard below an evaluation leaves out the evaluation itself: two readings, put together in order. */
  async *readEvaluation(id: EvaluationId, range: HistoryRange = {}): AsyncGenerator<StoredEvent> {
    const own = readRange(this.#bus, subjects.evaluation(id), range);
    const trials = readRange(this.#bus, subjects.trialsOf(id), range);
    let [left, right] = [await own.next(), await trials.next()];
    for (;;) {
      const leftIsNext = !left.done && (right.done === true || left.value.seq < right.value.seq);
      if (leftIsNext && !left.done) {
        yield toEvent(left.value);
        left = await own.next();
      } else if (!right.done) {
        yield toEvent(right.value);
        right = await trials.next();
      } else return;
    }
  }
}
