import type { StoredEvent } from '@crucible/event-log';
import { EVERYTHING } from '@crucible/service-kit';
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { Scheduler } from './scheduler.ts';

/** The scheduler's edge: every event, in order. */
@Controller()
export class SchedulerController {
  constructor(@Inject(Scheduler) private readonly scheduler: Scheduler) {}

  @EventPattern(EVERYTHING)
  onEvent(@Payload() stored: StoredEvent): Promise<void> {
    return this.scheduler.onEvent(stored);
  }
}
