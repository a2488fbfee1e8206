/**
 * `crucible-export/1`: a log, or one evaluation of it, as lines of JSON that can be checked without the log.
 *
 * 1. `export`, the header.
 * 2. Of a whole log: every `event` from position 1 on. Behind the event at which a checkpoint was signed come the `leaves`
 *    since the checkpoint before, if the maker kept them, and the `checkpoint`s of that size. (A checkpoint of size 0
 *    comes before the first event.) Of one evaluation: one `checkpoint` over the whole log, then its events, each with
 *    a `proof`.
 * 3. `content`: the suites that the events name.
 * 4. `evidence`, when the header says so: the chunks of each seal, in the order of the seals.
 * 5. `end`, with counts: a file without it is truncated.
 *
 * A line has its members in the order written here, each once, without blanks, as JSON.stringify writes them: there is
 * one way to read it.
 */
export const EXPORT_FORMAT = 'crucible-export/1';

/** Bounds of what a reader takes, for whoever writes. */
export const exportBounds = {
  eventBytesMax: 65_535,
  /** An escaped byte is at most six characters of JSON. */
  eventLineBytesMax: 524_288,
  subjectCharactersMax: 500,
  messageIdCharactersMax: 500,
  /** Hashes in one `leaves` line. */
  leavesMax: 4_096,
  /** Payload of one chunk of evidence. */
  chunkBytesMax: 1_048_576,
  /** A suite, which is the largest content. */
  contentBytesMax: 50_331_648,
  lineBytesMax: 67_108_864,
  headersMax: 64,
} as const;

export interface HeaderLine {
  readonly kind: 'export';
  readonly format: typeof EXPORT_FORMAT;
  /** Name of the log. */
  readonly origin: string;
  /** The one evaluation whose events these are, or null for the whole log. */
  readonly evaluationId: string | null;
  /** Size of the last checkpoint, which covers everything in the file. */
  readonly size: number;
  /** ISO 8601. Says when, and is vouched for by nothing. */
  readonly createdAt: string;
  /** Whether evidence is in the file. Left out of an export that is made only to check the log. */
  readonly evidence: boolean;
}

export interface EventLine {
  readonly kind: 'event';
  readonly position: number;
  readonly subject: string;
  readonly messageId: string | null;
  /** The bytes as stored. In the file they are `body`, or `bodyBase64` when they are no UTF-8. */
  readonly body: Uint8Array;
  /** The path from this event's leaf to the root of the checkpoint; only in an export of one evaluation. */
  readonly proof?: readonly Uint8Array[];
}

/**
 * Leaf hashes as the maker computed them when the events came in. They are believed only if they make up a signed root,
 * and then tell which event is not what it was.
 */
export interface LeavesLine {
  readonly kind: 'leaves';
  /** Position of the event that the first hash is of. */
  readonly first: number;
  readonly hashes: readonly Uint8Array[];
}

export interface CheckpointLine {
  readonly kind: 'checkpoint';
  /** Place of the note in the stream of checkpoints. */
  readonly sequence: number;
  readonly note: string;
}

export interface ContentLine {
  readonly kind: 'content';
  /** SHA-256 of the body, in hex. */
  readonly digest: string;
  readonly body: Uint8Array;
}

export interface EvidenceLine {
  readonly kind: 'evidence';
  readonly evaluationId: string;
  readonly trialId: string;
  readonly channel: string;
  /** Ascends within a channel. */
  readonly sequence: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface EndLine {
  readonly kind: 'end';
  readonly events: number;
  readonly checkpoints: number;
  readonly contents: number;
  readonly evidence: number;
}

export type ExportLine = HeaderLine | EventLine | LeavesLine | CheckpointLine | ContentLine | EvidenceLine | EndLine;
