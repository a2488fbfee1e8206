import type { EventLog, EvidencePlace, EvidenceStore } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { CrucibleEvent, EvaluationId, EventData, Origin, TrialId } from '@crucible/events';
import { inAnswerTo } from '@crucible/service-kit';
import { SERVICE } from '../trials/trial-log.ts';
import type { TrialLog } from '../trials/trial-log.ts';

const CONFLICTS_MAX = 50;
const SUBJECT = subjects.platform('evidence');

type Request = Extract<CrucibleEvent, { type: 'crucible.evidence.erase-requested.v1' }>;
type Why = Pick<EventData<'crucible.evidence.erased.v1'>, 'cause' | 'requestedAt' | 'detail'>;

export interface EraserPorts {
  readonly log: EventLog;
  readonly evidence: EvidenceStore;
  readonly trials: Pick<TrialLog, 'load'>;
}

/**
 * Erases kept evidence, and says so in the log before it does. Every new erasure rests on the last one in the log, whose
 * payload is removed first if it is still there: so a crash between the two steps leaves at most one payload behind, the
 * next look removes it, and no channel is erased twice, by this executor or by another.
 */
export class Eraser {
  readonly #ports: EraserPorts;

  constructor(ports: EraserPorts) {
    this.#ports = ports;
  }

  /** Does what a request asks for, as far as it is not done yet. Returns the number of channels erased. */
  async fulfil(request: Request, position: number): Promise<number> {
    const { evaluationId, trialId, reason } = request.data;
    const why: Why = { cause: 'request', requestedAt: position, detail: reason };
    const places = await this.#ports.evidence.places(evaluationId, trialId ?? undefined);
    let erased = 0;
    for (const [trial, channels] of Map.groupBy(places, (place) => place.trialId)) {
      const { state } = await this.#ports.trials.load(evaluationId, trial);
      // What still runs would write on; the gateway takes no such request.
      if (state.status !== 'finished') continue;
      erased += await this.#eraseAll(channels, why, inAnswerTo(SERVICE, request));
    }
    return erased;
  }

  /** Erases all of one trial's evidence by policy. Null when the trial has not ended, and nothing was done. */
  async retire(evaluationId: EvaluationId, trialId: TrialId, detail: string): Promise<number | null> {
    const { state, cause } = await this.#ports.trials.load(evaluationId, trialId);
    if (state.status !== 'finished' || cause === undefined) return null;
    const places = await this.#ports.evidence.places(evaluationId, trialId);
    return this.#eraseAll(
      places,
      { cause: 'retention', requestedAt: null, detail },
      inAnswerTo(SERVICE, cause, cause.traceparent),
    );
  }

  /**
   * Removes the payload that the last erasure in the log names, should it still be there.
   * @returns sequence of that event, 0 when there is none
   */
  async settle(): Promise<number> {
    const { log, evidence } = this.#ports;
    const { lastSequence } = await log.readSubject(SUBJECT, (await log.head()) + 1);
    if (lastSequence === 0) return 0;
    const { events, lastSequence: latest } = await log.readSubject(SUBJECT, lastSequence);
    for (const stored of events) {
      if (stored.ok && stored.event.type === 'crucible.evidence.erased.v1') await evidence.erase(stored.event.data);
    }
    return latest;
  }

  async #eraseAll(places: readonly EvidencePlace[], why: Why, origin: Origin): Promise<number> {
    let erased = 0;
    for (const place of places) if (await this.#erase(place, why, origin)) erased += 1;
    return erased;
  }

  /** False when there is nothing there any more. */
  async #erase(place: EvidencePlace, why: Why, origin: Origin): Promise<boolean> {
    const { log, evidence } = this.#ports;
    for (let conflict = 0; conflict < CONFLICTS_MAX; conflict += 1) {
      const expectedSequence = await this.settle();
      if ((await evidence.read(place, 0, 1)).length === 0) return false;
      const event = { type: 'crucible.evidence.erased.v1' as const, data: { ...place, ...why } };
      const result = await log.append({ subject: SUBJECT, event, origin, expectedSequence });
      if (result.ok) {
        await evidence.erase(place);
        return true;
      }
      if (result.failure === 'oversize') throw new Error(`${event.type} would be ${result.bytes} bytes`);
    }
    throw new Error(`${CONFLICTS_MAX} others erased meanwhile: trying again later`);
  }
}
