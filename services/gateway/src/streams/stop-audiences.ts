import { seesStop, stopIdOf } from '@crucible/domain';
import type { StopViewer } from '@crucible/domain';
import type { StoredEvent } from '@crucible/event-log';
import type { ReadModel, WrittenAudience } from '@crucible/read-model';

const stopOf = (stored: StoredEvent): string | null => (stored.ok ? stopIdOf(stored.event) : null);

/**
 * Whom the events about emergency stops are for. A release tells its stop's id alone, so the stop itself is asked for: the
 * read model has it with the teams that may see it, the same that lists go by.
 */
export class StopAudiences {
  readonly #readModel: Pick<ReadModel, 'stopAudiences'>;
  /** Kept with the event, for as long as anybody holds that. */
  readonly #known = new WeakMap<StoredEvent, WrittenAudience>();

  constructor(readModel: Pick<ReadModel, 'stopAudiences'>) {
    this.#readModel = readModel;
  }

  /**
   * Finds out whom events are for, as far as they tell of stops. They must be in the read model already.
   * @throws what the database throws: what is not known is shown to nobody
   */
  async learn(events: readonly StoredEvent[]): Promise<void> {
    const ids = new Set(events.flatMap((stored) => stopOf(stored) ?? []));
    if (ids.size === 0) return;
    const audiences = await this.#readModel.stopAudiences([...ids]);
    for (const stored of events) {
      const audience = audiences.get(stopOf(stored) ?? '');
      // An executor may tell of a stop before that is written. Whoever comes later is to see no more than who was there.
      if (audience !== undefined && audience.from <= stored.position) this.#known.set(stored, audience);
    }
  }

  /** Whether a viewer sees an event about a stop that was learned of; undefined for one about anything else. */
  sees(viewer: StopViewer, stored: StoredEvent): boolean | undefined {
    if (stopOf(stored) === null) return undefined;
    const audience = this.#known.get(stored);
    return audience !== undefined && seesStop(viewer, audience);
  }
}
