import type { EventLog } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import { originOf } from '../commands/caller.ts';
import type { Caller } from '../commands/caller.ts';

/** Asks the service that put a message aside to take it once more; that service says in the log what became of it. */
export class Redrives {
  readonly #log: EventLog;
  readonly #newId: () => string;

  constructor(log: EventLog, newId: () => string) {
    this.#log = log;
    this.#newId = newId;
  }

  /** @returns position of the request in the log. @throws BusUnavailable */
  async request(deadLetterId: string, caller: Caller): Promise<number> {
    const result = await this.#log.append({
      subject: subjects.platform('redrive'),
      event: { type: 'crucible.dead-letter.redrive-requested.v1', data: { deadLetterId } },
      origin: originOf(caller, this.#newId()),
    });
    // Without an expected sequence there is nothing to conflict with, and the event's size is fixed.
    if (!result.ok) throw new Error(`a request to redrive was refused: ${result.failure}`);
    return result.position;
  }
}
