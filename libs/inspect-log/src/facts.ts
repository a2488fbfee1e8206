import type { Positioned } from '@crucible/domain';
import type { CrucibleEvent, EventData } from '@crucible/events';

/** Told of every trial and in its view already: of these only the place in the log is kept. */
const inView = ['crucible.trial.dispatched.v1', 'crucible.trial.started.v2', 'crucible.trial.finished.v2'] as const;
type InView = (typeof inView)[number];
/** Asked for call by call, for there may be thousands of them. */
const called: ReadonlySet<string> = new Set(['crucible.trial.model-called.v2', 'crucible.trial.tool-called.v1']);

/** Something the log tells of a trial beside its calls: an alert, a pause, what a person decided. */
export interface Fact {
  readonly position: number;
  readonly event: CrucibleEvent;
}

/** A request for approval with the first word on it in the log, which is the one that counts. */
export interface Approval {
  readonly request: EventData<'crucible.trial.approval-requested.v1'>;
  readonly requestedPosition: number;
  readonly decided?: {
    readonly position: number;
    readonly at: string;
    readonly actor: string;
    readonly decision: EventData<'crucible.trial.approval-decided.v1'>['decision'];
    readonly reason: string;
  };
}

/** What an evaluation's log tells of one trial. Small, however long the trial was. */
export class TrialLog {
  readonly positions: Partial<Record<InView, number>> = {};
  readonly facts: Fact[] = [];
  readonly approvals = new Map<string, Approval>();
  /** Why it was withdrawn; null when it was not. */
  withdrawn: string | null = null;

  add({ event, position }: Positioned): void {
    const known = inView.find((type) => type === event.type);
    if (known !== undefined) this.positions[known] = position;
    else if (event.type === 'crucible.trial.approval-requested.v1')
      this.approvals.set(event.data.approvalId, { request: event.data, requestedPosition: position });
    else if (event.type === 'crucible.trial.approval-decided.v1') this.#decide(event, position);
    else {
      if (event.type === 'crucible.trial.withdrawn.v1') this.withdrawn = event.data.reason;
      this.facts.push({ position, event });
    }
  }

  #decide(event: Extract<CrucibleEvent, { type: 'crucible.trial.approval-decided.v1' }>, position: number): void {
    const { approvalId, decision, reason } = event.data;
    const asked = this.approvals.get(approvalId);
    if (asked === undefined || asked.decided !== undefined) return;
    const decided = { position, at: event.time, actor: event.actor, decision, reason };
    this.approvals.set(approvalId, { ...asked, decided });
  }
}

const nothing = new TrialLog();

/** What the log tells of each trial of an evaluation, beside its calls. */
export class TrialLogs {
  readonly #trials = new Map<string, TrialLog>();

  add({ event, position }: Positioned): void {
    if (!('trialId' in event.data) || called.has(event.type)) return;
    const { trialId } = event.data;
    if (trialId === null) return;
    const log = this.#trials.get(trialId) ?? new TrialLog();
    this.#trials.set(trialId, log);
    log.add({ event, position });
  }

  of(trialId: string): TrialLog {
    return this.#trials.get(trialId) ?? nothing;
  }
}
