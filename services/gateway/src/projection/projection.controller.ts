import type { StoredEvent } from '@crucible/event-log';
import { Projector } from '@crucible/read-model';
import { BATCH, LOGGER } from '@crucible/service-kit';
import type { Logger } from '@crucible/service-kit';
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { StopAudiences } from '../streams/stop-audiences.ts';
import { LivePosition } from './live-position.ts';

/** Hosts the projector: every event in order into the read model, then out to those who follow. */
@Controller()
export class ProjectionController {
  constructor(
    @Inject(Projector) private readonly projector: Projector,
    @Inject(LivePosition) private readonly live: LivePosition,
    @Inject(StopAudiences) private readonly stops: StopAudiences,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @EventPattern(BATCH)
  async onBatch(@Payload() batch: readonly StoredEvent[]): Promise<void> {
    const last = batch.at(-1);
    if (last === undefined) return;
    for (const stored of batch) {
      if (!stored.ok)
        this.logger.error(
          { position: stored.position, undecodable: stored.undecodable },
          'this event cannot be read: its place is listed, and nothing is made of it',
        );
    }
    await this.projector.apply(batch, last.position);
    await this.stops.learn(batch);
    this.live.advance(batch, last.position);
  }
}
