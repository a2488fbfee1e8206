/**
 * The words between executor and init in a session. Both ways a frame is its kind (one letter), a number (32 bits, big-endian) that says
 * whose it is, the length of its payload (32 bits) and the payload; what init says is preceded by the session's nonce, and what it
 * is told has it behind the kind. A guest can write among what init says, but nothing in its name; and take away what init is told,
 * but not unnoticed.
 */

/** What init says. Of a call: `p` its process, `o` and `e` its output, `r` its end, `d` more output thrown away after it. */
const CALL_KINDS = ['p', 'o', 'e', 'r', 'd'] as const;
/** Of anything that was asked for: `a` done, `f` refused. Of files: `m` content, `h` the head of a snapshot's entry. */
const ANSWER_KINDS = ['a', 'f', 'm', 'h'] as const;
/** `q`: so many bytes were heard since the session began. Told each second. */
const OTHER_KINDS = ['q'] as const;
/** Of a forwarded connection: `C` it was made, `D` bytes, `E` no more of them, `K` it is gone, `W` so many bytes were taken. */
const CONNECTION_KINDS = ['C', 'D', 'E', 'K', 'W'] as const;

export type CallKind = (typeof CALL_KINDS)[number];
export type AnswerKind = (typeof ANSWER_KINDS)[number];
export type ConnectionKind = (typeof CONNECTION_KINDS)[number];
export type FrameKind = CallKind | AnswerKind | ConnectionKind | (typeof OTHER_KINDS)[number];

export interface Frame {
  readonly kind: FrameKind;
  readonly number: number;
  readonly payload: Buffer;
}

const kinds: ReadonlySet<string> = new Set([...CALL_KINDS, ...ANSWER_KINDS, ...OTHER_KINDS, ...CONNECTION_KINDS]);
const isKind = (letter: string): letter is FrameKind => kinds.has(letter);
const isOneOf =
  <K extends FrameKind>(some: readonly K[]) =>
  (kind: FrameKind): kind is K =>
    (some as readonly string[]).includes(kind);
export const isCallKind = isOneOf(CALL_KINDS);
export const isConnectionKind = isOneOf(CONNECTION_KINDS);

const HEAD_BYTES = 9;
/** Init sends less at a time. */
const PAYLOAD_BYTES_MAX = 1 << 17;

/** What came is not what init would say: nothing that follows can be trusted. The message goes on after "the first process". */
export class FrameForged extends Error {
  override readonly name = 'FrameForged';
}

/** Finds init's frames in its output. Holds one frame at most, whatever comes. */
export class FrameReader {
  readonly #nonce: Buffer;
  #held: Buffer = Buffer.alloc(0);
  #broken = false;

  constructor(nonce: string) {
    this.#nonce = Buffer.from(nonce, 'latin1');
  }

  /**
   * Whole frames, in order.
   * @throws FrameForged at the first byte that init would not have written, and from then on
   */
  *push(chunk: Uint8Array): Generator<Frame> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    this.#held = Buffer.alloc(0);
    for (let size = this.#sizeOf(rest); size !== null && size <= rest.length; size = this.#sizeOf(rest)) {
      const at = this.#nonce.length;
      yield {
        kind: String.fromCharCode(rest[at] ?? 0) as FrameKind,
        number: rest.readUInt32BE(at + 1),
        payload: rest.subarray(at + HEAD_BYTES, size),
      };
      rest = rest.subarray(size);
    }
    // A copy: a held slice would keep the whole chunk alive.
    this.#held = Buffer.from(rest);
  }

  /** Of the frame that begins here, with its head; null where that has not come whole. */
  #sizeOf(bytes: Buffer): number | null {
    const at = this.#nonce.length;
    const known = Math.min(at, bytes.length);
    if (this.#broken || !bytes.subarray(0, known).equals(this.#nonce.subarray(0, known))) this.#refuse();
    if (bytes.length > at && !isKind(String.fromCharCode(bytes[at] ?? 0))) this.#refuse();
    if (bytes.length < at + HEAD_BYTES) return null;
    const payloadBytes = bytes.readUInt32BE(at + 5);
    if (payloadBytes > PAYLOAD_BYTES_MAX) this.#refuse();
    return at + HEAD_BYTES + payloadBytes;
  }

  #refuse(): never {
    this.#broken = true;
    throw new FrameForged('was spoken over from inside: what came is none of its frames');
  }
}

/**
 * What init is told: `c` close. Of a call: `i` a piece of its input, `x` run it, `k` kill it. Of a file: `w` write it, `d` a piece of it, `e` that was
 * all, `r` read it; `n` a snapshot of all files. `L` listen; of a connection as above.
 */
export type TaskKind = 'c' | 'i' | 'x' | 'k' | 'w' | 'd' | 'e' | 'r' | 'n' | 'L' | Exclude<ConnectionKind, 'C'>;

/** A frame but for the nonce. */
export const encodeFrame = (kind: TaskKind, number: number, ...parts: readonly Uint8Array[]): Buffer => {
  const head = Buffer.alloc(HEAD_BYTES);
  head.write(kind, 'latin1');
  head.writeUInt32BE(number, 1);
  head.writeUInt32BE(
    parts.reduce((size, { byteLength }) => size + byteLength, 0),
    5,
  );
  return Buffer.concat([head, ...parts]);
};

/** As init takes it. */
export const signFrame = (nonce: string, frame: Buffer): Buffer =>
  Buffer.concat([frame.subarray(0, 1), Buffer.from(nonce, 'latin1'), frame.subarray(1)]);

/** What init takes of one piece of input, file or connection. */
export const PIECE_BYTES_MAX = 60_000;

/** Bytes in frames of a bounded size, in order; none for no bytes. */
export const encodePieces = (kind: TaskKind, number: number, bytes: Uint8Array): Buffer[] => {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES_MAX) {
    frames.push(encodeFrame(kind, number, bytes.subarray(at, at + PIECE_BYTES_MAX)));
  }
  return frames;
};

/** The most that `x` may hold: init refuses to take more at once. */
export const LAUNCH_BYTES_MAX = 1_000_000;

/** How a call ended, as init saw it. */
export interface CallReport {
  /** `end`: its program ended. `swept`: it went with another call that was killed, or with the session. */
  readonly cause: 'end' | 'time' | 'output' | 'killed' | 'swept';
  /** As of wait(2). */
  readonly waitStatus: number;
  readonly elapsedMs: number;
  readonly bytesDropped: number;
  readonly tasksLeft: number;
  readonly diskFull: boolean;
  readonly atTasksMax: boolean;
}

const REPORT = /^(end|time|output|killed|swept) (\d{1,6}) (\d{1,12}) (\d{1,16}) (\d{1,6}) ([01]) ([01])$/;

/** Null when the payload is not one init would write. */
export const parseCallReport = (payload: Buffer): CallReport | null => {
  const found = REPORT.exec(payload.toString('latin1'));
  if (found === null) return null;
  const [waitStatus = 0, elapsedMs = 0, bytesDropped = 0, tasksLeft = 0, disk = 0, tasks = 0] = found
    .slice(2)
    .map(Number);
  return {
    cause: found[1] as CallReport['cause'],
    waitStatus,
    elapsedMs,
    bytesDropped,
    tasksLeft,
    diskFull: disk === 1,
    atTasksMax: tasks === 1,
  };
};

/** A count, or null when the payload is none. */
export const parseCount = (payload: Buffer): number | null => {
  const text = payload.toString('latin1');
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
};

/** `f` a file, `l` a link, `s` something special, `b` too big, `u` unreadable, `n` badly named or too deep. */
export type EntryKind = 'f' | 'l' | 's' | 'b' | 'u' | 'n';

export interface EntryHead {
  readonly kind: EntryKind;
  readonly mode: number;
  /** As the guest named it. */
  readonly path: Buffer;
}

/** Null when the payload is not one init would write. */
export const parseEntryHead = (payload: Buffer): EntryHead | null => {
  const found = /^([flsbun]) (\d{1,4}) /.exec(payload.subarray(0, 8).toString('latin1'));
  if (found === null) return null;
  return { kind: found[1] as EntryKind, mode: Number(found[2]), path: payload.subarray(found[0].length) };
};
