import type { StoredEvent } from '@crucible/event-log';
import { EVERYTHING } from '@crucible/service-kit';
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { Sealer } from './sealer.ts';

/** Every message of the log is a leaf, also one whose bytes no reader understands. */
@Controller()
export class TrailController {
  constructor(@Inject(Sealer) private readonly sealer: Sealer) {}

  @EventPattern(EVERYTHING)
  onMessage(@Payload() stored: StoredEvent): void {
    this.sealer.add(stored);
  }
}
