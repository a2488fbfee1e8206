import type { DurableEvents } from '@crucible/event-log';
import { durables } from '@crucible/event-log';
import type { DeadLetters } from './dead-letters.ts';
import { durableEvents } from './durable.ts';
import type { Logger } from './logger.ts';
import type { DeliverySource } from './strategy.ts';

type Redriven = (typeof durables)['gatewayRedrive' | 'schedulerRedrive' | 'executorRedrive' | 'notifierRedrive'];

/** Requests to have a dead letter handled once more, for those that this service put aside. */
export const redrives = (
  events: DurableEvents,
  { durable, subject, pendingMax }: Redriven,
  deadLetters: DeadLetters,
  logger: Logger,
): DeliverySource => {
  const letters = { deadLetters, consumer: 'redrive' };
  const source = durableEvents(events, { durable, subject, concurrency: 1, pendingMax, logger, letters });
  return {
    // Not for the service's own handlers: what is asked here is asked of the sources beside this one.
    run: (_deliver, signal) =>
      source.run(async (_pattern, payload) => {
        const stored = payload as Parameters<Parameters<DurableEvents['consume']>[2]>[0];
        if (stored.ok && stored.event.type === 'crucible.dead-letter.redrive-requested.v1')
          await deadLetters.redrive(stored.event);
      }, signal),
  };
};
