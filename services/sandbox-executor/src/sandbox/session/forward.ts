import { Duplex } from 'node:stream';
import type { ForwardBounds } from '../port.ts';
import { PIECE_BYTES_MAX, encodeFrame, encodePieces, type ConnectionKind } from './frames.ts';

/** As in forward.py: what either side may send beyond what the other has taken. */
const WINDOW_BYTES = 1 << 16;

type Send = (frame: Buffer) => void;

const count = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** One connection that a guest made. It holds no more than a window each way, whoever is slow. */
class ForwardedConnection extends Duplex {
  readonly #number: number;
  readonly #send: Send;
  readonly #onBytes: (bytes: number) => void;
  /** Came from the guest, and waits until it is wanted: its room is given back then. */
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #wanted = false;
  #room = WINDOW_BYTES;
  #writing: { rest: Buffer; readonly done: () => void } | null = null;
  #heardEnd = false;
  #saidEnd = false;
  #saidNull = false;
  #gone = false;

  constructor(number: number, send: Send, onBytes: (bytes: number) => void) {
    super();
    this.#number = number;
    this.#send = send;
    this.#onBytes = onBytes;
    // Whoever takes it hears of its errors; nobody else is to be ended by them.
    this.on('error', () => undefined);
  }

  hear(kind: Exclude<ConnectionKind, 'C'>, payload: Buffer): void {
    if (this.destroyed) return;
    if (kind === 'D') this.#take(payload);
    else if (kind === 'W') this.#give(payload.length === 4 ? payload.readUInt32BE() : 0);
    else if (kind === 'E') {
      this.#heardEnd = true;
      this.#handOn();
    } else this.cut('the guest broke the connection');
  }

  /** It is no more in the sandbox. What had come before its good end can still be read. */
  cut(why: string): void {
    this.#gone = true;
    if (!this.#heardEnd || !this.#saidEnd) this.destroy(new Error(why));
  }

  override _read(): void {
    this.#wanted = true;
    this.#handOn();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#writing = { rest: chunk, done };
    this.#sendOn();
  }

  override _final(done: () => void): void {
    this.#saidEnd = true;
    if (!this.#gone) this.#send(encodeFrame('E', this.#number));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#gone) this.#send(encodeFrame('K', this.#number));
    this.#gone = true;
    done(error);
  }

  #take(payload: Buffer): void {
    this.#waitingBytes += payload.length;
    if (this.#waitingBytes > WINDOW_BYTES) {
      this.destroy(new Error('the guest sent more than there was room for'));
      return;
    }
    this.#onBytes(payload.length);
    this.#waiting.push(Buffer.from(payload));
    this.#handOn();
  }

  #handOn(): void {
    while (this.#wanted && !this.destroyed) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#waitingBytes -= next.length;
      this.#wanted = this.push(next);
      if (!this.#gone) this.#send(encodeFrame('W', this.#number, count(next.length)));
    }
    if (this.#heardEnd && this.#waiting.length === 0 && !this.#saidNull) {
      this.#saidNull = true;
      this.push(null);
    }
  }

  #give(room: number): void {
    this.#room = Math.min(this.#room + room, WINDOW_BYTES);
    this.#sendOn();
  }

  #sendOn(): void {
    if (this.#writing === null || this.destroyed) return;
    const now = this.#writing.rest.subarray(0, Math.min(this.#room, PIECE_BYTES_MAX));
    if (now.length === 0 && this.#writing.rest.length > 0) return;
    this.#room -= now.length;
    for (const frame of encodePieces('D', this.#number, now)) this.#send(frame);
    this.#onBytes(now.length);
    this.#writing.rest = this.#writing.rest.subarray(now.length);
    if (this.#writing.rest.length > 0) return this.#sendOn();
    const { done } = this.#writing;
    this.#writing = null;
    done();
  }
}

interface Door {
  readonly onConnection: (connection: Duplex) => void;
  bytesLeft: number;
  readonly connections: Set<ForwardedConnection>;
}

/** The connections of one session, by the listeners they came through. */
export class Forwarding {
  readonly #send: Send;
  readonly #doors = new Map<number, Door>();
  readonly #connections = new Map<number, ForwardedConnection>();

  constructor(send: Send) {
    this.#send = send;
  }

  /** Before init is asked to listen: a connection may come with its answer. */
  add(listener: number, onConnection: (connection: Duplex) => void, { bytesMax }: ForwardBounds): void {
    this.#doors.set(listener, { onConnection, bytesLeft: bytesMax, connections: new Set() });
  }

  hear(number: number, kind: ConnectionKind, payload: Buffer): void {
    if (kind === 'C') return this.#connect(number, payload.length === 4 ? payload.readUInt32BE() : 0);
    this.#connections.get(number)?.hear(kind, payload);
    if (kind === 'K') this.#connections.delete(number);
  }

  gone(): void {
    for (const connection of this.#connections.values()) connection.cut('the sandbox has ended');
    this.#connections.clear();
  }

  #connect(number: number, listener: number): void {
    const door = this.#doors.get(listener);
    if (door === undefined || door.bytesLeft < 0) return this.#send(encodeFrame('K', number));
    const connection = new ForwardedConnection(number, this.#send, (bytes) => this.#count(door, bytes));
    this.#connections.set(number, connection);
    door.connections.add(connection);
    connection.on('close', () => {
      door.connections.delete(connection);
      this.#connections.delete(number);
    });
    door.onConnection(connection);
  }

  #count(door: Door, bytes: number): void {
    door.bytesLeft -= bytes;
    if (door.bytesLeft >= 0) return;
    for (const connection of door.connections)
      connection.destroy(new Error('the bound on forwarded bytes was reached'));
  }
}
