import type { Fault } from './retry.ts';

/** What is read of an answer that says why there is no reply. */
const ERROR_BODY_BYTES_MAX = 64 * 1024;
/** A character may be written as six (`\u0041`), and each event has words around it. */
const ESCAPED_BYTES = 6;
const EVENT_ROOM_BYTES = 64 * 1024;
/** A stream of many small events is mostly what is around them. */
const STREAM_FACTOR = 128;

/** Something that our own guard found on the wire. Passes through the SDK, in which errors of others are wrapped. */
export class WireFault extends Error {
  override readonly name = 'WireFault';
  readonly fault: Fault;

  constructor(fault: Pick<Fault, 'failure' | 'detail' | 'retryable'>) {
    super(fault.detail);
    this.fault = { retryAfterMs: null, overload: false, ...fault };
  }
}

/** Follows one attempt on the wire: what was wrong there, and when the last byte came. */
export interface WireWatch {
  /** Bytes came. */
  readonly touch: () => void;
  /** The attempt is over, for this reason. */
  readonly fail: (fault: WireFault) => void;
}

export interface WireBounds {
  readonly replyBytesMax: number;
  readonly streaming: boolean;
}

const tooLarge = (bytesMax: number): WireFault =>
  new WireFault({ failure: 'too-large', detail: `the reply is larger than ${bytesMax} bytes`, retryable: false });

/** Counts what passes; an event of a stream, which is held in memory until it is whole, has its own bound. */
class Meter {
  readonly #bodyBytesMax: number;
  readonly #eventBytesMax: number;
  readonly #replyBytesMax: number;
  #body = 0;
  #event = 0;
  #line = 0;

  constructor({ replyBytesMax, streaming }: WireBounds) {
    this.#replyBytesMax = replyBytesMax;
    this.#eventBytesMax = replyBytesMax * ESCAPED_BYTES + EVENT_ROOM_BYTES;
    this.#bodyBytesMax = streaming ? replyBytesMax * STREAM_FACTOR + EVENT_ROOM_BYTES : this.#eventBytesMax;
  }

  /** @throws WireFault when there is too much of it */
  take(bytes: Uint8Array): void {
    this.#body += bytes.byteLength;
    for (const byte of bytes) {
      this.#event += 1;
      if (byte === 0x0a) {
        if (this.#line === 0) this.#event = 0;
        this.#line = 0;
      } else if (byte !== 0x0d) this.#line += 1;
    }
    if (this.#body > this.#bodyBytesMax || this.#event > this.#eventBytesMax) throw tooLarge(this.#replyBytesMax);
  }
}

const metered = (
  body: ReadableStream<Uint8Array>,
  watch: WireWatch,
  take: (bytes: Uint8Array) => Uint8Array | null,
): ReadableStream<Uint8Array> => {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        watch.touch();
        const passed = take(value);
        if (passed !== null) return controller.enqueue(passed);
        controller.close();
        await reader.cancel();
      } catch (error) {
        if (error instanceof WireFault) watch.fail(error);
        await reader.cancel(error).catch(() => undefined);
        throw error;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
};

/** The first bytes of a body, then its end: enough to say what it was about. */
const upTo = (bytesMax: number) => {
  let left = bytesMax;
  return (bytes: Uint8Array): Uint8Array | null => {
    if (left <= 0) return null;
    const passed = bytes.subarray(0, left);
    left -= passed.byteLength;
    return passed;
  };
};

const refuseRedirect = (status: number): WireFault =>
  new WireFault({
    failure: 'rejected',
    // A header with the key would go wherever the answer says.
    detail: `answered with a redirect (${status}), which is not followed: write the final address as baseUrl`,
    retryable: false,
  });

const wrongType = (type: string | null, streaming: boolean): WireFault =>
  new WireFault({
    failure: 'malformed',
    detail: `answered with ${type === null ? 'no content type' : type.slice(0, 100)} where ${streaming ? 'a stream of events' : 'JSON'} was asked for`,
    retryable: false,
  });

const guard = (response: Response, watch: WireWatch, bounds: WireBounds): Response => {
  if (response.status >= 300 && response.status < 400) throw refuseRedirect(response.status);
  if (response.body === null) return response;
  const { status, statusText, headers } = response;
  const made = (take: (bytes: Uint8Array) => Uint8Array | null): Response =>
    new Response(metered(response.body as ReadableStream<Uint8Array>, watch, take), { status, statusText, headers });
  if (!response.ok) return made(upTo(ERROR_BODY_BYTES_MAX));
  const type = headers.get('content-type');
  const wanted = bounds.streaming ? /^text\/event-stream\b/i : /^application\/([a-z.+-]+\+)?json\b/i;
  if (type === null || !wanted.test(type)) throw wrongType(type, bounds.streaming);
  const meter = new Meter(bounds);
  return made((bytes) => {
    meter.take(bytes);
    return bytes;
  });
};

/** A fetch, with what comes back bounded and checked before anything parses it. @param watchOf whose attempt a call is */
export const guardedFetch =
  (watchOf: () => WireWatch, bounds: WireBounds): typeof fetch =>
  async (input, init) => {
    const watch = watchOf();
    const response = await fetch(input, { ...init, redirect: 'manual' });
    watch.touch();
    try {
      return guard(response, watch, bounds);
    } catch (error) {
      if (error instanceof WireFault) watch.fail(error);
      await response.body?.cancel().catch(() => undefined);
      throw error;
    }
  };
