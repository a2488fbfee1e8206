import { durables } from '@crucible/event-log';
import type { DurableEvents, StoredEvent } from '@crucible/event-log';
import { durableEvents, LOGGER } from '@crucible/service-kit';
import type { DeadLetters, DeliverySource, Logger } from '@crucible/service-kit';
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { Eraser } from './eraser.ts';

/** A pattern of its own: the executor also follows the newest events, and those must not come here a second time. */
const ERASE_REQUEST = 'erase-request';
const REQUESTED = 'crucible.evidence.erase-requested.v1';

/** Every request to erase, until it was fulfilled, also those made while no executor ran. */
export const eraseRequests = (events: DurableEvents, deadLetters: DeadLetters, logger: Logger): DeliverySource => {
  const source = durableEvents(events, {
    durable: durables.erasure.durable,
    subject: durables.erasure.subject,
    concurrency: 1,
    logger,
    letters: { deadLetters, consumer: 'erasure' },
  });
  return {
    run: (deliver, signal) =>
      source.run(async (pattern, payload) => {
        if (pattern === REQUESTED) await deliver(ERASE_REQUEST, payload);
      }, signal),
  };
};

@Controller()
export class ErasureController {
  constructor(
    @Inject(Eraser) private readonly eraser: Eraser,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @EventPattern(ERASE_REQUEST)
  async onRequest(@Payload() stored: StoredEvent): Promise<void> {
    if (!stored.ok || stored.event.type !== REQUESTED) return;
    const channels = await this.eraser.fulfil(stored.event, stored.position);
    this.logger.info({ position: stored.position, channels }, 'evidence erased on request');
  }
}
