import { connect } from 'node:net';
import type { Socket } from 'node:net';

/**
 * Many viewers of one event stream in a process of its own, so that their reading is not the platform's time. Spoken to by
 * messages: `open` connects them; `measure` answers with how long each event of the given append times took to each.
 */
export type ToViewers =
  | {
      readonly do: 'open';
      readonly port: number;
      readonly path: string;
      readonly token: string;
      readonly viewers: number;
    }
  | { readonly do: 'measure'; readonly appended: readonly (readonly [position: number, atMs: number])[] };
export type FromViewers =
  | { readonly did: 'open' }
  | {
      readonly did: 'measure';
      readonly latenciesMs: readonly number[];
      readonly missing: number;
      readonly outOfOrder: number;
    };

const OPENING_AT_ONCE = 50;
/** Longer than any id line: what may be cut in two by a packet's end. */
const TAIL_CHARACTERS = 40;
const ID_LINE = /\nid: (\d+)\n/g;

const receipts = new Map<number, number[]>();
let outOfOrder = 0;
const nowMs = (): number => performance.timeOrigin + performance.now();

const receive = (position: number, atMs: number): void => {
  const seen = receipts.get(position);
  if (seen === undefined) receipts.set(position, [atMs]);
  else seen.push(atMs);
};

const read = (socket: Socket, onOpen: () => void): void => {
  let tail = '';
  let last = 0;
  let open = false;
  socket.on('data', (bytes) => {
    const atMs = nowMs();
    const text = tail + bytes.toString('latin1');
    let end = 0;
    for (const match of text.matchAll(ID_LINE)) {
      end = match.index + match[0].length - 1;
      const position = Number(match[1]);
      if (position <= last) outOfOrder += 1;
      last = position;
      // The first message is the snapshot.
      if (open) receive(position, atMs);
      else {
        open = true;
        onOpen();
      }
    }
    tail = text.slice(Math.max(end, text.length - TAIL_CHARACTERS));
  });
};

const openOne = (message: Extract<ToViewers, { do: 'open' }>): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: message.port });
    socket.on('error', reject).on('close', () => reject(new Error('the gateway ended a stream')));
    read(socket, resolve);
    socket.write(
      `GET ${message.path} HTTP/1.1\r\nHost: 127.0.0.1:${message.port}\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${message.token}\r\n\r\n`,
    );
  });

const answer = (message: FromViewers): void => void process.send?.(message);

const measure = (appended: Extract<ToViewers, { do: 'measure' }>['appended'], viewers: number): void => {
  const latenciesMs: number[] = [];
  let missing = 0;
  for (const [position, atMs] of appended) {
    const seen = receipts.get(position) ?? [];
    missing += viewers - seen.length;
    for (const seenMs of seen) latenciesMs.push(seenMs - atMs);
  }
  answer({ did: 'measure', latenciesMs, missing, outOfOrder });
  receipts.clear();
};

let viewers = 0;
process.on('message', (message: ToViewers) => {
  if (message.do === 'measure') return measure(message.appended, viewers);
  viewers = message.viewers;
  void (async () => {
    for (let opened = 0; opened < viewers; opened += OPENING_AT_ONCE)
      await Promise.all(Array.from({ length: Math.min(OPENING_AT_ONCE, viewers - opened) }, () => openOne(message)));
    answer({ did: 'open' });
  })();
});
process.on('disconnect', () => process.exit(0));
