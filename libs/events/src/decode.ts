import { envelopeSchema, eventBytesMax } from './envelope.ts';
import type { CrucibleEvent } from './envelope.ts';
import { placeOf } from './place.ts';
import { readData } from './upcast.ts';
import type { CurrentEventType } from './upcast.ts';

/** Why stored bytes are not an event we know. The bytes stay in the log; whoever reads them decides what to do. */
export type DecodeFailure =
  | { readonly ok: false; readonly failure: 'oversize' | 'not-json'; readonly detail: string }
  | {
      readonly ok: false;
      readonly failure: 'bad-envelope' | 'unknown-type' | 'bad-data' | 'misplaced';
      readonly detail: string;
    };
export type Decoded = { readonly ok: true; readonly event: CrucibleEvent<CurrentEventType> } | DecodeFailure;

/** A byte order mark is no JSON (RFC 8259, section 8.1): whoever reads past it reads an event where the verifier reads none. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const refused = (failure: DecodeFailure['failure'], detail: string): Decoded => ({ ok: false, failure, detail });

/**
 * Reads one message body, whatever version it was written in, as the newest version of its event. Size is judged before
 * anything is parsed, and nothing here throws.
 */
export const decode = (body: Uint8Array): Decoded => {
  if (body.byteLength > eventBytesMax) return refused('oversize', `${body.byteLength} bytes, at most ${eventBytesMax}`);
  let json: unknown;
  try {
    json = JSON.parse(decoder.decode(body));
  } catch (error) {
    return refused('not-json', error instanceof Error ? error.message : 'unreadable');
  }
  return decodeJson(json);
};

/** The same for a body that was already parsed, as in a browser's event stream. */
export const decodeJson = (json: unknown): Decoded => {
  const envelope = envelopeSchema.safeParse(json);
  if (!envelope.success) return refused('bad-envelope', envelope.error.message);
  const read = readData(envelope.data.type, envelope.data.data);
  if (!read.ok) return refused(read.failure, read.detail);
  return {
    ok: true,
    event: { ...envelope.data, type: read.type, data: read.data } as CrucibleEvent<CurrentEventType>,
  };
};

/**
 * Reads a message as it stands in the log. An event on a subject that is not its own is none: a writer who may speak on one
 * subject could otherwise tell another's story there.
 */
export const decodeStored = (subject: string, body: Uint8Array): Decoded => {
  const decoded = decode(body);
  if (!decoded.ok) return decoded;
  const { event } = decoded;
  if (event.subject !== subject) return refused('misplaced', `it says it stands on ${event.subject}`);
  const place = placeOf(event);
  return place === subject ? decoded : refused('misplaced', `a ${event.type} of this kind stands on ${place}`);
};
