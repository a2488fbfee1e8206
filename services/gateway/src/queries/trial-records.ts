import { recordsPerPageMax } from '@crucible/api';
import type { EvidenceRecord, RecordPage, RecordQuery } from '@crucible/api';
import type { TrialView } from '@crucible/domain';
import type { EvidencePlace, EvidenceStore } from '@crucible/event-log';
import { firstWhere, lineBytesMaxOf, RecordIndex, recordOf } from './record-index.ts';

/** Chunks asked for at once, of at most 64 KiB each. */
const READ_CHUNKS = 50;
/** A page ends behind the record that goes beyond this, whatever limit was asked for. */
const PAGE_BYTES_MAX = 4 * 1024 ** 2;
/** Channels whose index is kept. */
const INDEXES_MAX = 12;
const DIGITS = 24;

interface Kept {
  readonly index: RecordIndex;
  growing: Promise<void>;
}

/** Channels whose payload is lines of JSON. */
export type RecordChannel = 'kernel' | 'transcript' | 'usage';

/** Records of such a channel of a trial, from any of them on. */
export class TrialRecords {
  readonly #evidence: EvidenceStore;
  readonly #kept = new Map<string, Kept>();

  constructor(evidence: EvidenceStore) {
    this.#evidence = evidence;
  }

  async page(trial: TrialView, channel: RecordChannel, query: RecordQuery): Promise<RecordPage> {
    // Asked before reading: what is there once it is over is all there is.
    const complete = trial.status === 'finished' || trial.status === 'withdrawn';
    const place: EvidencePlace = { evaluationId: trial.evaluationId, trialId: trial.id, channel };
    const index = await this.#indexOf(place);
    const found = index.matching(query.kind?.split(',') ?? null);
    const matching = found?.length ?? index.ns.length;
    const recordAt = (at: number): number => (found === null ? at : (found[at] as number));
    const nAt = (at: number): number => index.ns[recordAt(at)] as number;
    const begin = beginOf(query, matching, nAt);
    let end = Math.min(matching, begin + query.limit);
    if (query.before !== undefined)
      end = Math.min(
        end,
        firstWhere(matching, (at) => nAt(at) >= (query.before as number)),
      );
    // Records that share a number are not parted, or going on behind it would pass some over.
    while (end > begin && end < matching && end - begin < recordsPerPageMax && nAt(end) === nAt(end - 1)) end += 1;
    let bytes = 0;
    const wanted: number[] = [];
    for (let at = begin; at < end && bytes < PAGE_BYTES_MAX; at += 1) {
      const record = recordAt(at);
      bytes += (index.ends[record] as number) - (index.begins[record] as number) + DIGITS;
      wanted.push(record);
    }
    const next = begin + wanted.length < matching && wanted.length > 0 ? nAt(begin + wanted.length - 1) : null;
    return {
      records: await this.#read(place, index, wanted),
      index: begin,
      matching,
      total: index.ns.length,
      unreadable: index.unreadable,
      kinds: Object.fromEntries(index.kinds.map((kind, id) => [kind, index.counts[id] ?? 0])),
      next,
      complete,
    };
  }

  async #indexOf(place: EvidencePlace): Promise<RecordIndex> {
    const key = `${place.evaluationId}/${place.trialId}/${place.channel}`;
    const kept = this.#kept.get(key) ?? {
      index: new RecordIndex(lineBytesMaxOf(place.channel)),
      growing: Promise.resolve(),
    };
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > INDEXES_MAX && oldest !== undefined) this.#kept.delete(oldest);
    // One after another: two at once would add a chunk twice.
    const growing = kept.growing.catch(() => undefined).then(() => this.#grow(place, kept.index));
    kept.growing = growing;
    await growing;
    return kept.index;
  }

  async #grow(place: EvidencePlace, index: RecordIndex): Promise<void> {
    for (;;) {
      const chunks = await this.#evidence.read(place, index.lastSequence, READ_CHUNKS);
      for (const chunk of chunks) index.add(chunk);
      if (chunks.length < READ_CHUNKS) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Ascending records, from the chunks that hold them. */
  async #read(place: EvidencePlace, index: RecordIndex, records: readonly number[]): Promise<EvidenceRecord[]> {
    const bodies = new Map<number, Uint8Array>();
    const bodyOf = async (chunk: number): Promise<Uint8Array> => {
      const known = bodies.get(chunk);
      if (known !== undefined) return known;
      const sequence = index.sequences[chunk] as number;
      const [read] = await this.#evidence.read(place, sequence - 1, 1);
      // Erased meanwhile: nothing is there.
      const body = read?.sequence === sequence ? read.body : new Uint8Array(0);
      if (bodies.size > 2) bodies.delete([...bodies.keys()][0] as number);
      bodies.set(chunk, body);
      return body;
    };
    const found: EvidenceRecord[] = [];
    for (const record of records) {
      const [begin, end] = [index.begins[record] as number, index.ends[record] as number];
      const parts: Uint8Array[] = [];
      for (let chunk = index.chunkAt(begin); chunk <= index.chunkAt(Math.max(begin, end - 1)); chunk += 1) {
        const from = index.chunkBegins[chunk] as number;
        parts.push((await bodyOf(chunk)).subarray(Math.max(0, begin - from), Math.max(0, end - from)));
      }
      const line = parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
      const read = recordOf(line, lineBytesMaxOf(place.channel));
      if (read !== undefined) found.push(read);
    }
    return found;
  }
}

/** Place among the matching records at which a page begins. */
const beginOf = (query: RecordQuery, matching: number, nAt: (at: number) => number): number => {
  const { after, before, around, from, limit } = query;
  const behind = (n: number): number => firstWhere(matching, (at) => nAt(at) > n);
  if (from !== undefined) return Math.min(from, matching);
  if (after !== undefined) return behind(after);
  if (before !== undefined) return Math.max(0, firstWhere(matching, (at) => nAt(at) >= before) - limit);
  if (around === undefined) return 0;
  const middle = firstWhere(matching, (at) => nAt(at) >= around);
  return Math.max(0, Math.min(middle - Math.floor(limit / 2), matching - limit));
};
