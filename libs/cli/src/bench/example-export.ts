import { createHash, randomBytes } from 'node:crypto';
import { envelop, evaluationIdSchema, examples, subjects, trialIdOf, uuidv7 } from '@crucible/events';
import type { EvaluationId, EventType, NewEvent, TrialId } from '@crucible/events';
import {
  emptyRange,
  encodeCheckpointLine,
  encodeContentLine,
  encodeEndLine,
  encodeEventLine,
  encodeHeaderLine,
  encodeLeavesLine,
  formatCheckpoint,
  hashLeaf,
  rootOf,
  withLeaf,
} from '@crucible/transparency';
import type { Hash } from '@crucible/transparency';
import { signNote } from '@crucible/transparency/node';
import type { NoteSigner } from '@crucible/transparency/node';

const TRIALS_PER_EVALUATION = 100;
const START_MS = Date.UTC(2026, 0, 1);
const suite = Buffer.from(JSON.stringify({ name: 'bench', samples: TRIALS_PER_EVALUATION }));
const suiteDigest = createHash('sha256').update(suite).digest('hex');

interface Made {
  readonly id: string;
  readonly subject: string;
  readonly body: Uint8Array;
}

/** One event of the catalogue's own example, at another place and time, through the codec that the services use. */
const make = (index: number, type: EventType, subject: string, changes: object): Made => {
  const id = uuidv7(START_MS + index, randomBytes(16));
  const data = { ...examples[type].data, ...changes };
  const origin = { source: examples[type].writtenBy, team: 'default', actor: 'researcher', correlationId: id };
  const made = envelop({ type, data } as NewEvent, { id, nowMs: START_MS + index, subject, origin });
  return { id, subject, body: Buffer.from(JSON.stringify(made)) };
};

const evaluationEvent = (index: number, type: EventType, evaluationId: EvaluationId, changes: object = {}): Made =>
  make(index, type, subjects.evaluation(evaluationId), { evaluationId, ...changes });

const trialEvent = (index: number, type: EventType, evaluationId: EvaluationId, trialId: TrialId): Made =>
  make(index, type, subjects.trial(evaluationId, trialId), { evaluationId, trialId });

/** Evaluations one after the other, each with its trials, as a log has them. Without end. */
const exampleEvents = function* (): Generator<Made> {
  const { suite: described } = examples['crucible.evaluation.submitted.v2'].data;
  for (let index = 0; ;) {
    const evaluationId = evaluationIdSchema.parse(uuidv7(START_MS + index, randomBytes(16)));
    const submitted = { suite: { ...described, digest: suiteDigest } };
    yield evaluationEvent(index++, 'crucible.evaluation.submitted.v2', evaluationId, submitted);
    yield evaluationEvent(index++, 'crucible.evaluation.admitted.v1', evaluationId);
    for (let sampleIndex = 0; sampleIndex < TRIALS_PER_EVALUATION; sampleIndex += 1) {
      const trialId = trialIdOf({ sampleIndex, epoch: 1, attempt: 1 });
      for (const type of ['dispatched', 'started', 'finished'] as const)
        yield trialEvent(index++, `crucible.trial.${type}.v1`, evaluationId, trialId);
    }
    yield evaluationEvent(index++, 'crucible.evaluation.completed.v1', evaluationId);
  }
};

/**
 * The lines of an export of `events` events without evidence, as the audit service writes them.
 * @param checkpointEvery events from one checkpoint to the next
 * @param onBody is given the bytes of every event
 */
export const exampleExport = function* (
  events: number,
  checkpointEvery: number,
  signer: NoteSigner,
  onBody: (body: Uint8Array) => void,
): Generator<string> {
  const header = { origin: signer.name, evaluationId: null, size: events, createdAt: new Date(START_MS).toISOString() };
  yield encodeHeaderLine({ ...header, evidence: false });
  let range = emptyRange;
  let leaves: Hash[] = [];
  let checkpoints = 0;
  for (const { id, subject, body } of exampleEvents()) {
    if (range.size === events) break;
    onBody(body);
    leaves.push(hashLeaf(body));
    range = withLeaf(range, hashLeaf(body));
    yield encodeEventLine({ position: range.size, subject, messageId: id, body });
    if (range.size % checkpointEvery !== 0 && range.size !== events) continue;
    yield encodeLeavesLine({ first: range.size - leaves.length + 1, hashes: leaves });
    leaves = [];
    const checkpoint = { origin: signer.name, size: range.size, root: rootOf(range) };
    yield encodeCheckpointLine({ sequence: ++checkpoints, note: signNote(formatCheckpoint(checkpoint), signer) });
  }
  yield encodeContentLine({ digest: suiteDigest, body: suite });
  yield encodeEndLine({ events, checkpoints, contents: 1, evidence: 0 });
};
