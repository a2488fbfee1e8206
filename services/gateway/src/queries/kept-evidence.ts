import type { TrialView } from '@crucible/domain';
import type { EventHistory, EvidencePlace, EvidenceStore } from '@crucible/event-log';
import type { Channel } from '@crucible/events';
import type { ReadModel } from '@crucible/read-model';
import { problem, ProblemException } from '../problem.ts';

/** Erasures of one trial: one a channel. */
const ERASURES_MAX = 16;
const ERASED = 'crucible.evidence.erased.v1';

export interface KeptEvidencePorts {
  readonly evidence: EvidenceStore;
  readonly history: Pick<EventHistory, 'readAt'>;
  readonly readModel: Pick<ReadModel, 'events'>;
}

/** Tells evidence that is gone from evidence that never was: an empty answer would pass for a program that printed nothing. */
export class KeptEvidence {
  readonly #ports: KeptEvidencePorts;

  constructor(ports: KeptEvidencePorts) {
    this.#ports = ports;
  }

  /** @throws ProblemException (410) when the channel was sealed with something in it that is not kept any more */
  async require(trial: TrialView, channel: Channel): Promise<void> {
    const seal = trial.evidence.find((each) => each.channel === channel);
    if (seal === undefined || seal.chunks === 0) return;
    const place: EvidencePlace = { evaluationId: trial.evaluationId, trialId: trial.id, channel };
    if ((await this.#ports.evidence.read(place, 0, 1)).length > 0) return;
    const position = await this.#erasedAt(place);
    throw new ProblemException(
      position === null
        ? problem(
            410,
            'evidence-missing',
            `The ${channel} of trial ${trial.id} (${seal.bytes} bytes, SHA-256 ${seal.sha256}) is not kept any more, and the log does not say that it was erased.`,
          )
        : problem(
            410,
            'evidence-erased',
            `erased, position ${position}: the ${channel} of trial ${trial.id} (${seal.bytes} bytes, SHA-256 ${seal.sha256}) is not kept any more.`,
          ),
    );
  }

  async #erasedAt(place: EvidencePlace): Promise<number | null> {
    const { items } = await this.#ports.readModel.events(null, {
      type: ERASED,
      evaluation: place.evaluationId,
      trial: place.trialId,
      order: 'asc',
      limit: ERASURES_MAX,
    });
    for (const { position } of items) {
      const stored = await this.#ports.history.readAt(position);
      if (stored?.ok && stored.event.type === ERASED && stored.event.data.channel === place.channel) return position;
    }
    return null;
  }
}
