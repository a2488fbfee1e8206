import { asUntrusted } from '@crucible/events';
import { number, pathRefusal } from '../header.ts';
import { WORK_FOLDER } from '../host-config.ts';
import type { LeftOut, ReadEnd, Refused, SnapshotEnd, SnapshotFile, SnapshotRequest, WriteEnd } from '../port.ts';
import {
  FrameForged,
  encodeFrame,
  encodePieces,
  parseCount,
  parseEntryHead,
  type AnswerKind,
  type EntryHead,
  type EntryKind,
} from './frames.ts';

const REQUESTS_AT_ONCE_MAX = 16;
const MODE_MAX = 0o777;
const gone = { kind: 'sandbox-gone' } as const;

/** Something that was asked of init and is answered in one frame or many. */
interface Pending {
  /** Whether this was the last of it. @throws FrameForged when init would not say that */
  hear(kind: Exclude<AnswerKind, 'f'>, payload: Buffer): boolean;
  end(refused: Refused): void;
}

type Send = (frame: Buffer) => void;

/** A path as people and models write it, made relative to the work folder. */
const relative = (path: string): string =>
  (path.startsWith(`${WORK_FOLDER}/`) ? path.slice(WORK_FOLDER.length + 1) : path).replace(/^(?:\.\/+)+/, '');

const workPath = (path: string): { readonly path: string } | { readonly why: string } => {
  const made = relative(path);
  const why = pathRefusal(made);
  return why === null ? { path: made } : { why: `path ${JSON.stringify(path.slice(0, 100))} ${why}` };
};

/** The absolute path by which the kernel tells of a file that is asked for by `path`; null for a path that is refused unseen. */
export const openedPath = (path: string): string | null => {
  const at = workPath(path);
  return 'why' in at ? null : `${WORK_FOLDER}/${at.path}`;
};

const bytesRefusal = (name: string, bytes: number, most: number): string | null =>
  Number.isInteger(bytes) && bytes >= 0 && bytes <= most ? null : `${name} is ${bytes}, and 0 to ${most} is allowed`;

const noCount = (bytesMax: number): string => `bytesMax is ${bytesMax}, and a count is needed`;

const forged = (): never => {
  throw new FrameForged('answered what was not asked');
};

/** Content that comes in pieces, up to a bound that init keeps as well. */
class Content {
  readonly #parts: Buffer[] = [];
  #bytesLeft: number;

  constructor(bytesMax: number) {
    this.#bytesLeft = bytesMax;
  }

  get bytesLeft(): number {
    return this.#bytesLeft;
  }

  add(bytes: Buffer): void {
    this.#bytesLeft -= bytes.length;
    if (this.#bytesLeft < 0) forged();
    this.#parts.push(Buffer.from(bytes));
  }

  take(): Buffer {
    return Buffer.concat(this.#parts.splice(0));
  }
}

/** Requests about files of one session, and others that init answers alike. */
export class Requests {
  readonly #pending = new Map<number, Pending>();
  readonly #send: Send;
  readonly #diskBytesMax: number;

  constructor(send: Send, diskBytesMax: number) {
    this.#send = send;
    this.#diskBytesMax = diskBytesMax;
  }

  write(id: number, path: string, content: Uint8Array, mode: number): Promise<WriteEnd> {
    const at = workPath(path);
    if ('why' in at) return refuse(at.why);
    if (!Number.isInteger(mode) || mode < 0 || mode > MODE_MAX) return refuse('mode must be within 0 and 0o777');
    const why = bytesRefusal('content', content.byteLength, this.#diskBytesMax);
    if (why !== null) return refuse(why);
    return this.#ask<WriteEnd>(id, (done) => {
      this.#send(encodeFrame('w', id, number(mode), Buffer.from(at.path)));
      for (const frame of encodePieces('d', id, content)) this.#send(frame);
      this.#send(encodeFrame('e', id));
      return (kind) => (kind === 'a' ? done({ kind: 'written' }) : forged());
    });
  }

  read(id: number, path: string, asked: number): Promise<ReadEnd> {
    const at = workPath(path);
    if ('why' in at) return refuse(at.why);
    const bytesMax = this.#bound(asked);
    if (bytesMax === null) return refuse(noCount(asked));
    const content = new Content(bytesMax);
    return this.#ask<ReadEnd>(id, (done) => {
      this.#send(encodeFrame('r', id, number(bytesMax), Buffer.from(at.path)));
      return (kind, payload) => {
        if (kind === 'm') return void content.add(payload);
        const sizeBytes = kind === 'a' ? parseCount(payload) : null;
        if (sizeBytes === null) return forged();
        done({ kind: 'read', content: asUntrusted<Uint8Array>(content.take()), sizeBytes });
      };
    });
  }

  snapshot(id: number, { bytesMax: asked, still }: SnapshotRequest): Promise<SnapshotEnd> {
    const bytesMax = this.#bound(asked);
    if (bytesMax === null) return refuse(noCount(asked));
    const entries = new Entries(bytesMax);
    return this.#ask<SnapshotEnd>(id, (done) => {
      this.#send(encodeFrame('n', id, number(bytesMax), number(still ? 1 : 0)));
      return (kind, payload) => {
        if (kind === 'h') entries.head(payload);
        else if (kind === 'm') entries.content(payload);
        else done(entries.end(parseCount(payload) === 1));
      };
    });
  }

  /** No more than the disk holds could come, whatever is asked for. Null for what is no count. */
  #bound(bytesMax: number): number | null {
    return Number.isInteger(bytesMax) && bytesMax >= 0 ? Math.min(bytesMax, this.#diskBytesMax) : null;
  }

  /** @param onAnswer gives the end for what init answers, or null when that is no answer */
  ask<End>(id: number, frame: Buffer, onAnswer: (payload: Buffer) => End | null): Promise<End | Refused> {
    return this.#ask<End | Refused>(id, (done) => {
      this.#send(frame);
      return (kind, payload) => {
        const end = kind === 'a' ? onAnswer(payload) : null;
        if (end === null) return forged();
        done(end);
      };
    });
  }

  /** @throws FrameForged when init would not say that */
  hear(id: number, kind: Exclude<AnswerKind, 'f'>, payload: Buffer): void {
    const pending = this.#pending.get(id) ?? forged();
    if (pending.hear(kind, payload)) this.#pending.delete(id);
  }

  refused(id: number, why: string): boolean {
    this.#pending.get(id)?.end({ kind: 'refused', why });
    return this.#pending.delete(id);
  }

  gone(): void {
    for (const pending of this.#pending.values()) pending.end(gone);
    this.#pending.clear();
  }

  #ask<End>(
    id: number,
    begin: (done: (end: End | Refused) => void) => (kind: Exclude<AnswerKind, 'f'>, payload: Buffer) => void,
  ): Promise<End | Refused> {
    if (this.#pending.size >= REQUESTS_AT_ONCE_MAX)
      return refuse(`${REQUESTS_AT_ONCE_MAX} requests are under way already`);
    return new Promise((resolve) => {
      let over = false;
      const done = (end: End | Refused): void => {
        over = true;
        resolve(end);
      };
      const take = begin(done);
      this.#pending.set(id, {
        hear: (kind, payload) => {
          take(kind, payload);
          return over;
        },
        end: done,
      });
    });
  }
}

const refuse = (why: string): Promise<Refused> => Promise.resolve({ kind: 'refused', why });

const whyLeftOut: Readonly<Record<Exclude<EntryKind, 'f'>, LeftOut['why']>> = {
  l: 'link',
  s: 'special',
  b: 'too-big',
  u: 'unreadable',
  n: 'name',
};

const textOf = (bytes: Buffer): string | null => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
};

/** Entries of a snapshot as they come: each file's head, then its content. */
class Entries {
  readonly #content: Content;
  readonly #files: SnapshotFile[] = [];
  readonly #leftOut: LeftOut[] = [];
  #open: EntryHead | null = null;

  constructor(bytesMax: number) {
    this.#content = new Content(bytesMax);
  }

  head(payload: Buffer): void {
    this.#finish();
    const head = parseEntryHead(payload) ?? forged();
    if (head.kind === 'f') this.#open = { ...head, path: Buffer.from(head.path) };
    else this.#leaveOut(head.path, whyLeftOut[head.kind]);
  }

  content(bytes: Buffer): void {
    if (this.#open === null) forged();
    this.#content.add(bytes);
  }

  end(complete: boolean): SnapshotEnd {
    this.#finish();
    const files = this.#files.sort((one, other) => (one.path < other.path ? -1 : 1));
    return { kind: 'taken', files, leftOut: this.#leftOut, complete };
  }

  #finish(): void {
    const open = this.#open;
    this.#open = null;
    if (open === null) return;
    const content = asUntrusted<Uint8Array>(this.#content.take());
    const path = textOf(open.path);
    // It goes to another sandbox, below its work folder: the same rule as for every file that is put into one.
    if (path === null || pathRefusal(path) !== null) this.#leaveOut(open.path, 'name');
    else this.#files.push({ path, mode: open.mode, content });
  }

  #leaveOut(path: Buffer, why: LeftOut['why']): void {
    this.#leftOut.push({ path: asUntrusted(path.toString('utf8')), why });
  }
}
