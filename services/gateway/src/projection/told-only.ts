import { DeadLetters } from '@crucible/service-kit';
import type { Logger, Unhandled } from '@crucible/service-kit';
import type { EventLog } from '@crucible/event-log';

/** Puts nothing aside in an archive, whose log takes nothing: what cannot be handled there is only told. */
export class ToldOnly extends DeadLetters {
  readonly #told: Logger;

  constructor(service: string, log: EventLog, logger: Logger) {
    super(service, log, () => '', logger);
    this.#told = logger;
  }

  override record({ message, reason, detail }: Unhandled): Promise<void> {
    this.#told.error({ position: message.position, reason, detail }, 'passed over: an archive records nothing');
    return Promise.resolve();
  }
}
