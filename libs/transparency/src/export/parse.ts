import { fromBase64, fromUtf8 } from '../bytes.ts';
import { HASH_BYTES } from '../merkle.ts';
import { PROOF_HASHES_MAX } from '../proof.ts';
import {
  encodeCheckpointLine,
  encodeEndLine,
  encodeEvidenceLine,
  encodeHeaderLine,
  encodeLeavesLine,
} from './encode.ts';
import { EXPORT_FORMAT, exportBounds } from './format.ts';
import type { EventLine, ExportLine } from './format.ts';

/** Why a line is none of the format. */
export interface Malformed {
  readonly kind: 'malformed';
  readonly reason: string;
}

/** An event whose body is still text where it was text: most readers need it that way, and never as bytes. */
export type EventText = Omit<EventLine, 'body'> & { readonly body: string | Uint8Array };

const malformed = (reason: string): Malformed => ({ kind: 'malformed', reason });

/** The only way an event may be written; string literals are judged by JSON.parse, so nothing can hide in the body's. */
const EVENT =
  /^\{"kind":"event","position":([1-9]\d{0,15}),"subject":("(?:[^"\\]|\\.)*"),"messageId":(null|"(?:[^"\\]|\\.)*"),"body(Base64)?":(".*")(?:,"proof":(\[[^[\]]*\]))?\}$/s;
const CONTENT = /^\{"kind":"content","digest":"([0-9a-f]{64})","bodyBase64":"([A-Za-z0-9+/]*={0,2})"\}$/;

/** A parsed JSON text; undefined when it is none. JSON has no undefined of its own. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const textOf = (literal: string, charactersMax: number): string | undefined => {
  const text = parseJson(literal);
  // A lone surrogate has no UTF-8: two different lines would stand for the same bytes.
  return typeof text === 'string' && text.length <= charactersMax && text.isWellFormed() ? text : undefined;
};

const hashesOf = (texts: unknown): readonly Uint8Array[] | undefined => {
  if (!Array.isArray(texts) || texts.length > PROOF_HASHES_MAX) return undefined;
  const hashes = texts.map((text) => (typeof text === 'string' ? fromBase64(text) : undefined));
  return hashes.every((hash) => hash?.length === HASH_BYTES) ? (hashes as readonly Uint8Array[]) : undefined;
};

const bodyOf = (literal: string, base64: boolean): string | Uint8Array | undefined => {
  const text = textOf(literal, exportBounds.eventLineBytesMax);
  if (!base64 || text === undefined) return text;
  const bytes = fromBase64(text);
  return bytes === undefined || fromUtf8(bytes) !== undefined ? undefined : bytes;
};

/** How nearly every event begins: nothing escaped before the body. The y flag holds it to the beginning. */
const PLAIN =
  /\{"kind":"event","position":([1-9]\d{0,14}),"subject":"([^"\\\x00-\x1f]*)","messageId":(?:null|"([^"\\\x00-\x1f]*)"),"body":/y;

/**
 * The usual event without a proof, read in a third of the time; undefined leaves it to the whole pattern. It takes
 * nothing that the pattern would not: what is behind the beginning must be one string and the closing brace.
 */
const parsePlain = (line: string): EventText | undefined => {
  PLAIN.lastIndex = 0;
  const match = PLAIN.exec(line);
  if (match === null || !line.endsWith('}')) return undefined;
  const body = parseJson(line.slice(PLAIN.lastIndex, -1));
  if (typeof body !== 'string' || !body.isWellFormed()) return undefined;
  const [, digits, subject = '', messageId = null] = match;
  // What is too long is left to the pattern to refuse.
  if (subject.length > exportBounds.subjectCharactersMax) return undefined;
  if (messageId !== null && messageId.length > exportBounds.messageIdCharactersMax) return undefined;
  return { kind: 'event', position: Number(digits), subject, messageId, body };
};

/** Reads an event's line. */
export const parseEvent = (line: string): EventText | Malformed => {
  if (line.length > exportBounds.eventLineBytesMax) return malformed('an event is longer than an event can be');
  const plain = parsePlain(line);
  if (plain !== undefined) return plain;
  const match = EVENT.exec(line);
  if (match === null) return malformed('an event is not written as the format has it');
  const [, digits, subjectText = '', messageIdText = '', base64, bodyText = '', proofText] = match;
  const position = Number(digits);
  const subject = textOf(subjectText, exportBounds.subjectCharactersMax);
  const messageId = messageIdText === 'null' ? null : textOf(messageIdText, exportBounds.messageIdCharactersMax);
  const body = bodyOf(bodyText, base64 !== undefined);
  if (!Number.isSafeInteger(position) || subject === undefined || messageId === undefined || body === undefined)
    return malformed('a member of an event is not what the format has there');
  if (proofText === undefined) return { kind: 'event', position, subject, messageId, body };
  const proof = hashesOf(parseJson(proofText));
  return proof === undefined
    ? malformed('the proof of an event is no list of hashes')
    : { kind: 'event', position, subject, messageId, body, proof };
};

type Members = Readonly<Record<string, unknown>>;

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isText = (value: unknown, charactersMax = 500): value is string =>
  typeof value === 'string' && value.length <= charactersMax && value.isWellFormed();

const isHeaders = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).length <= exportBounds.headersMax &&
  Object.entries(value).every(([name, text]) => isText(name) && isText(text, 10_000));

const splitHashes = (bytes: Uint8Array): readonly Uint8Array[] =>
  Array.from({ length: bytes.length / HASH_BYTES }, (_, at) => bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES));

const readHeader = (members: Members): ExportLine | undefined => {
  const { format, origin, evaluationId, size, createdAt, evidence } = members;
  if (format !== EXPORT_FORMAT || !isText(origin) || !isCount(size) || !isText(createdAt)) return undefined;
  if ((evaluationId !== null && !isText(evaluationId)) || typeof evidence !== 'boolean') return undefined;
  return { kind: 'export', format, origin, evaluationId, size, createdAt, evidence };
};

const readLeaves = ({ first, hashes }: Members): ExportLine | undefined => {
  if (!isCount(first) || typeof hashes !== 'string') return undefined;
  const bytes = fromBase64(hashes);
  if (bytes === undefined || bytes.length === 0 || bytes.length % HASH_BYTES !== 0) return undefined;
  return bytes.length > exportBounds.leavesMax * HASH_BYTES
    ? undefined
    : { kind: 'leaves', first, hashes: splitHashes(bytes) };
};

const readCheckpoint = ({ sequence, note }: Members): ExportLine | undefined =>
  isCount(sequence) && isText(note, 70_000) ? { kind: 'checkpoint', sequence, note } : undefined;

const readEvidence = (members: Members): ExportLine | undefined => {
  const { evaluationId, trialId, channel, sequence, headers, bodyBase64 } = members;
  if (!isText(evaluationId) || !isText(trialId) || !isText(channel) || !isCount(sequence) || !isHeaders(headers))
    return undefined;
  const body = typeof bodyBase64 === 'string' ? fromBase64(bodyBase64) : undefined;
  if (body === undefined || body.length > exportBounds.chunkBytesMax) return undefined;
  return { kind: 'evidence', evaluationId, trialId, channel, sequence, headers, body };
};

const readEnd = ({ events, checkpoints, contents, evidence }: Members): ExportLine | undefined =>
  isCount(events) && isCount(checkpoints) && isCount(contents) && isCount(evidence)
    ? { kind: 'end', events, checkpoints, contents, evidence }
    : undefined;

const SHORT = exportBounds.eventLineBytesMax;
/** By kind: the longest line, its members read, and the line they make, which must be the very same. */
const kinds = {
  export: { charactersMax: SHORT, read: readHeader },
  leaves: { charactersMax: SHORT, read: readLeaves },
  checkpoint: { charactersMax: SHORT, read: readCheckpoint },
  evidence: { charactersMax: exportBounds.chunkBytesMax * 2 + 1_048_576, read: readEvidence },
  end: { charactersMax: SHORT, read: readEnd },
} as const;
type Kind = keyof typeof kinds;
const isKind = (kind: string): kind is Kind => Object.hasOwn(kinds, kind);

const spell = (line: ExportLine): string | undefined => {
  switch (line.kind) {
    case 'export':
      return encodeHeaderLine(line);
    case 'leaves':
      return encodeLeavesLine(line);
    case 'checkpoint':
      return encodeCheckpointLine(line);
    case 'evidence':
      return encodeEvidenceLine(line);
    case 'end':
      return encodeEndLine(line);
    default:
      return undefined;
  }
};

const parseContent = (text: string): ExportLine | Malformed => {
  const [, digest, base64] = CONTENT.exec(text) ?? [];
  const body = base64 === undefined ? undefined : fromBase64(base64);
  if (digest === undefined || body === undefined || body.length > exportBounds.contentBytesMax)
    return malformed('a content is not written as the format has it');
  return { kind: 'content', digest, body };
};

export const isEventLine = (line: string): boolean => line.startsWith('{"kind":"event",');

/**
 * Reads one line, without its newline. Never throws. A line is taken only in its one spelling, so that no member can be
 * there twice or be read in two ways.
 */
export const parseLine = (text: string): ExportLine | EventText | Malformed => {
  if (isEventLine(text)) return parseEvent(text);
  if (text.startsWith('{"kind":"content",')) return parseContent(text);
  const [, kind = ''] = /^\{"kind":"([a-z]+)",/.exec(text.slice(0, 40)) ?? [];
  // Judged before anything is parsed: a parser's stack grows with what it is given.
  if (!isKind(kind)) return malformed('it is no line of an export');
  if (text.length > kinds[kind].charactersMax) return malformed(`a line of kind ${kind} is too long`);
  const members = parseJson(text);
  if (typeof members !== 'object' || members === null) return malformed('it is no JSON');
  const line = kinds[kind].read(members as Members);
  if (line === undefined) return malformed(`a member of a line of kind ${kind} is not what the format has there`);
  return spell(line) === `${text}\n` ? line : malformed(`a line of kind ${kind} is not written as the format has it`);
};
