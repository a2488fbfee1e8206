import { createHash } from 'node:crypto';
import { addSpend, nothingSpent } from '@crucible/domain';
import type { Control, Dispatch, Spend } from '@crucible/domain';
import type { EventLog, EvidenceStore } from '@crucible/event-log';
import { transcriptRecordSchema } from '@crucible/events';
import type { TranscriptRecord } from '@crucible/events';
import type { Suite } from '@crucible/suite';
import { attemptAt, readAttempt, wasLost } from '../trials/attempt.ts';
import type { Attempt } from '../trials/attempt.ts';
import type { Place } from '../trials/trial-run.ts';
import { permissionOf } from './approvals.ts';
import type { EarlierApproval } from './approvals.ts';
import type { Before, SpokenMessage } from './plan.ts';
import { spentOnEvent } from './spending.ts';
import type { Estimates } from './spending.ts';

export interface ResumePorts {
  readonly log: Pick<EventLog, 'readSubject'>;
  readonly evidence: Pick<EvidenceStore, 'read'>;
}

const CHUNKS_PER_READ = 50;
/** A conversation beyond this is not read again: it would take as much memory as many trials. */
const TRANSCRIPT_BYTES_MAX = 128 * 1024 * 1024;
const NEWLINE = 0x0a;
const decoder = new TextDecoder('utf-8', { fatal: true });

/** What an earlier attempt's transcript proves. */
interface Proven {
  readonly messages: readonly SpokenMessage[];
  readonly turns: number;
  /** The reply of the turn behind them, if it is all that came of that turn. */
  readonly pending: SpokenMessage | null;
  /** Positions of people's messages among them. */
  readonly heard: ReadonlySet<number>;
}

/** All of an attempt's transcript; null when it is too long to be read again. */
export const transcriptOf = async ({ evidence }: ResumePorts, place: Place): Promise<Buffer | null> => {
  const bodies: Uint8Array[] = [];
  let bytes = 0;
  for (let after = 0; ;) {
    const chunks = await evidence.read({ ...place, channel: 'transcript' }, after, CHUNKS_PER_READ);
    for (const { body, sequence } of chunks) {
      bodies.push(body);
      bytes += body.byteLength;
      after = sequence;
    }
    if (bytes > TRANSCRIPT_BYTES_MAX) return null;
    if (chunks.length < CHUNKS_PER_READ) return Buffer.concat(bodies);
  }
};

/** Records from the first on, as long as each is whole and the next in order, with the hash of all bytes before it. */
const recordsOf = (bytes: Buffer): { readonly record: TranscriptRecord; readonly sha256Before: string }[] => {
  const found: { record: TranscriptRecord; sha256Before: string }[] = [];
  const hash = createHash('sha256');
  for (let from = 0, end = bytes.indexOf(NEWLINE); end >= 0; from = end + 1, end = bytes.indexOf(NEWLINE, from)) {
    const parsed = recordIn(bytes.subarray(from, end));
    if (parsed === null || parsed.n !== found.length + 1) break;
    found.push({ record: parsed, sha256Before: hash.copy().digest('hex') });
    hash.update(bytes.subarray(from, end + 1));
  }
  return found;
};

const recordIn = (line: Uint8Array): TranscriptRecord | null => {
  try {
    const parsed = transcriptRecordSchema.safeParse(JSON.parse(decoder.decode(line)));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
};

/** The conversation up to its last whole turn; null when no turn is proven whole. */
export const provenIn = (bytes: Buffer): Proven | null => {
  const records = recordsOf(bytes);
  const last = records.findLastIndex(
    ({ record, sha256Before }) => record.kind === 'turn' && record.sha256 === sha256Before,
  );
  const mark = records[last]?.record;
  const said = (some: typeof records) => some.flatMap(({ record }) => (record.kind === 'message' ? [record] : []));
  if (mark?.kind !== 'turn') return null;
  const whole = said(records.slice(0, last));
  if (whole.length !== mark.messages) return null;
  const behind = said(records.slice(last + 1));
  const subject = behind.findIndex(({ by }) => by === 'subject');
  // Words of people and of the suite that came before the reply belong to it.
  const before = subject < 0 ? [] : behind.slice(0, subject);
  const only = subject >= 0 && subject === behind.length - 1 ? behind[subject]?.message : undefined;
  const pending = only?.role === 'assistant' && only.toolCalls.length > 0 ? only : null;
  const kept = pending === null ? whole : [...whole, ...before];
  return {
    messages: kept.map(spoken),
    turns: mark.turn,
    pending: pending === null ? null : { by: 'subject', message: pending },
    heard: new Set(kept.flatMap(({ position }) => position ?? [])),
  };
};

/** Places in the log of people's messages that the subject has spoken behind: what it was about to read it has not heard. */
export const answeredIn = (bytes: Buffer): ReadonlySet<number> => {
  const said = recordsOf(bytes).flatMap(({ record }) => (record.kind === 'message' ? [record] : []));
  const last = said.findLastIndex(({ by }) => by === 'subject');
  return new Set(said.slice(0, Math.max(0, last)).flatMap(({ position }) => position ?? []));
};

const spoken = ({ by, message, actor, position }: Extract<TranscriptRecord, { kind: 'message' }>): SpokenMessage => ({
  by,
  message,
  ...(actor === undefined || position === undefined ? {} : { said: { actor, position } }),
});

const approvalsOf = (control: Control): EarlierApproval[] =>
  [...control.approvals.values()].map(({ request }) => ({
    turn: request.turn,
    toolCallId: request.toolCallId,
    argumentsDigest: request.argumentsDigest,
    permission: permissionOf({ state: control }, request.approvalId),
    expiresAt: Date.parse(request.expiresAt),
  }));

const spentIn = ({ events }: Attempt): Spend => {
  const estimates: Estimates = new Map();
  // What judged it is not paid from the trial's own limits.
  const own = events.filter((event) => event.type !== 'crucible.trial.model-called.v2' || event.data.role !== 'grader');
  return own.reduce((sum, event) => addSpend(sum, spentOnEvent(event, estimates)), nothingSpent);
};

/** Attempts that the one before this one went on behind in its turn, each lost: what they used and what was decided counts on. */
const lostBefore = async (ports: ResumePorts, place: Place, dispatch: Dispatch): Promise<readonly Attempt[]> => {
  const found: Attempt[] = [];
  for (let number = dispatch.attempt - 1; number > 1; number -= 1) {
    const attempt = await readAttempt(ports.log, attemptAt(place, dispatch, number - 1));
    if (!wasLost(attempt)) break;
    found.push(attempt);
  }
  return found;
};

/**
 * What the attempt before this one left behind, where its suite wants to go on from there: its conversation as far as it is
 * proven whole. Null when there is none, or when it is not: then the trial begins again. `lost`: it is left at that.
 * @throws BusUnavailable
 */
export const resumeFrom = async (
  ports: ResumePorts,
  place: Place,
  dispatch: Dispatch,
  { solver }: Pick<Suite, 'solver'>,
): Promise<Before> => {
  if (solver.kind === 'program' || solver.resume === 'retry' || dispatch.attempt < 2) return null;
  const earlier = attemptAt(place, dispatch, dispatch.attempt - 1);
  const attempt = await readAttempt(ports.log, earlier);
  if (!wasLost(attempt)) return null;
  if (solver.resume === 'lost') return 'lost';
  const bytes = await transcriptOf(ports, earlier);
  const proven = bytes === null ? null : provenIn(bytes);
  if (proven === null) return null;
  // A tool that ran may have told its result to nobody: then it must not run again as if it had not.
  const hasRun = attempt.events.some(
    (event) => event.type === 'crucible.trial.tool-called.v1' && event.data.turn > proven.turns,
  );
  const isReplyPending = proven.pending !== null && !hasRun;
  const lost = [attempt, ...(await lostBefore(ports, place, dispatch))];
  return {
    messages: [...proven.messages, ...(isReplyPending && proven.pending !== null ? [proven.pending] : [])],
    turns: proven.turns,
    isReplyPending,
    spent: lost.map(spentIn).reduce(addSpend, nothingSpent),
    approvals: !isReplyPending ? [] : lost.flatMap(({ control }) => approvalsOf(control)),
  };
};
