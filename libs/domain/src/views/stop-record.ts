import type { CrucibleEvent, EventData, StopScope } from '@crucible/events';
import type { Positioned } from './reduce.ts';

/** What one executor said it did about a stop, and where it said so. */
export type Applied = Omit<EventData<'crucible.stop.applied.v1'>, 'stopId'> & { readonly position: number };

interface Act {
  readonly by: string;
  readonly at: string;
  readonly reason: string;
  readonly position: number;
}

/**
 * All that the log says of one emergency stop. An executor hears of a stop before it is written, so what it did may stand
 * in the log before the stop itself.
 */
export interface StopRecord {
  readonly stopId: string;
  readonly engaged: (Act & { readonly scope: StopScope; readonly team: string }) | null;
  readonly released: Act | null;
  readonly applied: readonly Applied[];
  /** Stream sequence of the last event that changed this record. */
  readonly position: number;
}

/** Executors that come back tell again, and a stop may last: what is said beyond this changes nothing. */
export const appliedMax = 500;

/** The stop that an event is about, or null. */
export const stopIdOf = (event: CrucibleEvent): string | null => {
  switch (event.type) {
    case 'crucible.stop.engaged.v1':
    case 'crucible.stop.released.v1':
    case 'crucible.stop.applied.v1':
      return event.data.stopId;
    default:
      return null;
  }
};

/** A stop after one event about it. It is engaged once and released once; a release of what is not engaged changes nothing. */
export const reduceStop = (record: StopRecord | undefined, { event, position }: Positioned): StopRecord | undefined => {
  const stopId = stopIdOf(event);
  if (stopId === null || (record !== undefined && position <= record.position)) return record;
  const before = record ?? { stopId, engaged: null, released: null, applied: [], position };
  const by = { by: event.actor, at: event.time, position };
  switch (event.type) {
    case 'crucible.stop.engaged.v1': {
      const { scope, reason } = event.data;
      if (before.engaged !== null) return record;
      return { ...before, engaged: { ...by, reason, scope, team: event.team }, position };
    }
    case 'crucible.stop.released.v1':
      if (before.engaged === null || before.released !== null) return record;
      return { ...before, released: { ...by, reason: event.data.reason }, position };
    case 'crucible.stop.applied.v1': {
      if (before.applied.length >= appliedMax) return record;
      const { stopId: _, ...applied } = event.data;
      return { ...before, applied: [...before.applied, { ...applied, position }], position };
    }
    default:
      return record;
  }
};

/** A stop as lists show it. */
export interface StopSummary {
  readonly stopId: string;
  readonly scope: StopScope;
  readonly reason: string;
  readonly engagedBy: string;
  readonly engagedAt: string;
  readonly releasedBy: string | null;
  readonly releasedAt: string | null;
  readonly releaseReason: string | null;
  readonly executors: readonly Omit<Applied, 'position'>[];
}

/**
 * One line an executor. One that told twice, as after a restart or because it was asked again, killed both times, and its
 * slowest time counts; what is left over is what it said last, because it looks at everything each time.
 */
export const appliedByExecutor = (applied: readonly Omit<Applied, 'position'>[]): StopSummary['executors'] => {
  const sums = new Map<string, Omit<Applied, 'position'>>();
  for (const { executorId, killed, unconfirmed, latencyMs } of applied) {
    const sum = sums.get(executorId) ?? { executorId, killed: 0, unconfirmed: 0, latencyMs: 0 };
    sums.set(executorId, {
      executorId,
      killed: sum.killed + killed,
      unconfirmed,
      latencyMs: Math.max(sum.latencyMs, latencyMs),
    });
  }
  return [...sums.values()];
};

/**
 * A stop as it was at a position, or is now; undefined before it was engaged.
 * @param at position of the log; everything that is recorded when left out
 */
export const stopSummary = (record: StopRecord, at = Number.POSITIVE_INFINITY): StopSummary | undefined => {
  const { engaged, stopId } = record;
  if (engaged === null || engaged.position > at) return undefined;
  const released = record.released === null || record.released.position > at ? null : record.released;
  return {
    stopId,
    scope: engaged.scope,
    reason: engaged.reason,
    engagedBy: engaged.by,
    engagedAt: engaged.at,
    releasedBy: released?.by ?? null,
    releasedAt: released?.at ?? null,
    releaseReason: released?.reason ?? null,
    executors: appliedByExecutor(record.applied.filter(({ position }) => position <= at)),
  };
};
