/** One message of an event stream. `id` is the last id seen, which may stem from an earlier message. */
export interface StreamMessage {
  readonly event: string;
  readonly data: string;
  readonly id: string;
}

/** More than any message the gateway sends; a longer one means the stream is not what we think. */
const messageCharsMax = 64 * 1024 * 1024;

/**
 * Splits an event stream (HTML standard, section 9.2) as its bytes arrive, in pieces of any size.
 * Comments are dropped, since their only use is to keep the line warm.
 */
export class StreamParser {
  readonly #decoder = new TextDecoder('utf-8');
  #pending: string[] = [];
  #pendingChars = 0;
  #event = '';
  #data: string[] = [];
  #id = '';

  /** @throws RangeError when one line grows past the bound */
  push(bytes: Uint8Array): StreamMessage[] {
    const text = this.#decoder.decode(bytes, { stream: true });
    const messages: StreamMessage[] = [];
    let from = 0;
    for (let end = text.indexOf('\n', from); end >= 0; end = text.indexOf('\n', from)) {
      this.#pending.push(text.slice(from, end));
      const message = this.#line(this.#pending.join(''));
      this.#pending = [];
      this.#pendingChars = 0;
      from = end + 1;
      if (message !== null) messages.push(message);
    }
    if (from < text.length) {
      this.#pending.push(text.slice(from));
      this.#pendingChars += text.length - from;
      if (this.#pendingChars > messageCharsMax) throw new RangeError('a line of the event stream is too long');
    }
    return messages;
  }

  #line(raw: string): StreamMessage | null {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return null;
  }

  #dispatch(): StreamMessage | null {
    const data = this.#data;
    const event = this.#event === '' ? 'message' : this.#event;
    this.#data = [];
    this.#event = '';
    return data.length === 0 ? null : { event, data: data.join('\n'), id: this.#id };
  }
}
