import { streams } from '@crucible/events';
import type { StoredMsg } from 'nats';
import type { HistoryRange } from '../history.ts';
import { isNoMessage, unavailable } from './connection.ts';
import type { Bus } from './connection.ts';

/** Stretches of the log that are read at once. */
const STRETCHES = 16;
/** What one stretch gives at most before what lies behind it is read anew. With the one above: what is held at once. */
const EVENTS_PER_STRETCH_MAX = 64;
const POSITIONS_PER_STRETCH_MAX = 65_536;
/** Aimed at, so that a stretch is seldom cut where messages begin to lie denser. */
const EVENTS_PER_STRETCH = EVENTS_PER_STRETCH_MAX / 2;

/** What a stretch held; `readTo` is the last position that was looked at. */
interface Stretch {
  readonly messages: readonly StoredMsg[];
  readonly readTo: number;
}

/** How long stretches are to be after one round gave `events` of `positions`. */
const nextLength = (length: number, events: number, positions: number): number =>
  events === 0
    ? Math.min(POSITIONS_PER_STRETCH_MAX, length * 4)
    : Math.min(POSITIONS_PER_STRETCH_MAX, length * 4, Math.ceil((EVENTS_PER_STRETCH * positions) / events));

/**
 * What one subject or wildcard has between two positions, in order, by the server's direct reads: no consumer is made, and
 * no more is held than a few stretches give. A direct read gives one message and only then is known where the next one is,
 * so a range is cut into stretches, read side by side; their length follows how dense the messages lie. What is appended
 * meanwhile may be missed, so the range is to end where the log ended at the latest.
 * @throws BusUnavailable; the signal's reason
 */
export async function* readRange(
  bus: Bus,
  subject: string,
  { from = 1, upTo = Number.MAX_SAFE_INTEGER, signal }: HistoryRange,
): AsyncGenerator<StoredMsg> {
  let length = EVENTS_PER_STRETCH_MAX;
  let next = Math.max(1, from);
  while (next <= upTo) {
    // Asked for alone: a gap is passed by one question, however long it is.
    const first = await firstFrom(bus, subject, next, signal);
    if (first === null || first.seq > upTo) return;
    yield first;
    const begin = first.seq + 1;
    next = begin;
    const starts = Array.from({ length: STRETCHES }, (_, index) => begin + index * length);
    const stretches = await Promise.all(
      starts
        .filter((start) => start <= upTo)
        .map((start) => readStretch(bus, subject, { start, end: Math.min(upTo, start + length - 1) }, signal)),
    );
    let given = 0;
    for (const { messages, readTo } of stretches) {
      yield* messages;
      given += messages.length;
      next = readTo + 1;
      // The rest of this stretch is unread, so those behind it must wait.
      if (messages.length === EVENTS_PER_STRETCH_MAX) break;
    }
    length = nextLength(length, given, next - begin);
  }
}

/** Messages from `start` to `end`, one after the other. */
const readStretch = async (
  bus: Bus,
  subject: string,
  { start, end }: { readonly start: number; readonly end: number },
  signal: AbortSignal | undefined,
): Promise<Stretch> => {
  const messages: StoredMsg[] = [];
  for (let next = start; next <= end && messages.length < EVENTS_PER_STRETCH_MAX;) {
    const message = await firstFrom(bus, subject, next, signal);
    if (message === null || message.seq > end) return { messages, readTo: end };
    messages.push(message);
    next = message.seq + 1;
  }
  return { messages, readTo: messages.at(-1)?.seq ?? end };
};

const firstFrom = async (
  bus: Bus,
  subject: string,
  seq: number,
  signal: AbortSignal | undefined,
): Promise<StoredMsg | null> => {
  signal?.throwIfAborted();
  try {
    return await bus.direct.getMessage(streams.events, { seq, next_by_subj: subject });
  } catch (error) {
    if (isNoMessage(error)) return null;
    throw unavailable(`read ${subject}`, error);
  }
};
