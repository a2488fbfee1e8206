import type { ApprovalList, StopView } from '@crucible/api';
import type { AlertCounts } from '@crucible/domain';
import type { EvaluationId, StopScope } from '@crucible/events';
import { listAlerts, listApprovals, listStops } from '../api.ts';

const refreshMs = 3_000;

const everyAlert = { severity: null, capability: null, acknowledged: null, evaluation: null };

/** Emergency stops, open alerts and what waits for a decision, on every page: everybody who looks must see it. */
class SafetyStore {
  stops = $state.raw<readonly StopView[]>([]);
  /** Alerts that nobody has acknowledged; null until they are known. */
  unacknowledged = $state.raw<AlertCounts | null>(null);
  /** Tool calls that wait for a person, the oldest first; null until they are known. */
  approvals = $state.raw<ApprovalList['items'] | null>(null);
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
    const [stops, alerts, approvals] = await Promise.all([
      listStops().catch(() => null),
      listAlerts(everyAlert, { limit: 1 }).catch(() => null),
      listApprovals().catch(() => null),
    ]);
    this.stops = stops?.items ?? this.stops;
    this.unacknowledged = alerts?.unacknowledged ?? this.unacknowledged;
    this.approvals = approvals?.items ?? this.approvals;
  }
}

export const safety = new SafetyStore();
