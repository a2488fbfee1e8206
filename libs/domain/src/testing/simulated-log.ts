import { subjects } from '@crucible/events';
import type { CrucibleEvent, EvaluationId, EventId, NewEvent } from '@crucible/events';
import { evolveEvaluation, absentEvaluation, isEvaluationEvent } from '../evaluation/evaluation.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';
import { evolveStops, isStopEvent, noStops } from '../policy/stops.ts';
import type { Stops } from '../policy/stops.ts';
import { absentTrial, evolveTrial, isTrialEvent } from '../trial/trial.ts';
import type { Trial } from '../trial/trial.ts';

export interface LogEntry {
  readonly position: number;
  readonly subject: string;
  readonly event: CrucibleEvent;
  /** How much of the log its writer had read when it decided. */
  readonly seen: number;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
export const simulatedId = (kind: number, count: number): string => `${hex(kind, 8)}-0000-7000-8000-${hex(count, 12)}`;

/** The log's promises (one order, expected sequences by subject) without bytes or waiting, fast enough for thousands of runs. */
export class SimulatedLog {
  readonly entries: LogEntry[] = [];
  readonly #bySubject = new Map<string, LogEntry[]>();

  get head(): number {
    return this.entries.length;
  }

  lastOf(subject: string): number {
    return this.#bySubject.get(subject)?.at(-1)?.position ?? 0;
  }

  /** What stands on one subject, in its order. */
  of(subject: string): readonly LogEntry[] {
    return this.#bySubject.get(subject) ?? [];
  }

  /** Position of the new event, or null when the subject has moved on. */
  append(
    subject: string,
    event: NewEvent,
    expectedSequence: number,
    at: { readonly nowMs: number; readonly seen: number },
  ): number | null {
    if (this.lastOf(subject) !== expectedSequence) return null;
    const position = this.entries.length + 1;
    const id = simulatedId(1, position) as EventId;
    const envelope = {
      specversion: '1.0',
      id,
      source: '/crucible/simulation',
      subject,
      datacontenttype: 'application/json',
    } as const;
    const time = new Date(at.nowMs).toISOString();
    const whole = {
      ...envelope,
      ...event,
      time,
      team: 'default',
      actor: 'user:simulated',
      correlationid: id,
    } as CrucibleEvent;
    const entry: LogEntry = { position, subject, event: whole, seen: at.seen };
    this.entries.push(entry);
    const own = this.#bySubject.get(subject);
    if (own === undefined) this.#bySubject.set(subject, [entry]);
    else own.push(entry);
    return position;
  }

  evaluation(subject: string): Evaluation {
    return this.#eventsOf(subject).filter(isEvaluationEvent).reduce(evolveEvaluation, absentEvaluation);
  }

  trial(subject: string): Trial {
    return this.#eventsOf(subject).filter(isTrialEvent).reduce(evolveTrial, absentTrial);
  }

  /** Stops in force at the end of the log. */
  stops(): Stops {
    return this.#eventsOf(subjects.platform('stop')).filter(isStopEvent).reduce(evolveStops, noStops);
  }

  /** Ids of the evaluations submitted so far, in order. */
  submissions(): EvaluationId[] {
    return this.entries.flatMap(({ event }) =>
      event.type === 'crucible.evaluation.submitted.v2' ? [event.data.evaluationId] : [],
    );
  }

  #eventsOf(subject: string): CrucibleEvent[] {
    return this.of(subject).map(({ event }) => event);
  }
}
