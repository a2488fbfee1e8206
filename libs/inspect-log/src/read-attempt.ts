import type { TrialView } from '@crucible/domain';
import { transcriptRecordSchema } from '@crucible/events';
import { isProgramInput } from '@crucible/suite';
import { AttemptEvents } from './attempt.ts';
import type { Added, Attempt } from './attempt.ts';
import { CallWindow } from './call-window.ts';
import type { AtEnd } from './frame.ts';
import type { Read } from './sample.ts';
import { EvidenceGone } from './source.ts';
import type { EvidenceRecordCounts, LogSource } from './source.ts';

/** Of what a program printed, in one event; the seal beside it tells how much there was. */
const PRINTED_BYTES_MAX = 256 * 1024;

/** Takes what an attempt adds to the log, piece by piece. */
export type Take = (added: Added) => Promise<void>;

type Unread = { channel: string; why: string }[];

/** Runs what reads evidence; null where it is gone, which is noted. @throws whatever else goes wrong */
const unlessGone = async <T>(channel: string, unread: Unread, read: () => Promise<T>): Promise<T | null> => {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof EvidenceGone)) throw error;
    unread.push({ channel, why: error.message });
    return null;
  }
};

const printedBy = async (source: LogSource, trial: TrialView): Promise<NonNullable<AtEnd['printed']>> => {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const { bytes: piece } of source.printed(trial)) {
    pieces.push(piece.subarray(0, PRINTED_BYTES_MAX - bytes));
    bytes += piece.byteLength;
    if (bytes > PRINTED_BYTES_MAX) break;
  }
  const text = new TextDecoder().decode(Buffer.concat(pieces));
  const dropped = trial.evidence.find(({ channel }) => channel === 'output')?.dropped ?? 0;
  return { text, isCut: bytes > PRINTED_BYTES_MAX || dropped > 0 };
};

const sealed = ({ evidence }: TrialView, channel: string): boolean =>
  evidence.some((seal) => seal.channel === channel && seal.chunks > 0);

/** Reads one attempt from its beginning to its end. Only what is under way is held, however long it is. */
export const readAttempt = async (source: LogSource, attempt: Attempt, take: Take): Promise<Read> => {
  const { trial, sample } = attempt;
  const events = new AttemptEvents(attempt);
  const unread: Unread = [];
  await take({ message: null, events: events.begin() });
  const isProgram = isProgramInput(sample.input);
  const hasRun = trial.startedAt !== null;
  if (!isProgram && hasRun) {
    const window = new CallWindow(source.calls(trial));
    await unlessGone('transcript', unread, async () => {
      for await (const raw of source.transcript(trial)) {
        const parsed = transcriptRecordSchema.safeParse(raw);
        if (!parsed.success)
          throw new Error(`record ${String(raw['n'])} of trial ${trial.id} is no record of a transcript`);
        await take(events.record(parsed.data, await window.at(parsed.data.n)));
      }
    });
    for await (const call of window.rest()) await take({ message: null, events: events.call(call) });
  }
  const printed = isProgram && hasRun ? await unlessGone('output', unread, () => printedBy(source, trial)) : null;
  const kernel: EvidenceRecordCounts | null = sealed(trial, 'kernel')
    ? await unlessGone('kernel', unread, () => source.kernelKinds(trial))
    : null;
  await take({ message: null, events: events.end({ printed, kernel, unread }) });
  return { usage: events.usage, output: events.output, messages: events.messages };
};
