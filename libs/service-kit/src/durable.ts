import { RetryLater } from '@crucible/event-log';
import type { DurableEvents, DurableOptions, StoredEvent } from '@crucible/event-log';
import { handlerAttemptsMax, whileAway } from './attempts.ts';
import type { Letters } from './attempts.ts';
import { wordsOf } from './dead-letters.ts';
import type { Logger } from './logger.ts';
import { patternOf, traceOf } from './patterns.ts';
import type { Deliver, DeliverySource } from './strategy.ts';
import { traced } from './telemetry.ts';

/** What a durable source hands to its handlers: the event, and which delivery of it this is, counted from 1. */
export type DeliveredEvent = StoredEvent & { readonly delivery: number };

export interface DurableLetters extends Letters {
  /** Deliveries that the handler may ask for by `RetryLater`, which are no failures; 0 when absent. */
  readonly laterMax?: number;
}

type Options = DurableOptions & { readonly logger: Logger; readonly letters?: DurableLetters };

/** One consumer's way with its deliveries, over the life of a process. */
class Deliveries {
  readonly #deliver: Deliver;
  readonly #letters: DurableLetters;
  readonly #life: { readonly logger: Logger; readonly signal: AbortSignal };
  readonly #attemptsMax: number;
  /** Failures of the handler by position. */
  readonly #failures = new Map<number, number>();
  readonly #inHand = new Map<number, Promise<void>>();

  constructor(deliver: Deliver, letters: DurableLetters, life: { logger: Logger; signal: AbortSignal }) {
    this.#deliver = deliver;
    this.#letters = letters;
    this.#life = life;
    this.#attemptsMax = letters.attemptsMax ?? handlerAttemptsMax;
  }

  /** @throws what asks for another delivery */
  take(stored: StoredEvent, delivery: number): Promise<void> {
    // While the bus was away it may have given out again what is in hand here: one handling answers for both.
    let handling = this.#inHand.get(stored.position);
    if (handling === undefined) {
      handling = this.#takeOnce(stored, delivery).finally(() => this.#inHand.delete(stored.position));
      this.#inHand.set(stored.position, handling);
    }
    return handling;
  }

  async #takeOnce(stored: StoredEvent, delivery: number): Promise<void> {
    if (!stored.ok) {
      const { failure, detail } = stored.undecodable;
      return this.#putAside(stored, delivery, 'undecodable', `${failure}: ${detail}`);
    }
    // Earlier lives had it in hand as often as is allowed, and none came to say how it ended: it may have ended them.
    if (!this.#failures.has(stored.position) && delivery > this.#deliveriesMax) {
      const why = `given out ${delivery - 1} times, and each time nobody said what became of it`;
      return this.#putAside(stored, delivery - 1, 'handler-failed', why);
    }
    try {
      await whileAway(this.#letters, () => handleOne(this.#deliver, stored, delivery), this.#life);
      this.#failures.delete(stored.position);
    } catch (error) {
      await this.#onFailure(stored, delivery, error);
    }
  }

  get #deliveriesMax(): number {
    return this.#attemptsMax + (this.#letters.laterMax ?? 0);
  }

  async #onFailure(stored: StoredEvent, delivery: number, error: unknown): Promise<void> {
    const { position } = stored;
    if (error instanceof RetryLater || this.#life.signal.aborted) throw error;
    const failures = (this.#failures.get(position) ?? 0) + 1;
    this.#failures.set(position, failures);
    const attemptsMax = this.#attemptsMax;
    this.#life.logger.error({ err: error, position, failures, attemptsMax }, 'event not handled');
    if (failures < attemptsMax && delivery < this.#deliveriesMax) throw error;
    await this.#putAside(stored, Math.max(failures, delivery), 'handler-failed', wordsOf(error));
  }

  async #putAside(
    message: StoredEvent,
    deliveries: number,
    reason: 'undecodable' | 'handler-failed',
    detail: string,
  ): Promise<void> {
    const { deadLetters, consumer } = this.#letters;
    const letter = { consumer, stream: 'EVENTS', message, deliveries, reason, detail } as const;
    await whileAway(this.#letters, () => deadLetters.record(letter), this.#life);
    this.#failures.delete(message.position);
  }
}

const handleOne = (deliver: Deliver, stored: StoredEvent, delivery: number): Promise<void> => {
  const delivered: DeliveredEvent = { ...stored, delivery };
  return traced(`handle ${patternOf(stored)}`, traceOf(stored), () => deliver(patternOf(stored), delivered));
};

/**
 * Events through a durable consumer: acknowledged when handled, delivered again with back-off when not. With `letters`, one
 * that cannot be read, or that the handler failed at too often, is put aside as a dead letter and then acknowledged.
 */
export const durableEvents = (events: DurableEvents, options: Options): DeliverySource => ({
  run: (deliver, signal) => {
    const { letters, logger } = options;
    letters?.deadLetters.onRedrive(letters.consumer, (stored) => handleOne(deliver, stored, 1));
    const deliveries = letters === undefined ? undefined : new Deliveries(deliver, letters, { logger, signal });
    return events.consume(options, signal, async (stored, delivery) => {
      if (deliveries !== undefined) return deliveries.take(stored, delivery);
      try {
        await handleOne(deliver, stored, delivery);
      } catch (error) {
        if (!(error instanceof RetryLater))
          logger.error({ err: error, position: stored.position }, 'event not handled yet, will be delivered again');
        throw error;
      }
    });
  },
});
