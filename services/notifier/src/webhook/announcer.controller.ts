import type { DeliveredEvent } from '@crucible/service-kit';
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { Announcer } from './announcer.ts';

@Controller()
export class AnnouncerController {
  constructor(@Inject(Announcer) private readonly announcer: Announcer) {}

  @EventPattern('crucible.evaluation.completed.v1')
  async onCompleted(@Payload() { delivery, position, ...stored }: DeliveredEvent): Promise<void> {
    if (!stored.ok || stored.event.type !== 'crucible.evaluation.completed.v1') return;
    await this.announcer.announce({ event: stored.event, position, delivery });
  }

  @EventPattern('crucible.alert.raised.v1')
  async onAlert(@Payload() { delivery, position, ...stored }: DeliveredEvent): Promise<void> {
    if (!stored.ok || stored.event.type !== 'crucible.alert.raised.v1') return;
    await this.announcer.announce({ event: stored.event, position, delivery });
  }
}
