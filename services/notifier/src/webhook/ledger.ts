import type { EventLog, StoredEvent } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { NewEvent, Origin } from '@crucible/events';

const SUBJECT = subjects.platform('delivery');
const REMEMBERED_MAX = 100_000;
const CONFLICTS_MAX = 20;

export type DeliveryEvent = Extract<NewEvent, { type: `crucible.delivery.${string}` }>;

const deliveryIdsIn = (events: readonly StoredEvent[]): string[] =>
  events.flatMap((stored) =>
    stored.ok && stored.event.type.startsWith('crucible.delivery.')
      ? [(stored.event as { data: DeliveryEvent['data'] }).data.deliveryId]
      : [],
  );

/**
 * The ends of deliveries as the log has them. Each delivery ends once: before an end is written, the subject is read up to
 * its last event, and the write holds only if nothing came behind that.
 */
export class DeliveryLedger {
  readonly #log: EventLog;
  /** Deliveries that ended at positions from `#from` up to `#next`, exclusive. */
  #ended = new Set<string>();
  #from: number | null = null;
  #next = 1;

  constructor(log: EventLog) {
    this.#log = log;
  }

  /** @param announced position of the event that the delivery is about: its end can only lie behind it */
  async hasEnded(deliveryId: string, announced: number): Promise<boolean> {
    return (await this.#look(deliveryId, announced)).ended;
  }

  /**
   * Writes the end of a delivery unless it has one.
   * @throws BusUnavailable; asking again is safe
   */
  async end(event: DeliveryEvent, announced: number, origin: Origin): Promise<void> {
    for (let conflicts = 0; conflicts <= CONFLICTS_MAX; conflicts += 1) {
      const { ended, lastSequence } = await this.#look(event.data.deliveryId, announced);
      if (ended) return;
      const result = await this.#log.append({ subject: SUBJECT, event, origin, expectedSequence: lastSequence });
      if (result.ok) return;
      if (result.failure === 'oversize') throw new Error(`an end of a delivery of ${result.bytes} bytes is too large`);
    }
    throw new Error('others write ends of deliveries all the time');
  }

  async #look(deliveryId: string, announced: number): Promise<{ ended: boolean; lastSequence: number }> {
    this.#from ??= announced;
    this.#next = Math.max(this.#next, this.#from);
    const { events, lastSequence } = await this.#log.readSubject(SUBJECT, this.#next);
    for (const id of deliveryIdsIn(events)) this.#ended.add(id);
    const ended =
      this.#ended.has(deliveryId) || (announced < this.#from && (await this.#longAgo(deliveryId, announced)));
    this.#next = Math.max(this.#next, lastSequence + 1);
    if (this.#ended.size > REMEMBERED_MAX) {
      this.#ended = new Set();
      this.#from = this.#next;
    }
    return { ended, lastSequence };
  }

  /** The rare case of a delivery older than what is remembered. */
  async #longAgo(deliveryId: string, announced: number): Promise<boolean> {
    return deliveryIdsIn((await this.#log.readSubject(SUBJECT, announced)).events).includes(deliveryId);
  }
}
