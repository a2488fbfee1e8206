import type { EvaluationId, TrialId } from '@crucible/events';
import type { EvidenceChunk, EvidencePlace, EvidenceStore } from './port.ts';

interface Kept extends EvidenceChunk {
  readonly place: EvidencePlace;
  readonly messageId: string;
}

const same = (one: EvidencePlace, other: EvidencePlace): boolean =>
  one.evaluationId === other.evaluationId && one.trialId === other.trialId && one.channel === other.channel;
const lowerCased = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value]));

/** Evidence without a server, under the same contract: for tests. */
export class InMemoryEvidence implements EvidenceStore {
  #kept: Kept[] = [];
  #last = 0;
  #grown = Promise.withResolvers<void>();

  append(
    place: EvidencePlace,
    messageId: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
  ): Promise<void> {
    if (this.#kept.some((each) => each.messageId === messageId)) return Promise.resolve();
    this.#last += 1;
    this.#kept.push({ sequence: this.#last, headers: lowerCased(headers), body, place, messageId });
    this.#grown.resolve();
    this.#grown = Promise.withResolvers();
    return Promise.resolve();
  }

  read(place: EvidencePlace, after: number, limit: number): Promise<EvidenceChunk[]> {
    const found = this.#kept.filter((each) => each.sequence > after && same(each.place, place));
    return Promise.resolve(found.slice(0, limit).map(({ sequence, headers, body }) => ({ sequence, headers, body })));
  }

  async *follow(place: EvidencePlace, after: number, signal: AbortSignal): AsyncIterable<EvidenceChunk> {
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    for (let last = after; !signal.aborted;) {
      const grown = this.#grown.promise;
      const [chunk] = await this.read(place, last, 1);
      if (chunk === undefined) {
        await Promise.race([grown, aborted]);
        continue;
      }
      last = chunk.sequence;
      yield chunk;
    }
  }

  erase(place: EvidencePlace): Promise<number> {
    const before = this.#kept.length;
    this.#kept = this.#kept.filter((each) => !same(each.place, place));
    return Promise.resolve(before - this.#kept.length);
  }

  places(evaluationId: EvaluationId, trialId?: TrialId): Promise<EvidencePlace[]> {
    const wanted = this.#kept.filter(
      ({ place }) => place.evaluationId === evaluationId && (trialId ?? place.trialId) === place.trialId,
    );
    const byName = new Map(wanted.map(({ place }) => [`${place.trialId}.${place.channel}`, place]));
    return Promise.resolve([...byName].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, place]) => place));
  }

  oldest(after: number): Promise<{ sequence: number; place: EvidencePlace } | null> {
    const found = this.#kept.find(({ sequence }) => sequence > after);
    return Promise.resolve(found === undefined ? null : { sequence: found.sequence, place: found.place });
  }

  usage(): Promise<{ bytes: number; bytesMax: null }> {
    return Promise.resolve({ bytes: this.#kept.reduce((sum, { body }) => sum + body.byteLength, 0), bytesMax: null });
  }
}
