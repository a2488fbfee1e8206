import { ContentMissing } from '@crucible/event-log';
import type {
  Checkpoints,
  ContentStore,
  EventHistory,
  EventLog,
  EvidenceStore,
  StoredEvent,
} from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { EvaluationId } from '@crucible/events';
import {
  encodeCheckpointLine,
  encodeContentLine,
  encodeEndLine,
  encodeEventLine,
  encodeEvidenceLine,
  encodeHeaderLine,
  encodeLeavesLine,
  exportBounds,
} from '@crucible/transparency';
import type { Sealed } from '../sealing/sealer.ts';
import type { TreeFiles } from '../tree/tree-files.ts';
import { CheckpointsUpTo, claimedSize } from './checkpoints-up-to.ts';
import { readRange } from './log-range.ts';
import { Proofs } from './proofs.ts';

const CHUNKS_AT_ONCE = 50;

export interface ExportPorts {
  readonly log: Pick<EventLog, 'follow' | 'head' | 'readSubject'>;
  readonly history: Pick<EventHistory, 'readAt'>;
  readonly checkpoints: Pick<Checkpoints, 'read'>;
  readonly content: Pick<ContentStore, 'get'>;
  readonly evidence: Pick<EvidenceStore, 'read'>;
  readonly tree: Pick<TreeFiles, 'read' | 'leaves' | 'readable'>;
}

export interface ExportRequest {
  /** One evaluation, or null for the whole log. */
  readonly evaluationId: EvaluationId | null;
  readonly evidence: boolean;
  readonly createdAt: string;
}

const isAbout = (stored: StoredEvent, id: EvaluationId): boolean => {
  const own = subjects.evaluation(id);
  if (stored.subject === own || stored.subject.startsWith(`${own}.trial.`)) return true;
  return stored.ok && stored.event.type === 'crucible.evidence.erased.v1' && stored.event.data.evaluationId === id;
};

/**
 * One export of the log up to a checkpoint, as lines of `crucible-export/1`. In memory are positions and digests only,
 * however long the log is. What the log, the suites or the evidence lack is left out: the verifier says so.
 */
export class Export {
  readonly #ports: ExportPorts;
  readonly #sealed: Sealed;
  readonly #request: ExportRequest;
  readonly #signal: AbortSignal;
  readonly #suites = new Set<string>();
  readonly #finished: number[] = [];
  #leavesFrom = 1;
  readonly #counts = { events: 0, checkpoints: 0, contents: 0, evidence: 0 };

  constructor(ports: ExportPorts, sealed: Sealed, request: ExportRequest, signal: AbortSignal) {
    this.#ports = ports;
    this.#sealed = sealed;
    this.#request = request;
    this.#signal = signal;
  }

  async *lines(): AsyncGenerator<string> {
    const { evaluationId, evidence, createdAt } = this.#request;
    const { origin, size } = this.#sealed.checkpoint;
    yield encodeHeaderLine({ origin, evaluationId, size, createdAt, evidence });
    yield* evaluationId === null ? this.#wholeLog() : this.#oneEvaluation(evaluationId);
    yield* this.#contents();
    if (evidence) for (const position of this.#finished) yield* this.#evidenceOf(position);
    yield encodeEndLine(this.#counts);
  }

  async *#wholeLog(): AsyncGenerator<string> {
    const { size } = this.#sealed.checkpoint;
    const checkpoints = new CheckpointsUpTo(this.#ports.checkpoints, this.#sealed);
    yield* this.#sealedAt(checkpoints, 0);
    for await (const stored of readRange(this.#ports.log, { from: 1, to: size }, this.#signal)) {
      // Where an event is missing its checkpoint is not.
      if (stored.position > checkpoints.nextSize) yield* this.#sealedAt(checkpoints, stored.position - 1);
      yield this.#event(stored);
      if (stored.position >= checkpoints.nextSize) yield* this.#sealedAt(checkpoints, stored.position);
    }
    // One that claims to be over more than there is stands here as well: it is for the verifier to judge.
    yield* this.#sealedAt(checkpoints, Number.POSITIVE_INFINITY);
  }

  /** Checkpoints over at most `position` events that were not yet given, each behind the leaves since the one before. */
  async *#sealedAt(checkpoints: CheckpointsUpTo, position: number): AsyncGenerator<string> {
    for await (const { sequence, note } of checkpoints.until(position)) {
      yield* this.#leaves(claimedSize(note));
      this.#counts.checkpoints += 1;
      yield encodeCheckpointLine({ sequence, note });
    }
  }

  async *#oneEvaluation(id: EvaluationId): AsyncGenerator<string> {
    const { size } = this.#sealed.checkpoint;
    const checkpoints = new CheckpointsUpTo(this.#ports.checkpoints, this.#sealed);
    this.#counts.checkpoints = 1;
    yield encodeCheckpointLine({ sequence: await checkpoints.sequence(), note: this.#sealed.note });
    const proofs = new Proofs(size, (tile) => this.#ports.tree.read(tile));
    const [first] = (await this.#ports.log.readSubject(subjects.evaluation(id))).events;
    const range = { from: first?.position ?? size + 1, to: size };
    for await (const stored of readRange(this.#ports.log, range, this.#signal))
      if (isAbout(stored, id)) yield this.#event(stored, await proofs.of(stored.position));
  }

  #event(stored: StoredEvent, proof?: readonly Uint8Array[]): string {
    this.#counts.events += 1;
    if (stored.ok) {
      const { type, data } = stored.event;
      if (type === 'crucible.evaluation.submitted.v2') this.#suites.add(data.suite.digest);
      if (type === 'crucible.trial.finished.v2' && data.evidence.some(({ chunks }) => chunks > 0))
        this.#finished.push(stored.position);
    }
    const { position, subject, messageId, body } = stored;
    return encodeEventLine({ position, subject, messageId, body, ...(proof === undefined ? {} : { proof }) });
  }

  /** Leaf hashes as they were when the events came in: they tell which event is not what it was. */
  *#leaves(to: number): Generator<string> {
    if (to > this.#ports.tree.readable) return;
    while (this.#leavesFrom <= to) {
      const count = Math.min(exportBounds.leavesMax, to - this.#leavesFrom + 1);
      yield encodeLeavesLine({ first: this.#leavesFrom, hashes: this.#ports.tree.leaves(this.#leavesFrom, count) });
      this.#leavesFrom += count;
    }
  }

  async *#contents(): AsyncGenerator<string> {
    for (const digest of this.#suites) {
      this.#signal.throwIfAborted();
      const body = await this.#ports.content.get(digest).catch((error: unknown) => {
        if (error instanceof ContentMissing) return undefined;
        throw error;
      });
      if (body === undefined) continue;
      this.#counts.contents += 1;
      yield encodeContentLine({ digest, body });
    }
  }

  async *#evidenceOf(position: number): AsyncGenerator<string> {
    const stored = await this.#ports.history.readAt(position);
    if (stored?.ok !== true || stored.event.type !== 'crucible.trial.finished.v2') return;
    const { evaluationId, trialId, evidence } = stored.event.data;
    for (const { channel, chunks } of evidence) {
      if (chunks === 0) continue;
      const place = { evaluationId, trialId, channel };
      for (let after = 0, more = true; more;) {
        this.#signal.throwIfAborted();
        const read = await this.#ports.evidence.read(place, after, CHUNKS_AT_ONCE);
        for (const { sequence, headers, body } of read) {
          this.#counts.evidence += 1;
          yield encodeEvidenceLine({ ...place, sequence, headers, body });
          after = sequence;
        }
        more = read.length === CHUNKS_AT_ONCE;
      }
    }
  }
}
