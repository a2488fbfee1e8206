import type { OutputChunk, OutputPage, RecordsMessage } from '@crucible/api';
import { isTrialEvent } from '@crucible/domain';
import type { TrialView } from '@crucible/domain';
import type { EvidenceChunk, EvidencePlace, EvidenceStore, StoredEvent, TrialPlace } from '@crucible/event-log';
import { LivePosition } from '../projection/live-position.ts';
import { lineBytesMaxOf, Lines, recordOf } from './record-index.ts';
import type { RecordChannel } from './trial-records.ts';
import { sseMessage } from '../streams/sse.ts';
import type { SseStream } from '../streams/sse.ts';

/** Chunks asked for at once, of at most 64 KiB each. */
const READ_CHUNKS = 50;
/** A page ends behind the chunk that goes beyond this, whatever limit was asked for. */
const PAGE_BYTES_MAX = 4 * 1024 ** 2;

const numberIn = (header: string | undefined): number => {
  const value = Number(header ?? Number.NaN);
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : Number.NaN;
};

/** @param startedAt when its trial began: older evidence tells the time since then only */
const toChunk = ({ sequence, headers, body }: EvidenceChunk, startedAt: string | null): OutputChunk => {
  const atMs = Math.trunc(numberIn(headers['crucible-at-ms']) || 0);
  const at = numberIn(headers['crucible-at']);
  return {
    sequence,
    stream: headers['crucible-stream'] === 'stderr' ? 'stderr' : 'stdout',
    atMs,
    at: Number.isNaN(at) ? (startedAt === null ? 0 : Date.parse(startedAt)) + atMs : at,
    base64: Buffer.from(body).toString('base64'),
  };
};

export const isOver = (trial: TrialView): boolean => trial.status === 'finished' || trial.status === 'withdrawn';
const outputOf = ({ evaluationId, trialId }: TrialPlace): EvidencePlace => ({
  evaluationId,
  trialId,
  channel: 'output',
});
const placeOf = ({ evaluationId, id }: TrialView): EvidencePlace => outputOf({ evaluationId, trialId: id });

/** Whether an event ends a trial. */
export const endsTrial = (stored: StoredEvent, { evaluationId, trialId }: TrialPlace): boolean => {
  if (!stored.ok || !isTrialEvent(stored.event)) return false;
  const { type, data } = stored.event;
  const isEnd = type === 'crucible.trial.finished.v2' || type === 'crucible.trial.withdrawn.v1';
  return isEnd && data.evaluationId === evaluationId && data.trialId === trialId;
};

/** What a trial's program printed: in pages, whole, or live. */
export class TrialOutput {
  readonly #evidence: EvidenceStore;
  readonly #live: LivePosition;

  constructor(evidence: EvidenceStore, live: LivePosition) {
    this.#evidence = evidence;
    this.#live = live;
  }

  async page(trial: TrialView, after: number, limit: number): Promise<OutputPage> {
    const kept: EvidenceChunk[] = [];
    const complete = isOver(trial);
    const told = (chunk: EvidenceChunk): OutputChunk => toChunk(chunk, trial.startedAt);
    let last = after;
    for (let bytes = 0; kept.length < limit && bytes < PAGE_BYTES_MAX;) {
      const asked = Math.min(READ_CHUNKS, limit - kept.length);
      const read = await this.#evidence.read(placeOf(trial), last, asked);
      kept.push(...read);
      bytes += read.reduce((sum, { body }) => sum + body.byteLength, 0);
      last = read.at(-1)?.sequence ?? last;
      if (read.length < asked) return { chunks: kept.map(told), next: null, complete };
    }
    const [more] = await this.#evidence.read(placeOf(trial), last, 1);
    return { chunks: kept.map(told), next: more === undefined ? null : last, complete };
  }

  async *bytes(trial: TrialView): AsyncGenerator<Uint8Array> {
    for (let after = 0; ;) {
      const chunks = await this.#evidence.read(placeOf(trial), after, READ_CHUNKS);
      const last = chunks.at(-1);
      if (last === undefined) return;
      for (const { body } of chunks) yield body;
      after = last.sequence;
    }
  }

  /**
   * Every chunk of these channels behind `after`, then `end` when the trial is over and all it kept has been sent. The id is
   * what every channel has been sent up to: whoever resumes misses nothing and may get what came behind it once more.
   * @param find the trial as the read model has it now
   */
  async follow(
    stream: SseStream,
    channels: readonly FollowedChannel[],
    after: number,
    find: () => Promise<TrialView>,
  ): Promise<void> {
    // Listening comes before the question whether it is over: its end cannot fall between the two.
    const over = new AbortController();
    const { evaluationId, id: trialId, startedAt } = await find();
    const leave = this.#live.subscribe((events) => {
      if (events.some((stored) => endsTrial(stored, { evaluationId, trialId }))) over.abort();
    });
    stream.signal.addEventListener('abort', leave, { once: true });
    if (isOver(await find())) over.abort();
    const sent = new Map(channels.map((channel) => [channel, after]));
    await Promise.all(
      channels.map(async (channel) => {
        const message = messagesOf(channel, startedAt);
        const place: EvidencePlace = { evaluationId, trialId, channel };
        for await (const chunk of this.#chunks(place, after, over.signal, stream.signal)) {
          sent.set(channel, chunk.sequence);
          stream.write(message(chunk, Math.min(...sent.values())));
          await stream.drained();
        }
      }),
    );
    leave();
    stream.write(sseMessage('end', '{}'));
    stream.end();
  }

  /** Chunks as they come until it is over, then the rest; none twice. */
  async *#chunks(
    place: EvidencePlace,
    after: number,
    over: AbortSignal,
    gone: AbortSignal,
  ): AsyncGenerator<EvidenceChunk> {
    let sent = after;
    for await (const chunk of this.#evidence.follow(place, sent, AbortSignal.any([over, gone]))) {
      if (chunk.sequence <= sent) continue;
      sent = chunk.sequence;
      yield chunk;
    }
    while (!gone.aborted) {
      const rest = await this.#evidence.read(place, sent, READ_CHUNKS);
      if (rest.length === 0) return;
      yield* rest;
      sent = rest.at(-1)?.sequence ?? sent;
    }
  }
}

export type FollowedChannel = 'output' | RecordChannel;

/** What is sent for a chunk: what was printed as it is, and of the other channels the records that it completes. */
const messagesOf = (
  channel: FollowedChannel,
  startedAt: string | null,
): ((chunk: EvidenceChunk, id: number) => string) => {
  if (channel === 'output') return (chunk, id) => sseMessage('chunk', JSON.stringify(toChunk(chunk, startedAt)), id);
  const bytesMax = lineBytesMaxOf(channel);
  const lines = new Lines(bytesMax);
  return ({ body }, id) => {
    const message: RecordsMessage = { channel, records: [], unreadable: 0 };
    for (const line of lines.add(body)) {
      const record = line === null ? undefined : recordOf(line, bytesMax);
      if (record !== undefined) message.records.push(record);
      else if (line === null || line.byteLength > 0) message.unreadable += 1;
    }
    return sseMessage('records', JSON.stringify(message), id);
  };
};
