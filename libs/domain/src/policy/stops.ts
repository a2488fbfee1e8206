import type { CrucibleEvent, EvaluationId, StopScope } from '@crucible/events';
import { accept, refuse, unreachable } from '../decision.ts';
import type { Decision } from '../decision.ts';

/** An emergency stop that is in force. */
export interface EngagedStop {
  readonly stopId: string;
  readonly scope: StopScope;
  readonly reason: string;
  readonly engagedBy: string;
  /** ISO 8601, UTC. */
  readonly engagedAt: string;
  /** Of whoever engaged it. */
  readonly team: string;
}

/** Every stop in force, by its id, oldest first. */
export type Stops = ReadonlyMap<string, EngagedStop>;
export const noStops: Stops = new Map();

export type StopEvent = Extract<CrucibleEvent, { type: 'crucible.stop.engaged.v1' | 'crucible.stop.released.v1' }>;
export const isStopEvent = (event: CrucibleEvent): event is StopEvent =>
  event.type === 'crucible.stop.engaged.v1' || event.type === 'crucible.stop.released.v1';

/** What something that may have to stop is part of. */
export interface StopTarget {
  readonly evaluationId: EvaluationId;
  readonly team: string;
}

/** Whether a scope takes something in. The one place that says so: schedulers and executors must not differ. */
export const covers = (scope: StopScope, target: StopTarget): boolean => {
  switch (scope.kind) {
    case 'platform':
      return true;
    case 'team':
      return scope.team === target.team;
    case 'evaluation':
      return scope.evaluationId === target.evaluationId;
    default:
      return unreachable(scope);
  }
};

export const sameScope = (one: StopScope, other: StopScope): boolean => {
  switch (one.kind) {
    case 'platform':
      return other.kind === 'platform';
    case 'team':
      return other.kind === 'team' && other.team === one.team;
    case 'evaluation':
      return other.kind === 'evaluation' && other.evaluationId === one.evaluationId;
    default:
      return unreachable(one);
  }
};

/** The oldest stop that takes something in, or undefined when it may go on. */
export const stopOf = (stops: Stops, target: StopTarget): EngagedStop | undefined => {
  for (const stop of stops.values()) if (covers(stop.scope, target)) return stop;
  return undefined;
};

/** The same event again changes nothing. */
export const evolveStops = (stops: Stops, event: StopEvent): Stops => {
  const next = new Map(stops);
  switch (event.type) {
    case 'crucible.stop.engaged.v1': {
      const { stopId, scope, reason } = event.data;
      if (stops.has(stopId)) return stops;
      next.set(stopId, { stopId, scope, reason, engagedBy: event.actor, engagedAt: event.time, team: event.team });
      return next;
    }
    case 'crucible.stop.released.v1':
      return next.delete(event.data.stopId) ? next : stops;
    default:
      return unreachable(event);
  }
};

export type StopCommand =
  | { readonly type: 'engage'; readonly stopId: string; readonly scope: StopScope; readonly reason: string }
  | { readonly type: 'release'; readonly stopId: string; readonly reason: string };

export type StopRefusal = 'already-engaged' | 'not-engaged';

/** A scope is stopped once, however often it is asked for: one release ends what many hands have stopped. */
export const decideStop = (command: StopCommand, stops: Stops): Decision<StopRefusal> => {
  const { stopId, reason } = command;
  switch (command.type) {
    case 'engage': {
      const { scope } = command;
      if ([...stops.values()].some((stop) => sameScope(stop.scope, scope))) return refuse('already-engaged');
      return accept({ type: 'crucible.stop.engaged.v1', data: { stopId, scope, reason } });
    }
    case 'release':
      if (!stops.has(stopId)) return refuse('not-engaged');
      return accept({ type: 'crucible.stop.released.v1', data: { stopId, reason } });
    default:
      return unreachable(command);
  }
};
