import { absentTrial, decideTrial, evolveTrial, isTrialEvent } from '@crucible/domain';
import type { Control, Finish, Start, Trial, TrialCommand } from '@crucible/domain';
import type { EventLog, StoredEvent } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { CrucibleEvent, EvaluationId, EventData, NewEvent, TrialId } from '@crucible/events';
import { currentTraceparent, inAnswerTo } from '@crucible/service-kit';
import { readAttempt } from './attempt.ts';
import { busBack, OpenTrial } from './open-trial.ts';

export const SERVICE = 'sandbox-executor';

/** A trial as its subject tells it. */
export interface LoadedTrial {
  readonly state: Trial;
  /** The event that dispatched it; absent while there is none. */
  readonly cause: CrucibleEvent | undefined;
  /** All that stood on the subject when it was read. */
  readonly events: readonly StoredEvent[];
  readonly lastSequence: number;
}

/** Reads and writes trials' subjects. Each append rests on the sequence that the decision was made on. */
export class TrialLog {
  readonly #log: EventLog;

  constructor(log: EventLog) {
    this.#log = log;
  }

  async load(evaluationId: EvaluationId, trialId: TrialId): Promise<LoadedTrial> {
    const { events, lastSequence } = await this.#log.readSubject(subjects.trial(evaluationId, trialId));
    const known = events.flatMap((stored) => (stored.ok && isTrialEvent(stored.event) ? [stored.event] : []));
    return { state: known.reduce(evolveTrial, absentTrial), cause: known[0], events, lastSequence };
  }

  /** True when a cancel was asked for or the evaluation has ended: nothing of it may begin. */
  async isClosed(evaluationId: EvaluationId): Promise<boolean> {
    const { events } = await this.#log.readSubject(subjects.evaluation(evaluationId));
    return events.some(
      (stored) =>
        stored.ok &&
        (stored.event.type === 'crucible.evaluation.cancel-requested.v1' ||
          stored.event.type === 'crucible.evaluation.completed.v1'),
    );
  }

  /** What was asked of an evaluation. @throws Error when it was never submitted; BusUnavailable */
  async submissionOf(evaluationId: EvaluationId): Promise<EventData<'crucible.evaluation.submitted.v2'>> {
    const { events } = await this.#log.readSubject(subjects.evaluation(evaluationId));
    for (const stored of events)
      if (stored.ok && stored.event.type === 'crucible.evaluation.submitted.v2') return stored.event.data;
    throw new Error(`there is no submission of evaluation ${evaluationId}`);
  }

  /** What people asked of a trial. @throws BusUnavailable */
  async controlOf(evaluationId: EvaluationId, trialId: TrialId): Promise<Control> {
    return (await readAttempt(this.#log, { evaluationId, trialId })).control;
  }

  /**
   * Says, before the trial begins, that it begins paused: nobody can ask anything of it yet, so whatever people ask of it
   * stands behind. Null when the trial is no longer ours to take.
   * @throws BusUnavailable; asking again is safe
   */
  async carryPause(loaded: LoadedTrial, fromTrialId: TrialId): Promise<LoadedTrial | null> {
    const { state, events } = loaded;
    if (state.status !== 'dispatched') return null;
    const type = 'crucible.trial.pause-carried.v1';
    if (events.some((stored) => stored.ok && stored.event.type === type)) return loaded;
    const { evaluationId, trialId } = state.dispatch;
    const position = await this.append(loaded, { type, data: { evaluationId, trialId, fromTrialId } });
    return position === null ? null : { ...loaded, lastSequence: position };
  }

  /** The trial as ours to write about, or null when it is no longer ours to take. */
  async start(loaded: LoadedTrial, start: Start): Promise<OpenTrial | null> {
    const position = await this.#decide(loaded, { type: 'start', start });
    if (position === null || loaded.state.status === 'absent') return null;
    const { dispatch } = loaded.state;
    const state = { status: 'running', dispatch, executorId: start.executorId } as const;
    return new OpenTrial(this, { ...loaded, state, lastSequence: position }, dispatch);
  }

  /**
   * Ends a trial that nobody here runs. Returns null when it was ended or taken by another meanwhile. Waits for a bus
   * that is away for as long as it takes.
   */
  finish(loaded: LoadedTrial, finish: Finish): Promise<number | null> {
    return busBack(() => this.#decide(loaded, { type: 'finish', finish }));
  }

  /** Takes back a trial that never began. Returns null when it did, or is over already. */
  withdraw(loaded: LoadedTrial, reason: string): Promise<number | null> {
    return this.#decide(loaded, { type: 'withdraw', reason });
  }

  /**
   * Appends one event of a trial behind what was loaded of it. Null when another was quicker.
   * @throws BusUnavailable; asking again is safe
   */
  async append({ state, cause, lastSequence }: LoadedTrial, event: NewEvent): Promise<number | null> {
    if (cause === undefined || state.status === 'absent') return null;
    const { evaluationId, trialId } = state.dispatch;
    const result = await this.#log.append({
      subject: subjects.trial(evaluationId, trialId),
      event,
      origin: inAnswerTo(SERVICE, cause, currentTraceparent() ?? cause.traceparent),
      expectedSequence: lastSequence,
    });
    if (result.ok) return result.position;
    if (result.failure === 'oversize') throw new Error(`${event.type} would be ${result.bytes} bytes`);
    return null;
  }

  async #decide(
    loaded: LoadedTrial,
    command: Extract<TrialCommand, { type: 'start' | 'finish' | 'withdraw' }>,
  ): Promise<number | null> {
    const decision = decideTrial(command, loaded.state);
    return decision.accepted ? this.append(loaded, decision.event) : null;
  }
}
