import { OutputEvents } from '@crucible/detectors';
import type { EventOf } from '@crucible/detectors';

type Stream = 'stdout' | 'stderr';

/** Of one trial's output, so much is judged by rules in full: patterns over text cost a thousand times what canaries do. */
export const JUDGED_IN_FULL_BYTES_MAX = 1024 * 1024;
/** Beyond, one piece in so many. */
export const JUDGED_EVERY = 16;
const PIECE_BYTES = 16 * 1024;

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** A piece out of the middle begins with a whole character, so that it is not told to be broken where it is not. */
const fromWholeCharacter = (bytes: Uint8Array): number => {
  let at = 0;
  while (at < 3 && isContinuation(bytes[at])) at += 1;
  return at;
};

/** Output as rules judge it: all of it at first, then samples, so that a flood costs the platform little. */
export class JudgedOutput {
  readonly #whole = new OutputEvents();
  readonly #offsets: Record<Stream, number> = { stdout: 0, stderr: 0 };
  #bytes = 0;
  #pieces = 0;

  /** @param at epoch milliseconds */
  take(stream: Stream, bytes: Uint8Array, at: number): EventOf<'output'>[] {
    const inFull = bytes.subarray(0, Math.max(0, JUDGED_IN_FULL_BYTES_MAX - this.#bytes));
    const events = inFull.byteLength === 0 ? [] : this.#whole.take(stream, inFull, at);
    for (let from = inFull.byteLength; from < bytes.byteLength; from += PIECE_BYTES) {
      this.#pieces += 1;
      if (this.#pieces % JUDGED_EVERY !== 0) continue;
      events.push(...this.#sample(stream, bytes.subarray(from, from + PIECE_BYTES), this.#offsets[stream] + from, at));
    }
    this.#bytes += bytes.byteLength;
    this.#offsets[stream] += bytes.byteLength;
    return events;
  }

  #sample(stream: Stream, piece: Uint8Array, offset: number, at: number): EventOf<'output'>[] {
    const skipped = fromWholeCharacter(piece);
    return new OutputEvents().take(stream, piece.subarray(skipped), at).map((event) => ({
      ...event,
      place: { ...event.place, offset: offset + skipped + (event.place.offset ?? 0) },
    }));
  }
}
