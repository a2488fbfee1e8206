import { absentEvaluation, decideEvaluation, evolveEvaluation, isEvaluationEvent, OWN_IMAGE } from '@crucible/domain';
import type { Evaluation, EvaluationCommand, EvaluationRefusal } from '@crucible/domain';
import type { ImageList, ModelList } from '@crucible/api';
import type { ContentStore, Control, EventLog } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { EvaluationId } from '@crucible/events';
import { platformMaxima } from '@crucible/suite';
import type { Suite } from '@crucible/suite';
import { problem, ProblemException } from '../problem.ts';
import { originOf } from './caller.ts';
import type { Caller } from './caller.ts';
import { imageFor } from './images.ts';
import { asksModels, refuseUnknownModels } from './models.ts';
import { refuseBeyondProfile } from './profiles.ts';
import type { Profiles } from './profiles.ts';
import { refuseForeignSubject } from './subject.ts';
import { evaluationIdFor, submissionOf } from './submission.ts';
import type { Wishes } from './submission.ts';

const CONFLICTS_MAX = 10;

export interface Accepted {
  readonly id: EvaluationId;
  readonly position: number;
}

export interface CommandPorts {
  readonly log: EventLog;
  readonly content: ContentStore;
  readonly control: Control;
  readonly profiles: Profiles;
  /** The models that executors told of. */
  readonly models: () => Promise<Pick<ModelList, 'items' | 'complete'>>;
  /** The images that executors told of. */
  readonly images: () => Promise<Pick<ImageList, 'items' | 'complete'>>;
  readonly now: () => number;
}

interface Loaded {
  readonly state: Evaluation;
  readonly lastSequence: number;
  readonly correlationId: string | undefined;
  readonly team: string | undefined;
}

/** What people may do to evaluations: fold the subject, decide, append. A conflict folds and decides again. */
export class Commands {
  readonly #ports: CommandPorts;

  constructor(ports: CommandPorts) {
    this.#ports = ports;
  }

  /**
   * @throws ProblemException when the key was used for another request, the suite is too large, beyond its profile, not for
   * this subject, names an image or asks a model that there is not
   */
  async submit(
    suite: Suite,
    caller: Caller,
    options: Wishes & { readonly idempotencyKey?: string | undefined },
  ): Promise<Accepted> {
    refuseForeignSubject(suite, options.subject);
    refuseBeyondProfile(suite, this.#ports.profiles);
    const bytes = new TextEncoder().encode(JSON.stringify(suite));
    if (bytes.byteLength > platformMaxima.suiteBytes) {
      throw new ProblemException(
        problem(
          413,
          'too-large',
          `The suite is ${bytes.byteLength} bytes with everything in it; this platform takes ${platformMaxima.suiteBytes}. Split it.`,
        ),
      );
    }
    const id = evaluationIdFor(caller.team, options.idempotencyKey, this.#ports.now());
    // A repeat is the first one's evaluation, whatever has become of its models and its image.
    const asks = asksModels(suite, options.subject);
    const isOfImage = suite.sandbox.image !== OWN_IMAGE;
    const isNew = (asks || isOfImage) && (await this.#load(id)).state.status === 'absent';
    if (isNew && asks) refuseUnknownModels(suite, options.subject, await this.#ports.models());
    const image = isNew && isOfImage ? imageFor(suite, await this.#ports.images()) : null;
    const digest = await this.#ports.content.put(bytes);
    const submission = submissionOf(id, suite, { digest, bytes: bytes.byteLength }, { ...options, image });
    return this.#decide(id, caller, { type: 'submit', submission });
  }

  async cancel(id: EvaluationId, reason: string, caller: Caller): Promise<Accepted> {
    const accepted = await this.#decide(id, caller, { type: 'request-cancel', reason });
    this.#ports.control.cancel(id);
    return accepted;
  }

  async #decide(id: EvaluationId, caller: Caller, command: EvaluationCommand): Promise<Accepted> {
    for (let conflict = 0; conflict < CONFLICTS_MAX; conflict += 1) {
      const loaded = await this.#load(id);
      if (loaded.team !== undefined && loaded.team !== caller.team) throw refusal('not-found', id);
      const decision = decideEvaluation(command, loaded.state);
      if (!decision.accepted) {
        if (decision.refusal === 'already-submitted') return { id, position: loaded.lastSequence };
        throw refusal(decision.refusal, id);
      }
      const result = await this.#ports.log.append({
        subject: subjects.evaluation(id),
        event: decision.event,
        origin: originOf(caller, loaded.correlationId ?? id),
        expectedSequence: loaded.lastSequence,
      });
      if (result.ok) return { id, position: result.position };
      if (result.failure === 'oversize')
        throw new ProblemException(problem(413, 'too-large', `The event would be ${result.bytes} bytes.`));
    }
    throw new ProblemException(problem(409, 'busy', 'The evaluation is being changed by many at once; try again.'));
  }

  async #load(id: EvaluationId): Promise<Loaded> {
    const { events, lastSequence } = await this.#ports.log.readSubject(subjects.evaluation(id));
    const known = events.flatMap((stored) => (stored.ok ? [stored.event] : []));
    const state = known.filter(isEvaluationEvent).reduce(evolveEvaluation, absentEvaluation);
    return { state, lastSequence, correlationId: known[0]?.correlationid, team: known[0]?.team };
  }
}

/** HTTP's words for a refusal of the domain, in this one place. */
const refusal = (name: EvaluationRefusal | string, id: EvaluationId): ProblemException => {
  switch (name) {
    case 'not-found':
      return new ProblemException(problem(404, 'not-found', `There is no evaluation ${id}.`));
    case 'already-ended':
      return new ProblemException(
        problem(409, 'already-ended', `Evaluation ${id} has ended; there is nothing to cancel.`),
      );
    case 'already-cancelling':
      return new ProblemException(problem(409, 'already-cancelling', `Evaluation ${id} is being cancelled already.`));
    case 'same-key-other-request':
      return new ProblemException(
        problem(422, 'idempotency-key-reused', 'This Idempotency-Key was used for a different request: use a new key.'),
      );
    default:
      return new ProblemException(problem(409, 'refused', `Refused: ${name}.`));
  }
};
