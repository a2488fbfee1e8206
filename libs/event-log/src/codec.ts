import { decodeStored, envelop, eventBytesMax } from '@crucible/events';
import type { CrucibleEvent } from '@crucible/events';
import type { AppendRequest, StoredEvent, StoredMessage } from './port.ts';

/** Where ids and time come from; tests and simulations bring their own. */
export interface Edge {
  now(): number;
  newId(): string;
}

/** Kept free beside a body: the server's bound on a message of the log counts its headers, of which ours take half of this. */
const HEADERS_BYTES_MAX = 512;

const encoder = new TextEncoder();

/** The bytes of one event, or how many they are when they are too many for the log. */
export const encode = (
  request: AppendRequest,
  edge: Edge,
): { ok: true; event: CrucibleEvent; body: Uint8Array } | { ok: false; bytes: number } => {
  const { subject, origin } = request;
  const event = envelop(request.event, { id: edge.newId(), nowMs: edge.now(), subject, origin });
  const body = encoder.encode(JSON.stringify(event));
  return body.byteLength > eventBytesMax - HEADERS_BYTES_MAX
    ? { ok: false, bytes: body.byteLength }
    : { ok: true, event, body };
};

export const toStoredEvent = (message: StoredMessage): StoredEvent => {
  const decoded = decodeStored(message.subject, message.body);
  return decoded.ok ? { ...message, ok: true, event: decoded.event } : { ...message, ok: false, undecodable: decoded };
};
