import type { EventOf } from './typed-event.ts';

/** New characters that one event holds at most, and how much of what came before stands in front of them. */
const PIECE_CHARS_MAX = 16_384;
const OVERLAP_CHARS = 512;

const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
const INVALID = /\ufffd/g;

const countOf = (text: string, what: RegExp): number => text.match(what)?.length ?? 0;

type Stream = 'stdout' | 'stderr';

class StreamText {
  readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  before = '';
  bytes = 0;
}

/** One trial's output as events for rules, in pieces that overlap: a text cut in two by its writer is still seen whole. */
export class OutputEvents {
  readonly #streams: Readonly<Record<Stream, StreamText>> = { stdout: new StreamText(), stderr: new StreamText() };

  /** @param at milliseconds since 1970 at which the bytes were read */
  take(stream: Stream, bytes: Uint8Array, at: number): EventOf<'output'>[] {
    const state = this.#streams[stream];
    const text = state.decoder.decode(bytes, { stream: true });
    const events: EventOf<'output'>[] = [];
    for (let from = 0; from < text.length; from += PIECE_CHARS_MAX) {
      events.push(this.#piece(stream, state, text.slice(from, from + PIECE_CHARS_MAX), at));
    }
    return events;
  }

  #piece(stream: Stream, state: StreamText, piece: string, at: number): EventOf<'output'> {
    const newBytes = Buffer.byteLength(piece);
    const text = state.before + piece;
    const offset = state.bytes - Buffer.byteLength(state.before);
    state.before = text.slice(-OVERLAP_CHARS);
    state.bytes += newBytes;
    return {
      kind: 'output',
      at,
      place: { channel: 'output', record: null, stream, offset: Math.max(0, offset) },
      stream,
      text,
      bytes: newBytes,
      controls: countOf(piece, CONTROLS),
      invalid: countOf(piece, INVALID),
    };
  }
}
