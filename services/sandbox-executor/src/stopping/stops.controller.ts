import type { StoredEvent } from '@crucible/event-log';
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { Stopping } from './stopping.ts';

/** The connection that carries stops and nothing else. */
export const CONTROL_BUS = Symbol('control-bus');

/** The sure path of a stop: the word before it may have been lost. */
@Controller()
export class StopsController {
  constructor(@Inject(Stopping) private readonly stopping: Stopping) {}

  @EventPattern('crucible.stop.engaged.v1')
  onEngaged(@Payload() stored: StoredEvent): void {
    this.stopping.onEvent(stored);
  }

  @EventPattern('crucible.stop.released.v1')
  onReleased(@Payload() stored: StoredEvent): void {
    this.stopping.onEvent(stored);
  }
}
