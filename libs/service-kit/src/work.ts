import type { QueuedMessage, Work, WorkItem, WorkQueue } from '@crucible/event-log';
import { handlerAttemptsMax, isAwayFor, retryMs, whileAway } from './attempts.ts';
import type { Letters } from './attempts.ts';
import { wordsOf } from './dead-letters.ts';
import type { Logger } from './logger.ts';
import type { Deliver, DeliverySource } from './strategy.ts';

/** Pattern of a message of a work queue. */
export const WORK = 'work';
/** Pattern of an item that no attempt is made at any more: `AbandonedWork`. Its handler sees to it that nobody waits for it. */
export const ABANDONED_WORK = 'abandoned-work';

export interface AbandonedWork {
  readonly item: WorkItem;
  readonly why: string;
}

/** Items may come again for good reasons, as while an earlier taker has them: this bounds only those that end their takers. */
const DELIVERIES_MAX = 100;
const REMEMBERED_MAX = 10_000;

/** One pool's way with its items, over the life of a process. */
class Items {
  readonly #deliver: Deliver;
  readonly #letters: Letters;
  readonly #life: { readonly logger: Logger; readonly signal: AbortSignal };
  readonly #failures = new Map<number, number>();

  constructor(deliver: Deliver, letters: Letters, life: { logger: Logger; signal: AbortSignal }) {
    this.#deliver = deliver;
    this.#letters = letters;
    this.#life = life;
  }

  async take(work: Work): Promise<void> {
    const { item, message, delivery } = work;
    if (delivery > DELIVERIES_MAX && !this.#failures.has(message.position))
      return this.#abandon(work, `given out ${delivery - 1} times, and nobody came to its end`);
    try {
      await whileAway(this.#letters, () => this.#deliver(WORK, work), this.#life);
      this.#failures.delete(message.position);
    } catch (error) {
      if (isAwayFor(this.#letters, error) || this.#life.signal.aborted) return work.later(retryMs(1));
      const failures = (this.#failures.get(message.position) ?? 0) + 1;
      const attemptsMax = this.#letters.attemptsMax ?? handlerAttemptsMax;
      this.#life.logger.error({ err: error, item, failures, attemptsMax }, 'work not done');
      if (failures >= attemptsMax) return this.#abandon(work, wordsOf(error));
      if (this.#failures.size >= REMEMBERED_MAX) this.#failures.clear();
      this.#failures.set(message.position, failures);
      work.later(retryMs(failures));
    }
  }

  /** In this order: whoever waits for the item hears of its end even if the record or the queue cannot be reached then. */
  async #abandon(work: Work, why: string): Promise<void> {
    const { message, delivery } = work;
    const abandoned: AbandonedWork = { item: work.item, why };
    let detail = why;
    try {
      await whileAway(this.#letters, () => this.#deliver(ABANDONED_WORK, abandoned), this.#life);
    } catch (error) {
      if (this.#life.signal.aborted) return work.later(retryMs(1));
      detail = `${why}; and nobody could be told: ${wordsOf(error)}`;
    }
    await this.#record({ ...message, delivery }, 'handler-failed', detail);
    this.#failures.delete(message.position);
    await work.done();
  }

  unreadable(message: QueuedMessage): Promise<void> {
    const text = new TextDecoder().decode(message.body.subarray(0, 400));
    return this.#record(message, 'undecodable', `no item of work: ${text}`);
  }

  #record(message: QueuedMessage, reason: 'undecodable' | 'handler-failed', detail: string): Promise<void> {
    const { deadLetters, consumer } = this.#letters;
    const deliveries = message.delivery;
    const letter = { consumer, stream: 'DISPATCH', message, deliveries, reason, detail } as const;
    return whileAway(this.#letters, () => deadLetters.record(letter), this.#life);
  }
}

export interface WorkOptions {
  readonly pool: string;
  readonly capacity: () => number;
  readonly logger: Logger;
  /** Absent: an item is tried for ever, and bytes that are none are thrown away. */
  readonly letters?: Letters;
}

/**
 * Work of one pool while there is room for it. With `letters`, an item that cannot be read, or that the handler failed at
 * too often, is put aside as a dead letter and taken off the queue.
 */
export const workOf = (queue: WorkQueue, { pool, capacity, logger, letters }: WorkOptions): DeliverySource => ({
  run: (deliver, signal) => {
    if (letters === undefined) {
      return queue.take(pool, capacity, signal, async (work: Work) => {
        try {
          await deliver(WORK, work);
        } catch (error) {
          logger.error({ err: error, item: work.item }, 'work not done, giving it back');
          work.later(retryMs(work.delivery));
        }
      });
    }
    const items = new Items(deliver, letters, { logger, signal });
    return queue.take(
      pool,
      capacity,
      signal,
      (work) => items.take(work),
      (message) => items.unreadable(message),
    );
  },
});
