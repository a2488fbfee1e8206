const MARK = '\0crucible:';
const NEWLINE = 0x0a;
/** The longest is what init finds in its sandbox: some proc files of a few kilobytes. */
const RECORD_BYTES_MAX = 65_536;

/** A part of a stream: bytes that somebody wrote, or a record of init. */
export type GuestPart = { readonly bytes: Buffer } | { readonly record: string };

/**
 * Finds init's records in a stream that hostile code also writes to. A record is the mark, a nonce the guest cannot
 * know, `:`, text and a newline. Bytes are handed on at once, except a tail that could be the beginning of a record.
 */
export class RecordReader {
  readonly #pattern: Buffer;
  #held: Buffer = Buffer.alloc(0);
  #inRecord = false;

  constructor(nonce: string) {
    this.#pattern = Buffer.from(`${MARK}${nonce}:`, 'latin1');
  }

  /** Parts in the order they were written; none is empty bytes. */
  push(chunk: Uint8Array): GuestPart[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let rest = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    this.#held = Buffer.alloc(0);
    const parts: GuestPart[] = [];
    while (rest.length > 0) rest = this.#inRecord ? this.#takeRecord(rest, parts) : this.#takeBytes(rest, parts);
    return parts;
  }

  /** What was held back when the stream ended: no record will come of it. */
  flush(): Buffer {
    const rest = this.#inRecord ? Buffer.alloc(0) : this.#held;
    this.#held = Buffer.alloc(0);
    return rest;
  }

  #takeBytes(all: Buffer, parts: GuestPart[]): Buffer {
    const at = all.indexOf(this.#pattern);
    this.#inRecord = at >= 0;
    const end = at >= 0 ? at : all.length - this.#tailThatMayBegin(all);
    if (end > 0) parts.push({ bytes: all.subarray(0, end) });
    if (at >= 0) return all.subarray(at + this.#pattern.length);
    // A copy: a held slice would keep the whole chunk alive.
    this.#held = Buffer.from(all.subarray(end));
    return Buffer.alloc(0);
  }

  #takeRecord(all: Buffer, parts: GuestPart[]): Buffer {
    const end = all.subarray(0, RECORD_BYTES_MAX).indexOf(NEWLINE);
    if (end < 0) {
      this.#held = Buffer.from(all.subarray(0, RECORD_BYTES_MAX));
      return Buffer.alloc(0);
    }
    this.#inRecord = false;
    parts.push({ record: all.subarray(0, end).toString('latin1') });
    return all.subarray(end + 1);
  }

  #tailThatMayBegin(bytes: Buffer): number {
    for (let size = Math.min(bytes.length, this.#pattern.length - 1); size > 0; size -= 1) {
      if (bytes.subarray(bytes.length - size).equals(this.#pattern.subarray(0, size))) return size;
    }
    return 0;
  }
}

/** What init found in its sandbox, by name: texts of proc files and the like, as they were read. */
export type GuestFindings = ReadonlyMap<string, string>;

/** Null when the record is not one init would write. */
export const parseProbeRecord = (record: string): GuestFindings | null => {
  if (!record.startsWith('probed ')) return null;
  const entries = record
    .slice('probed '.length)
    .split('\x1f')
    .map((entry): [string, string] => {
      const colon = entry.indexOf(':');
      return [entry.slice(0, colon), entry.slice(colon + 1).replaceAll('\x1e', '\n')];
    });
  return new Map(entries);
};

/** What init says before the program starts: it did start it, or why it would not. */
export type StartRecord = { readonly started: true } | { readonly started: false; readonly why: string };

export const parseStartRecord = (record: string): StartRecord =>
  record === 'started' ? { started: true } : { started: false, why: record.replace(/^refused /, '') };

/** What init counts about once a second. */
export interface GuestUsage {
  readonly diskBytes: number;
  readonly tmpBytes: number;
  readonly tasks: number;
}

const USAGE = /^usage \d{1,9} (\d{1,16}) (\d{1,16}) (\d{1,6})$/;

/** Null when the record is another one. */
export const parseUsageRecord = (record: string): GuestUsage | null => {
  const found = USAGE.exec(record);
  return found === null ? null : { diskBytes: Number(found[1]), tmpBytes: Number(found[2]), tasks: Number(found[3]) };
};

/** What init saw at the end. It is written by our own code in the guest, and no guest can forge it without its nonce. */
export interface GuestReport {
  /**
   * `end`: the program ended. `told`: we said stop. `terminated`: the engine did. `abandoned`: whoever attached the sandbox
   * is gone. `overdue`: nobody ended it. `robbed`: what a session's init heard was not all it was told.
   */
  readonly cause: 'end' | 'told' | 'terminated' | 'abandoned' | 'overdue' | 'robbed';
  /** As of wait(2): exit code times 256, or the number of a signal. */
  readonly waitStatus: number;
  readonly elapsedMs: number;
  readonly freeBytesAtEnd: number;
  readonly freeBytesMin: number;
  readonly tasksPeak: number;
  readonly atTasksMax: boolean;
  /** A file has exactly the size that no file may outgrow. */
  readonly atFileMax: boolean;
  readonly diskBytes: number;
  readonly tmpBytes: number;
}

const REPORT =
  /^ended (end|told|terminated|abandoned|overdue|robbed) (\d{1,6}) (\d{1,12}) (\d{1,16}) (\d{1,16}) (\d{1,6}) ([01]) ([01]) (\d{1,16}) (\d{1,16})$/;

/** Null when the record is not one init would write. */
export const parseEndRecord = (record: string): GuestReport | null => {
  const found = REPORT.exec(record);
  if (found === null) return null;
  const [, cause, ...fields] = found;
  const [waitStatus = 0, elapsedMs = 0, freeBytesAtEnd = 0, freeBytesMin = 0, tasksPeak = 0, ...rest] =
    fields.map(Number);
  const [atTasksMax = 0, atFileMax = 0, diskBytes = 0, tmpBytes = 0] = rest;
  return {
    cause: cause as GuestReport['cause'],
    waitStatus,
    elapsedMs,
    freeBytesAtEnd,
    freeBytesMin,
    tasksPeak,
    atTasksMax: atTasksMax === 1,
    atFileMax: atFileMax === 1,
    diskBytes,
    tmpBytes,
  };
};
