import { createHash } from 'node:crypto';
import {
  absentEvaluation,
  decideControl,
  evolveControl,
  evolveEvaluation,
  isEvaluationEvent,
  noControl,
} from '@crucible/domain';
import type { Control, ControlCommand, ControlRefusal } from '@crucible/domain';
import type { DecisionRequest } from '@crucible/api';
import type { EventLog } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { EvaluationId, TrialId } from '@crucible/events';
import { problem, ProblemException } from '../problem.ts';
import { originOf } from './caller.ts';
import type { Caller } from './caller.ts';

const CONFLICTS_MAX = 10;

interface Place {
  readonly evaluationId: EvaluationId;
  readonly trialId: TrialId;
}
interface Loaded {
  readonly control: Control;
  /** Last position on the subject of the people's commands. */
  readonly lastSequence: number;
}

export interface TrialCommandPorts {
  readonly log: Pick<EventLog, 'readSubject' | 'append'>;
  readonly now: () => number;
}

/** A person's decision as it stands in the log: what is approved in place of the model's arguments has its own digest. */
export const decisionOf = ({
  decision,
  inputText,
}: DecisionRequest): Extract<ControlCommand, { type: 'decide-approval' }>['decision'] => {
  if (decision !== 'modify') return { kind: decision };
  const text = inputText ?? '';
  return { kind: 'modify', inputText: text, argumentsDigest: createHash('sha256').update(text).digest('hex') };
};

/** What people ask of one trial while it runs, on a subject that only the gateway writes. A conflict folds and decides again. */
export class TrialCommands {
  readonly #ports: TrialCommandPorts;

  constructor(ports: TrialCommandPorts) {
    this.#ports = ports;
  }

  /** @returns the position of the event. @throws ProblemException when the trial's state does not allow it */
  async ask(place: Place, command: ControlCommand, caller: Caller): Promise<number> {
    await this.#requireHearing(place, command, caller);
    for (let conflict = 0; conflict < CONFLICTS_MAX; conflict += 1) {
      const { control, lastSequence } = await this.#load(place);
      const decision = decideControl(command, control, place, this.#ports.now());
      if (!decision.accepted) throw refusal(decision.refusal, place);
      const result = await this.#ports.log.append({
        subject: subjects.trialCommand(place.evaluationId, place.trialId),
        event: decision.event,
        origin: originOf(caller, place.evaluationId),
        expectedSequence: lastSequence,
      });
      if (result.ok) return result.position;
      if (result.failure === 'oversize')
        throw new ProblemException(
          problem(413, 'too-large', `The event would be ${result.bytes} bytes: say it shorter.`),
        );
    }
    throw new ProblemException(problem(409, 'busy', 'The trial is being commanded by many at once; try again.'));
  }

  /** A program hears nothing; an agent program is held, let go and ended, and speaks to nobody but its model. */
  async #requireHearing({ evaluationId, trialId }: Place, { type }: ControlCommand, caller: Caller): Promise<void> {
    const { events } = await this.#ports.log.readSubject(subjects.evaluation(evaluationId));
    const known = events.flatMap((stored) => (stored.ok && isEvaluationEvent(stored.event) ? [stored.event] : []));
    const state = known.reduce(evolveEvaluation, absentEvaluation);
    if (state.status === 'absent' || known[0]?.team !== caller.team)
      throw new ProblemException(problem(404, 'not-found', `There is no evaluation ${evaluationId}.`));
    if (state.submission.subject.kind === 'program')
      throw new ProblemException(
        problem(
          409,
          'no-conversation',
          `Trial ${trialId} runs a program, which hears nothing: cancel its evaluation to end it.`,
        ),
      );
    if (state.submission.subject.kind === 'agent' && type === 'send-message')
      throw new ProblemException(
        problem(
          409,
          'no-conversation',
          `Trial ${trialId} runs an agent that drives itself, and nobody can speak to it: pause or terminate it.`,
        ),
      );
  }

  async #load({ evaluationId, trialId }: Place): Promise<Loaded> {
    const [own, commands] = await Promise.all([
      this.#ports.log.readSubject(subjects.trial(evaluationId, trialId)),
      this.#ports.log.readSubject(subjects.trialCommand(evaluationId, trialId)),
    ]);
    const told = [...own.events, ...commands.events].sort((one, other) => one.position - other.position);
    const control = told.flatMap((stored) => (stored.ok ? [stored] : [])).reduce(evolveControl, noControl);
    return { control, lastSequence: commands.lastSequence };
  }
}

const words: Readonly<Record<ControlRefusal, readonly [status: number, detail: string]>> = {
  'not-found': [404, 'There is no such trial.'],
  'not-running': [409, 'The trial is not running.'],
  'already-pausing': [409, 'The trial is paused already, or is about to be.'],
  'not-paused': [409, 'The trial is not paused.'],
  'already-terminating': [409, 'The trial is being ended already.'],
  'too-many-messages': [409, 'The trial has been sent as many messages as it may be.'],
  'no-such-approval': [404, 'The trial has no such request for approval.'],
  'already-decided': [409, 'This request was decided already: the first decision counts.'],
  'approval-expired': [409, 'This request has run out: it is denied.'],
};

/** HTTP's words for a refusal of the domain, in this one place. */
const refusal = (name: ControlRefusal, { trialId }: Place): ProblemException => {
  const [status, detail] = words[name];
  return new ProblemException(problem(status, name, `${trialId}: ${detail}`));
};
