import { createHash, generateKeyPairSync } from 'node:crypto';
import { formatCheckpoint } from '../checkpoint.ts';
import {
  encodeCheckpointLine,
  encodeContentLine,
  encodeEndLine,
  encodeEventLine,
  encodeEvidenceLine,
  encodeHeaderLine,
  encodeLeavesLine,
} from '../export/encode.ts';
import { utf8 } from '../bytes.ts';
import { emptyRange, hashLeaf, rootOf, withLeaf } from '../merkle.ts';
import type { Hash } from '../merkle.ts';
import { signNote } from '../node.ts';
import type { NoteSigner } from '../node.ts';
import { proveInclusion } from '../proof.ts';
import type { SubtreeSource } from '../proof.ts';

export interface StoredEvent {
  readonly subject: string;
  readonly messageId: string | null;
  readonly body: Uint8Array;
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export const newSigner = (name = 'crucible/log/example'): NoteSigner => ({
  name,
  privateKey: generateKeyPairSync('ed25519').privateKey,
});

export const evaluationId = '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f';
export const suite = utf8('{"suite":"first-contact"}');

/** A chunk of evidence as the stream has it. */
export interface Chunk {
  readonly trialId: string;
  readonly channel: string;
  readonly sequence: number;
  readonly body: Uint8Array;
}

export const event = (number: number, type: string, data: object, subject: string): StoredEvent => {
  const id = `019ab3f0-0000-7000-8000-${String(number).padStart(12, '0')}`;
  return { subject, messageId: id, body: utf8(JSON.stringify({ specversion: '1.0', id, type, subject, data })) };
};

const trialSubject = (trialId: string): string => `crucible.events.evaluation.${evaluationId}.trial.${trialId}`;

const finished = (number: number, trialId: string, chunks: readonly Chunk[]): StoredEvent => {
  const channels = [...new Set(chunks.map(({ channel }) => channel))];
  const evidence = channels.map((channel) => {
    const bodies = chunks.filter((chunk) => chunk.channel === channel).map(({ body }) => body);
    const joined = Buffer.concat(bodies);
    return { channel, chunks: bodies.length, bytes: joined.length, dropped: 0, sha256: sha256(joined) };
  });
  const data = { evaluationId, trialId, outcome: 'passed', evidence };
  return event(number, 'crucible.trial.finished.v1', data, trialSubject(trialId));
};

export const chunksOf = (trialId: string): readonly Chunk[] => [
  { trialId, channel: 'output', sequence: 1, body: utf8('hello ') },
  { trialId, channel: 'output', sequence: 2, body: utf8(`from ${trialId}`) },
  { trialId, channel: 'kernel', sequence: 1, body: utf8('{"syscall":"execve"}') },
];

/** Twelve events: a submission, two sealed trials, a foreign message, and others. */
export const exampleEvents = (): StoredEvent[] => {
  const own = `crucible.events.evaluation.${evaluationId}`;
  const submitted = { evaluationId, suite: { name: 'first-contact', digest: sha256(suite) } };
  return [
    event(1, 'crucible.executor.started.v1', { executorId: 'e' }, 'crucible.events.platform.executor'),
    event(2, 'crucible.evaluation.submitted.v1', submitted, own),
    event(3, 'crucible.evaluation.admitted.v1', { evaluationId, concurrency: 4 }, own),
    event(4, 'crucible.trial.dispatched.v1', { evaluationId, trialId: '1-1-1' }, trialSubject('1-1-1')),
    event(5, 'crucible.trial.started.v2', { evaluationId, trialId: '1-1-1' }, trialSubject('1-1-1')),
    finished(6, '1-1-1', chunksOf('1-1-1')),
    { subject: 'crucible.events.platform.executor', messageId: null, body: Uint8Array.of(0xff, 0x00) },
    event(
      8,
      'crucible.trial.dispatched.v1',
      { evaluationId, trialId: '2-1-1', note: 'é \u2028 "\\' },
      trialSubject('2-1-1'),
    ),
    finished(9, '2-1-1', chunksOf('2-1-1')),
    event(10, 'crucible.delivery.failed.v1', { evaluationId, error: 'no answer' }, 'crucible.events.platform.delivery'),
    event(11, 'crucible.evaluation.completed.v1', { evaluationId, status: 'completed' }, own),
    event(12, 'crucible.executor.stopped.v1', { executorId: 'e' }, 'crucible.events.platform.executor'),
  ];
};

export const erased = (number: number, trialId: string, channel: string): StoredEvent =>
  event(
    number,
    'crucible.evidence.erased.v1',
    { evaluationId, trialId, channel, cause: 'request', requestedAt: 1, detail: '' },
    'crucible.events.platform.evidence',
  );

export const leavesOf = (events: readonly StoredEvent[]): readonly Hash[] => events.map(({ body }) => hashLeaf(body));

export const noteAt = (events: readonly StoredEvent[], size: number, signer: NoteSigner): string => {
  const root = rootOf(leavesOf(events.slice(0, size)).reduce(withLeaf, emptyRange));
  return signNote(formatCheckpoint({ origin: signer.name, size, root }), signer);
};

export const sourceOf =
  (leaves: readonly Hash[]): SubtreeSource =>
  (level, index) =>
    rootOf(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level).reduce(withLeaf, emptyRange));

/** What is written and what was signed: the same for an honest log. */
export interface Telling {
  readonly signer: NoteSigner;
  readonly events: readonly StoredEvent[];
  /** The events as they were when they were signed. */
  readonly signed?: readonly StoredEvent[];
  readonly checkpoints?: readonly number[];
  readonly chunks?: readonly Chunk[];
  readonly contents?: readonly Uint8Array[];
  /** Whether the maker noted the leaves that it signed. */
  readonly leaves?: boolean;
}

export const exampleChunks = (): Chunk[] => [...chunksOf('1-1-1'), ...chunksOf('2-1-1')];

const tail = (telling: Telling, events: number, checkpoints: number): string[] => {
  const { chunks = exampleChunks(), contents = [suite] } = telling;
  return [
    ...contents.map((body) => encodeContentLine({ digest: sha256(suite), body })),
    ...chunks.map((chunk) => encodeEvidenceLine({ evaluationId, headers: { 'Crucible-At': '1' }, ...chunk })),
    encodeEndLine({ events, checkpoints, contents: contents.length, evidence: chunks.length }),
  ];
};

const header = (origin: string, size: number, of: string | null): string =>
  encodeHeaderLine({ origin, evaluationId: of, size, createdAt: '2026-01-01T00:00:00.000Z', evidence: true });

/** The lines of an export of the whole log, each with its newline. */
export const wholeExport = (telling: Telling): string[] => {
  const { signer, events, signed = events, checkpoints = [5, 12], leaves = true } = telling;
  const lines = [header(signer.name, checkpoints.at(-1) ?? 0, null)];
  let before = 0;
  events.forEach((stored, index) => {
    lines.push(encodeEventLine({ position: index + 1, ...stored }));
    // A log that lost events still has the checkpoint over those it had.
    const last = index + 1 === events.length ? checkpoints.at(-1) : undefined;
    const size = checkpoints.find((one) => one === index + 1) ?? last;
    if (size === undefined) return;
    const sequence = checkpoints.indexOf(size) + 1;
    if (leaves) lines.push(encodeLeavesLine({ first: before + 1, hashes: leavesOf(signed.slice(before, size)) }));
    lines.push(encodeCheckpointLine({ sequence, note: noteAt(signed, size, signer) }));
    before = size;
  });
  return [...lines, ...tail(telling, events.length, checkpoints.length)];
};

/** The lines of an export of the example's evaluation. */
export const partialExport = async (telling: Telling): Promise<string[]> => {
  const { signer, events, signed = events } = telling;
  const leaves = leavesOf(signed);
  const source = sourceOf(leaves);
  const own = events.flatMap((stored, index) =>
    stored.subject.includes(evaluationId) || Buffer.from(stored.body).includes('evidence.erased')
      ? [{ stored, index }]
      : [],
  );
  const lines = await Promise.all(
    own.map(async ({ stored, index }) => {
      const proof = await proveInclusion(index, signed.length, source);
      return encodeEventLine({ position: index + 1, ...stored, proof });
    }),
  );
  const note = encodeCheckpointLine({ sequence: 2, note: noteAt(signed, signed.length, signer) });
  return [header(signer.name, signed.length, evaluationId), note, ...lines, ...tail(telling, own.length, 1)];
};
