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

  /** A wildcard below an evaluation leaves out the evaluation itself: readings of each kind, put together in order. */
  async *readEvaluation(id: EvaluationId, range: HistoryRange = {}): AsyncGenerator<StoredEvent> {
    const kinds = [subjects.evaluation(id), subjects.trialsOf(id), subjects.trialCommandsOf(id)];
    const readings = kinds.map((subject) => readRange(this.#bus, subject, range));
    const heads = await Promise.all(readings.map((reading) => reading.next()));
    for (;;) {
      let first = -1;
      heads.forEach((head, index) => {
        const before = first === -1 ? undefined : heads[first];
        if (!head.done && (before === undefined || before.done || head.value.seq < before.value.seq)) first = index;
      });
      const head = heads[first];
      const reading = readings[first];
      if (head === undefined || head.done || reading === undefined) return;
      yield toEvent(head.value);
      heads[first] = await reading.next();
    }
  }
}
