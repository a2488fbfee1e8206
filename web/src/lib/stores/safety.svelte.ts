import type { StopView } from '@crucible/api';
import type { AlertCounts } from '@crucible/domain';
import type { EvaluationId, StopScope } from '@crucible/events';
import { listAlerts, listStops } from '../api.ts';

const refreshMs = 3_000;

const everyAlert = { severity: null, capability: null, acknowledged: null, evaluation: null };

/** Emergency stops and open alerts, on every page: what has happened must be seen by everybody who looks. */
class SafetyStore {
  stops = $state.raw<readonly StopView[]>([]);
  /** Alerts that nobody has acknowledged; null until they are known. */
  unacknowledged = $state.raw<AlertCounts | null>(null);
  #watchers = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Stops that hold now, newest first. */
  get engaged(): readonly StopView[] {
    return this.stops.filter(({ releasedAt }) => releasedAt === null);
  }

  /** The stop that holds an evaluation back, if one does; the widest first. */
  stopOf(evaluationId: EvaluationId, team: string): StopView | null {
    const holds = (scope: StopScope): boolean =>
      scope.kind === 'platform' || (scope.kind === 'team' ? scope.team === team : scope.evaluationId === evaluationId);
    return this.engaged.find(({ scope }) => holds(scope)) ?? null;
  }

  watch(): () => void {
    this.#watchers += 1;
    if (this.#watchers === 1) {
      void this.refresh();
      this.#timer = setInterval(() => void this.refresh(), refreshMs);
    }
    return () => {
      this.#watchers -= 1;
      if (this.#watchers === 0) clearInterval(this.#timer);
    };
  }

  /** Takes the answer to an act of one's own at once, without waiting for the next look. */
  take(stop: StopView): void {
    this.stops = [stop, ...this.stops.filter(({ stopId }) => stopId !== stop.stopId)];
  }

  async refresh(): Promise<void> {
    if (document.visibilityState === 'hidden') return;
    // A missing answer says nothing about stops; the connection's pill speaks of the gateway.
    const [stops, alerts] = await Promise.all([
      listStops().catch(() => null),
      listAlerts(everyAlert, { limit: 1 }).catch(() => null),
    ]);
    this.stops = stops?.items ?? this.stops;
    this.unacknowledged = alerts?.unacknowledged ?? this.unacknowledged;
  }
}

export const safety = new SafetyStore();
