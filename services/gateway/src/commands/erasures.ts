import {
  absentEvaluation,
  absentTrial,
  evolveEvaluation,
  evolveTrial,
  isEvaluationEvent,
  isTrialEvent,
} from '@crucible/domain';
import type { Evaluation, Trial } from '@crucible/domain';
import type { EventLog } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { EvaluationId, TrialId } from '@crucible/events';
import { problem, ProblemException } from '../problem.ts';
import { originOf } from './caller.ts';
import type { Caller } from './caller.ts';
import type { Accepted } from './commands.ts';

const CONFLICTS_MAX = 10;

interface Loaded {
  readonly evaluation: Evaluation;
  readonly lastSequence: number;
  readonly correlationId: string | undefined;
  readonly team: string | undefined;
}

/** Asks for evidence to be erased. Whether it may be is judged here; the executor, its only writer, does it. */
export class Erasures {
  readonly #log: EventLog;

  constructor(log: EventLog) {
    this.#log = log;
  }

  /** @throws ProblemException when there is no such thing, or what is to be erased has not ended */
  async request(id: EvaluationId, trialId: TrialId | null, reason: string, caller: Caller): Promise<Accepted> {
    for (let conflict = 0; conflict < CONFLICTS_MAX; conflict += 1) {
      const { evaluation, lastSequence, correlationId, team } = await this.#load(id);
      if (evaluation.status === 'absent' || team !== caller.team)
        throw new ProblemException(problem(404, 'not-found', `There is no evaluation ${id}.`));
      if (trialId === null) requireEnded(id, evaluation);
      else requireFinished(trialId, await this.#trial(id, trialId));
      const result = await this.#log.append({
        subject: subjects.evaluation(id),
        event: { type: 'crucible.evidence.erase-requested.v1', data: { evaluationId: id, trialId, reason } },
        origin: originOf(caller, correlationId ?? id),
        expectedSequence: lastSequence,
      });
      if (result.ok) return { id, position: result.position };
      if (result.failure === 'oversize')
        throw new ProblemException(problem(413, 'too-large', `The event would be ${result.bytes} bytes.`));
    }
    throw new ProblemException(problem(409, 'busy', 'The evaluation is being changed by many at once; try again.'));
  }

  async #load(id: EvaluationId): Promise<Loaded> {
    const { events, lastSequence } = await this.#log.readSubject(subjects.evaluation(id));
    const known = events.flatMap((stored) => (stored.ok ? [stored.event] : []));
    const evaluation = known.filter(isEvaluationEvent).reduce(evolveEvaluation, absentEvaluation);
    return { evaluation, lastSequence, correlationId: known[0]?.correlationid, team: known[0]?.team };
  }

  async #trial(id: EvaluationId, trialId: TrialId): Promise<Trial> {
    const { events } = await this.#log.readSubject(subjects.trial(id, trialId));
    return events
      .flatMap((stored) => (stored.ok && isTrialEvent(stored.event) ? [stored.event] : []))
      .reduce(evolveTrial, absentTrial);
  }
}

const refused = (status: number, kind: string, detail: string): ProblemException =>
  new ProblemException(problem(status, kind, detail));

const requireEnded = (id: EvaluationId, { status }: Evaluation): void => {
  if (status === 'completed' || status === 'cancelled') return;
  throw refused(
    409,
    'not-ended',
    `Evaluation ${id} is ${status}: evidence of what still runs is not erased. Wait for its end, cancel it, or name a trial that has ended.`,
  );
};

const requireFinished = (trialId: TrialId, { status }: Trial): void => {
  switch (status) {
    case 'finished':
      return;
    case 'absent':
      throw refused(404, 'not-found', `The evaluation has no trial ${trialId}.`);
    case 'withdrawn':
      throw refused(409, 'nothing-to-erase', `Trial ${trialId} was withdrawn before it began: it has no evidence.`);
    default:
      throw refused(409, 'not-ended', `Trial ${trialId} has not ended: its evidence is not erased while it runs.`);
  }
};
