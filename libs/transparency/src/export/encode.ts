import { concat, fromUtf8, toBase64 } from '../bytes.ts';
import { EXPORT_FORMAT } from './format.ts';
import type {
  CheckpointLine,
  ContentLine,
  EndLine,
  EventLine,
  EvidenceLine,
  HeaderLine,
  LeavesLine,
} from './format.ts';

/** Each gives one line of `crucible-export/1` with its newline. Members are in the order that the format has. */

type Members<Line> = Omit<Line, 'kind' | 'format'>;

const line = (members: Readonly<Record<string, unknown>>): string => `${JSON.stringify(members)}\n`;

export const encodeHeaderLine = (header: Members<HeaderLine>): string => {
  const { origin, evaluationId, size, createdAt, evidence } = header;
  return line({ kind: 'export', format: EXPORT_FORMAT, origin, evaluationId, size, createdAt, evidence });
};

export const encodeEventLine = ({ position, subject, messageId, body, proof }: Members<EventLine>): string => {
  const text = fromUtf8(body);
  return line({
    kind: 'event',
    position,
    subject,
    messageId,
    ...(text === undefined ? { bodyBase64: toBase64(body) } : { body: text }),
    ...(proof === undefined ? {} : { proof: proof.map(toBase64) }),
  });
};

/** @param hashes at most `exportBounds.leavesMax`; more go on further lines */
export const encodeLeavesLine = ({ first, hashes }: Members<LeavesLine>): string =>
  line({ kind: 'leaves', first, hashes: toBase64(concat(...hashes)) });

export const encodeCheckpointLine = ({ sequence, note }: Members<CheckpointLine>): string =>
  line({ kind: 'checkpoint', sequence, note });

export const encodeContentLine = ({ digest, body }: Members<ContentLine>): string =>
  line({ kind: 'content', digest, bodyBase64: toBase64(body) });

export const encodeEvidenceLine = (chunk: Members<EvidenceLine>): string => {
  const { evaluationId, trialId, channel, sequence, headers, body } = chunk;
  return line({ kind: 'evidence', evaluationId, trialId, channel, sequence, headers, bodyBase64: toBase64(body) });
};

export const encodeEndLine = ({ events, checkpoints, contents, evidence }: Members<EndLine>): string =>
  line({ kind: 'end', events, checkpoints, contents, evidence });
