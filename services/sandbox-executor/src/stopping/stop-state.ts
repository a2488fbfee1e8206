import { evolveStops, isStopEvent, noStops, stopOf } from '@crucible/domain';
import type { EngagedStop, StopEvent, Stops, StopTarget } from '@crucible/domain';
import type { EventLog } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { CrucibleEvent } from '@crucible/events';

const asStop = (event: CrucibleEvent<'crucible.stop.engaged.v1'>): EngagedStop => ({
  ...event.data,
  engagedBy: event.actor,
  engagedAt: event.time,
  team: event.team,
});

/** What was said of a stop comes late by seconds, if at all: one that was released longer ago is not said any more. */
const RELEASED_REMEMBERED_MAX = 1_000;

/**
 * Which stops are in force, from the log and from what was said beside it. What was only said holds as well: a stop that
 * cannot be written down yet must stop all the same.
 */
export class StopState {
  #recorded: Stops = noStops;
  readonly #positions = new Map<string, number>();
  /** The last ones, oldest first. */
  readonly #released = new Set<string>();
  readonly #saidOnly = new Map<string, EngagedStop>();
  readonly #log: EventLog;
  #position = 0;

  constructor(log: EventLog) {
    this.#log = log;
  }

  /**
   * Reads what the log has that was not known yet, however much that is.
   * @param onNew told of each stop that was not known before, in its turn: it may be released again further on
   * @throws BusUnavailable: whoever does not know what is stopped must run nothing
   */
  async read(onNew: (stop: EngagedStop) => void = () => undefined): Promise<void> {
    for await (const stored of this.#log.readAll(subjects.platform('stop'), this.#position + 1))
      if (stored.ok && isStopEvent(stored.event))
        this.apply({ event: stored.event, position: stored.position }).forEach(onNew);
  }

  get inForce(): Stops {
    return new Map([...this.#recorded, ...this.#saidOnly]);
  }

  /** Position of the first event that is not known yet, as far as stops go. */
  get next(): number {
    return this.#position + 1;
  }

  /** Where a stop was engaged; undefined when it only was said. */
  positionOf(stopId: string): number | undefined {
    return this.#positions.get(stopId);
  }

  /** @returns the stop, when it was not known before */
  hear(event: CrucibleEvent<'crucible.stop.engaged.v1'>): readonly EngagedStop[] {
    const { stopId } = event.data;
    if (this.#recorded.has(stopId) || this.#released.has(stopId) || this.#saidOnly.has(stopId)) return [];
    const stop = asStop(event);
    this.#saidOnly.set(stopId, stop);
    return [stop];
  }

  /** @returns the stop, when it was not known before */
  apply({ event, position }: { readonly event: StopEvent; readonly position: number }): readonly EngagedStop[] {
    if (position <= this.#position) return [];
    this.#position = position;
    const { stopId } = event.data;
    const known = this.#recorded.has(stopId) || this.#saidOnly.has(stopId);
    this.#recorded = evolveStops(this.#recorded, event);
    this.#saidOnly.delete(stopId);
    if (event.type === 'crucible.stop.released.v1') {
      this.#remember(stopId);
      this.#positions.delete(stopId);
      return [];
    }
    this.#positions.set(stopId, position);
    return known ? [] : [asStop(event)];
  }

  #remember(released: string): void {
    this.#released.delete(released);
    this.#released.add(released);
    const [oldest = ''] = this.#released;
    if (this.#released.size > RELEASED_REMEMBERED_MAX) this.#released.delete(oldest);
  }

  /** Forgets a stop that was said and is not in the log. @returns whether it was one */
  forgetUnwritten(stopId: string): boolean {
    return this.#saidOnly.delete(stopId);
  }

  stopOf(target: StopTarget): EngagedStop | undefined {
    return stopOf(this.inForce, target);
  }

  get stopsEverything(): boolean {
    return [...this.inForce.values()].some(({ scope }) => scope.kind === 'platform');
  }
}
