import { setTimeout as pause } from 'node:timers/promises';
import { appliedByExecutor, decideStop, evolveStops, isStopEvent, noStops, sameScope } from '@crucible/domain';
import type { EngagedStop, StopEvent, Stops } from '@crucible/domain';
import { JetStreamEventLog, NatsControl, openBus } from '@crucible/event-log';
import type { Bus } from '@crucible/event-log';
import type { StopApplied, StopView } from '@crucible/api';
import { envelop, subjects } from '@crucible/events';
import type { NewEvent, Origin, StopScope } from '@crucible/events';
import type { PlatformInfo } from '../platform/info.ts';
import { failed, misuse } from './failure.ts';

const CONFLICTS_MAX = 20;
const OPEN_MS_MAX = 15_000;
const subject = subjects.platform('stop');

/** Whoever has the operator's password has the machine: no person is told apart from another. */
const originOf = (stopId: string): Origin => ({
  source: 'operator',
  team: 'default',
  actor: 'user:local',
  authMethod: 'bus',
  correlationId: stopId,
});

/** What an executor said about a stop, and where. */
export interface Confirmation {
  readonly applied: StopApplied;
  readonly position: number;
}

interface Told {
  readonly stop: EngagedStop;
  readonly released: Extract<StopEvent, { type: 'crucible.stop.released.v1' }> | undefined;
}

/** The emergency stop by the operator's own connection to the bus: for when nothing else of the platform answers. */
export class StopBus {
  readonly #bus: Bus;
  readonly #log: JetStreamEventLog;

  private constructor(bus: Bus) {
    this.#bus = bus;
    this.#log = new JetStreamEventLog(bus);
  }

  /** Null when the bus does not answer either. */
  static async open({ natsUrl, natsUser, natsPassword }: PlatformInfo): Promise<StopBus | null> {
    const opening = openBus({ url: natsUrl, user: natsUser, password: natsPassword, name: 'crucible-stop' });
    const bus = await Promise.race([opening, pause(OPEN_MS_MAX, null, { ref: false })]).catch(() => null);
    if (bus !== null) return new StopBus(bus);
    // It may come yet, and nobody would close it.
    opening.then(({ nc }) => nc.close()).catch(() => undefined);
    return null;
  }

  async close(): Promise<void> {
    await this.#bus.nc.close();
  }

  /** Tells the executors, then writes it down. A scope that is stopped already keeps its stop. */
  async engage(scope: StopScope, reason: string): Promise<{ readonly stopId: string; readonly position: number }> {
    const stopId = this.#bus.edge.newId();
    const data = { stopId, scope, reason };
    const stamp = { id: this.#bus.edge.newId(), nowMs: this.#bus.edge.now(), subject, origin: originOf(stopId) };
    const event = { type: 'crucible.stop.engaged.v1', data } as const;
    new NatsControl(this.#bus).stop(envelop<'crucible.stop.engaged.v1'>(event, stamp));
    await this.#bus.nc.flush();
    return this.#write(stopId, (stops, positions) => {
      const decision = decideStop({ type: 'engage', ...data }, stops);
      if (decision.accepted) return decision.event;
      const other = [...stops.values()].find((stop) => sameScope(stop.scope, scope));
      if (other === undefined) throw failed(`refused: ${decision.refusal}`);
      return { stopId: other.stopId, position: positions.get(other.stopId) ?? 1 };
    });
  }

  async release(stopId: string, reason: string): Promise<{ readonly stopId: string; readonly position: number }> {
    return this.#write(stopId, (stops, positions) => {
      const decision = decideStop({ type: 'release', stopId, reason }, stops);
      if (decision.accepted) return decision.event;
      if (!positions.has(stopId)) throw misuse(`there is no stop ${stopId}`, './crucible stop list shows them');
      throw failed(`stop ${stopId} is released already`);
    });
  }

  /** Every stop, newest first. */
  async list(): Promise<StopView[]> {
    const told = new Map<string, Told>();
    for await (const stored of this.#log.readAll(subject)) {
      if (!stored.ok || !isStopEvent(stored.event)) continue;
      const { event } = stored;
      const known = told.get(event.data.stopId);
      if (event.type === 'crucible.stop.released.v1') {
        if (known !== undefined) told.set(event.data.stopId, { ...known, released: event });
        continue;
      }
      const stop = evolveStops(noStops, event).get(event.data.stopId);
      if (known === undefined && stop !== undefined) told.set(stop.stopId, { stop, released: undefined });
    }
    const applied = await this.#applied();
    return [...told.values()].reverse().map(({ stop, released }) => ({
      stopId: stop.stopId,
      scope: stop.scope,
      reason: stop.reason,
      engagedBy: stop.engagedBy,
      engagedAt: stop.engagedAt,
      releasedBy: released?.actor ?? null,
      releasedAt: released?.time ?? null,
      releaseReason: released?.data.reason ?? null,
      executors: [...appliedByExecutor(applied.get(stop.stopId) ?? [])],
    }));
  }

  /** Executors that came and did not say that they went. */
  async executors(): Promise<ReadonlySet<string>> {
    const up = new Set<string>();
    for await (const stored of this.#log.readAll(subjects.platform('executor'))) {
      if (!stored.ok) continue;
      if (stored.event.type === 'crucible.executor.started.v1') up.add(stored.event.data.executorId);
      if (stored.event.type === 'crucible.executor.stopped.v1') up.delete(stored.event.data.executorId);
    }
    return up;
  }

  head(): Promise<number> {
    return this.#log.head();
  }

  /** What executors say of a stop, as they say it, from a position on. Ends with the signal. */
  async *confirmations(stopId: string, from: number, signal: AbortSignal): AsyncGenerator<Confirmation> {
    for await (const stored of this.#log.follow({ from, subject: subjects.platform('executor'), signal })) {
      if (!stored.ok || stored.event.type !== 'crucible.stop.applied.v1') continue;
      const { stopId: about, ...applied } = stored.event.data;
      if (about === stopId) yield { applied, position: stored.position };
    }
  }

  async #applied(): Promise<ReadonlyMap<string, StopApplied[]>> {
    const applied = new Map<string, StopApplied[]>();
    for await (const stored of this.#log.readAll(subjects.platform('executor'))) {
      if (!stored.ok || stored.event.type !== 'crucible.stop.applied.v1') continue;
      const { stopId, ...what } = stored.event.data;
      applied.set(stopId, [...(applied.get(stopId) ?? []), what]);
    }
    return applied;
  }

  /** Appends behind what it was decided on; a conflict decides again. */
  async #write(
    stopId: string,
    decide: (
      stops: Stops,
      positions: ReadonlyMap<string, number>,
    ) => NewEvent | { readonly stopId: string; readonly position: number },
  ): Promise<{ readonly stopId: string; readonly position: number }> {
    for (let conflict = 0; conflict < CONFLICTS_MAX; conflict += 1) {
      const positions = new Map<string, number>();
      let stops = noStops;
      let lastSequence = 0;
      for await (const stored of this.#log.readAll(subject)) {
        lastSequence = stored.position;
        if (!stored.ok || !isStopEvent(stored.event)) continue;
        stops = evolveStops(stops, stored.event);
        const { stopId: about } = stored.event.data;
        if (!positions.has(about)) positions.set(about, stored.position);
      }
      const event = decide(stops, positions);
      if (!('type' in event)) return event;
      const origin = originOf(stopId);
      const result = await this.#log.append({ subject, event, origin, expectedSequence: lastSequence });
      if (result.ok) return { stopId, position: result.position };
      if (result.failure === 'oversize') throw failed(`the event would be ${result.bytes} bytes`);
    }
    throw failed('stops are being changed by many at once; try again');
  }
}
