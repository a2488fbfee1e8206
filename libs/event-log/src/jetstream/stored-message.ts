import type { MsgHdrs } from 'nats';
import type { StoredMessage } from '../port.ts';

/** What the client gives for a stored message, whichever way it was read. */
interface ReadMessage {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly header?: MsgHdrs | undefined;
  readonly headers?: MsgHdrs | undefined;
}

export const toStoredMessage = ({ seq, subject, data, header, headers }: ReadMessage): StoredMessage => {
  const id = (header ?? headers)?.get('Nats-Msg-Id') ?? '';
  return { position: seq, subject, messageId: id === '' ? null : id, body: data };
};
