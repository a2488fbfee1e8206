import { decodeStored, evaluationIdSchema, subjects } from '@crucible/events';
import type { CrucibleEvent, EvaluationId } from '@crucible/events';
import type { Msg } from 'nats';
import type { Control } from '../port.ts';
import { json } from './connection.ts';
import type { Bus } from './connection.ts';
import { heardAs } from './hints.ts';

/** Whoever must be heard while its service is flooded gives this a connection of its own. */
export class NatsControl implements Control {
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  cancel(evaluationId: EvaluationId): void {
    this.#bus.nc.publish(subjects.controlCancel(evaluationId));
  }

  onCancel(handler: (evaluationId: EvaluationId) => void): void {
    this.#hear(subjects.everyControlCancel, (message) => {
      const id = evaluationIdSchema.safeParse(message.subject.split('.').at(-1));
      if (id.success) handler(id.data);
    });
  }

  stop(engaged: CrucibleEvent<'crucible.stop.engaged.v1'>): void {
    this.#bus.nc.publish(subjects.controlStop, json.encode(engaged));
  }

  onStop(handler: (engaged: CrucibleEvent<'crucible.stop.engaged.v1'>) => void): void {
    this.#hear(subjects.controlStop, (message) => {
      const decoded = decodeStored(subjects.platform('stop'), message.data);
      if (decoded.ok && decoded.event.type === 'crucible.stop.engaged.v1') handler(decoded.event);
    });
  }

  #hear(subject: string, take: (message: Msg) => void): void {
    for (const name of heardAs(this.#bus, subject))
      this.#bus.nc.subscribe(name, {
        callback: (error, message) => {
          if (error === null) take(message);
        },
      });
  }
}
