import { channelSchema, evaluationIdSchema, streams, subjects, trialIdSchema } from '@crucible/events';
import type { EvaluationId, TrialId } from '@crucible/events';
import { headers as newHeaders } from 'nats';
import type { MsgHdrs } from 'nats';
import type { EvidenceChunk, EvidencePlace, EvidenceStore } from '../port.ts';
import { isNoMessage, publishOnce, unavailable } from './connection.ts';
import type { Bus } from './connection.ts';
import { followStream } from './follow.ts';
import type { FollowedStream } from './follow.ts';

/** Chunks are larger than events, and some may have been erased. */
const followedEvidence: FollowedStream = {
  name: streams.evidence,
  everything: subjects.everyEvidence,
  mayHaveGaps: true,
  windowMax: 32,
};

export const subjectOfEvidence = (place: EvidencePlace): string =>
  subjects.evidence(place.evaluationId, place.trialId, place.channel);

/** The place that a subject names, or null where somebody else wrote there. */
const placeOf = (subject: string): EvidencePlace | null => {
  const [, , evaluation, trial, kind] = subject.split('.');
  const evaluationId = evaluationIdSchema.safeParse(evaluation);
  const trialId = trialIdSchema.safeParse(trial);
  const channel = channelSchema.safeParse(kind);
  if (!evaluationId.success || !trialId.success || !channel.success) return null;
  return { evaluationId: evaluationId.data, trialId: trialId.data, channel: channel.data };
};

const toRecord = (headers: MsgHdrs | undefined): Record<string, string> =>
  Object.fromEntries((headers?.keys() ?? []).map((key) => [key.toLowerCase(), headers?.get(key) ?? '']));

export class JetStreamEvidence implements EvidenceStore {
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  async append(
    place: EvidencePlace,
    messageId: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
  ): Promise<void> {
    const all = newHeaders();
    for (const [key, value] of Object.entries(headers)) all.set(key, value);
    await publishOnce(this.#bus, subjectOfEvidence(place), body, { msgID: messageId, headers: all });
  }

  async read(place: EvidencePlace, after: number, limit: number): Promise<EvidenceChunk[]> {
    const chunks: EvidenceChunk[] = [];
    let next = after + 1;
    while (chunks.length < limit) {
      try {
        const message = await this.#bus.direct.getMessage(streams.evidence, {
          seq: next,
          next_by_subj: subjectOfEvidence(place),
        });
        chunks.push({ sequence: message.seq, headers: toRecord(message.header), body: message.data });
        next = message.seq + 1;
      } catch (error) {
        if (isNoMessage(error)) break;
        throw unavailable(`read ${subjectOfEvidence(place)}`, error);
      }
    }
    return chunks;
  }

  async *follow(place: EvidencePlace, after: number, signal: AbortSignal): AsyncIterable<EvidenceChunk> {
    for await (const message of followStream(this.#bus, followedEvidence, {
      from: after + 1,
      subject: subjectOfEvidence(place),
      signal,
    })) {
      yield { sequence: message.seq, headers: toRecord(message.headers), body: message.data };
    }
  }

  async erase(place: EvidencePlace): Promise<number> {
    try {
      return (await this.#bus.jsm.streams.purge(streams.evidence, { filter: subjectOfEvidence(place) })).purged;
    } catch (error) {
      throw unavailable(`erase ${subjectOfEvidence(place)}`, error);
    }
  }

  async places(evaluationId: EvaluationId, trialId?: TrialId): Promise<EvidencePlace[]> {
    const filter = `crucible.evidence.${evaluationId}.${trialId ?? '*'}.*`;
    try {
      const { state } = await this.#bus.jsm.streams.info(streams.evidence, { subjects_filter: filter });
      return Object.keys(state.subjects ?? {})
        .sort()
        .flatMap((subject) => placeOf(subject) ?? []);
    } catch (error) {
      throw unavailable(`list evidence of ${evaluationId}`, error);
    }
  }

  async oldest(after: number): Promise<{ sequence: number; place: EvidencePlace } | null> {
    for (let next = after + 1; ;) {
      try {
        const message = await this.#bus.direct.getMessage(streams.evidence, {
          seq: next,
          next_by_subj: subjects.everyEvidence,
        });
        const place = placeOf(message.subject);
        if (place !== null) return { sequence: message.seq, place };
        next = message.seq + 1;
      } catch (error) {
        if (isNoMessage(error)) return null;
        throw unavailable('find the oldest evidence', error);
      }
    }
  }

  async usage(): Promise<{ bytes: number; bytesMax: number | null }> {
    try {
      const { state, config } = await this.#bus.jsm.streams.info(streams.evidence);
      return { bytes: state.bytes, bytesMax: config.max_bytes > 0 ? config.max_bytes : null };
    } catch (error) {
      throw unavailable('measure the evidence', error);
    }
  }
}
