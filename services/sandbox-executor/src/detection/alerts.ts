import { createHash } from 'node:crypto';
import type { CanaryOwner, Match, Rule } from '@crucible/detectors';
import type { EventData, EvidencePoint, NewEvent, Severity } from '@crucible/events';

export type AlertRaised = EventData<'crucible.alert.raised.v1'>;

/** Where a trial's alerts go. */
export interface AlertSink {
  /** Writes it behind what was written of the trial before, and before its end. Waits for a bus that is away. */
  note(note: NewEvent<'crucible.alert.raised.v1'>): Promise<number | null>;
  /** Ends the trial for what a rule found. The first call counts. */
  kill(rule: Rule): void;
  /** An alert that could not be written for another reason than the bus being away. */
  lost(alert: AlertRaised, error: unknown): void;
}

/** Of one trial, besides a last one that counts those left out. */
export const ALERTS_MAX = 100;
/** Of those, kept for critical ones: whoever floods must not hide what matters. */
const CRITICAL_RESERVE = 20;

const ORDER: readonly Severity[] = ['low', 'medium', 'high', 'critical'];
const worse = (a: Severity, b: Severity): Severity => (ORDER.indexOf(a) > ORDER.indexOf(b) ? a : b);

/** The platform's own word that there would have been more. No file has this rule, so its digest is of its name. */
export const SUPPRESSED = {
  id: 'alerts-suppressed',
  version: 1,
  title: 'More alerts than one trial may raise',
  digest: createHash('sha256').update('alerts-suppressed 1').digest('hex'),
} as const;

interface Suppressed {
  count: number;
  severity: Severity;
  points: readonly EvidencePoint[];
}

/** Raises one trial's alerts in the order they were found: not too many, and none lost. */
export class Alerts {
  readonly #trial: CanaryOwner;
  readonly #newId: () => string;
  readonly #sink: AlertSink;
  /** Worst severity that each rule raised. */
  readonly #raised = new Map<string, Severity>();
  #count = 0;
  #suppressed: Suppressed | undefined;
  #closed = false;

  constructor(trial: CanaryOwner, newId: () => string, sink: AlertSink) {
    this.#trial = trial;
    this.#newId = newId;
    this.#sink = sink;
  }

  /** @param foreignTrial whose canary it is about, if it is another's */
  raise(match: Match, foreignTrial: CanaryOwner | null): void {
    if (this.#closed) return;
    const { rule, count, points, summary } = match;
    const { id, version, title, digest, severity, capability, tags, response } = rule;
    if (response === 'kill') this.#sink.kill(rule);
    this.#raised.set(id, worse(severity, this.#raised.get(id) ?? 'low'));
    if (this.#count >= (severity === 'critical' ? ALERTS_MAX : ALERTS_MAX - CRITICAL_RESERVE))
      return this.#leaveOut(severity, points);
    this.#count += 1;
    this.#write({
      ...this.#trial,
      alertId: this.#newId(),
      rule: { id, version, title, digest },
      severity,
      capability,
      tags: [...tags],
      response,
      summary,
      count,
      foreignTrial,
      evidence: [...points],
    });
  }

  /** No more alerts come. @returns rules that were raised, with the worst severity of each */
  close(): ReadonlyMap<string, Severity> {
    if (!this.#closed && this.#suppressed !== undefined) this.#tellSuppressed(this.#suppressed);
    this.#closed = true;
    return this.#raised;
  }

  #leaveOut(severity: Severity, points: readonly EvidencePoint[]): void {
    const before = this.#suppressed ?? { count: 0, severity: 'medium' };
    this.#suppressed = { count: before.count + 1, severity: worse(before.severity, severity), points };
  }

  #tellSuppressed({ count, severity, points }: Suppressed): void {
    this.#raised.set(SUPPRESSED.id, severity);
    this.#write({
      ...this.#trial,
      alertId: this.#newId(),
      rule: { ...SUPPRESSED },
      severity,
      capability: 'resource-abuse',
      tags: [],
      response: 'record',
      summary: `${count} more alerts were left out after the first ${this.#count}`,
      count,
      foreignTrial: null,
      evidence: [...points],
    });
  }

  #write(data: AlertRaised): void {
    this.#sink.note({ type: 'crucible.alert.raised.v1', data }).catch((error: unknown) => this.#sink.lost(data, error));
  }
}
