import { fromBase64, toBase64 } from './bytes.ts';
import { openCheckpoint } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint.ts';
import { HASH_BYTES, hashLeaf } from './merkle.ts';
import type { Hash } from './merkle.ts';
import { PROOF_HASHES_MAX, verifyInclusion } from './proof.ts';
import { NOTE_BYTES_MAX } from './signed-note.ts';
import type { NoteVerifier } from './signed-note.ts';

/** A proof as C2SP's `tlog-proof` has it: anybody with the log's key can check it against the entry, without the log. */
export interface TlogProof {
  /** Of the entry, from 0: an event's position less one. */
  readonly index: number;
  readonly hashes: readonly Hash[];
  /** The signed note, as the log gave it. */
  readonly checkpoint: string;
  /** What the application adds. Nothing vouches for it. */
  readonly extra?: Uint8Array | undefined;
}

const HEADER = 'c2sp.org/tlog-proof@v1';
const EXTRA_BYTES_MAX = 65_536;
const TEXT_MAX = NOTE_BYTES_MAX + EXTRA_BYTES_MAX * 2 + PROOF_HASHES_MAX * 64;

export const formatTlogProof = ({ index, hashes, checkpoint, extra }: TlogProof): string => {
  const lines = [
    HEADER,
    ...(extra === undefined ? [] : [`extra ${toBase64(extra)}`]),
    `index ${index}`,
    ...hashes.map(toBase64),
  ];
  return `${lines.join('\n')}\n\n${checkpoint}`;
};

const readHashes = (lines: readonly string[]): readonly Hash[] | undefined => {
  if (lines.length > PROOF_HASHES_MAX) return undefined;
  const hashes = lines.map(fromBase64);
  return hashes.every((hash) => hash?.length === HASH_BYTES) ? (hashes as readonly Hash[]) : undefined;
};

/** Reads a proof without judging it; undefined when it is none. */
export const parseTlogProof = (text: string): TlogProof | undefined => {
  const split = text.indexOf('\n\n');
  if (text.length > TEXT_MAX || split < 0) return undefined;
  const [header, ...lines] = text.slice(0, split).split('\n');
  if (header !== HEADER) return undefined;
  const extraLine = lines[0]?.startsWith('extra ') === true ? lines.shift() : undefined;
  const extra = extraLine === undefined ? undefined : fromBase64(extraLine.slice('extra '.length));
  const [, digits] = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? '') ?? [];
  const hashes = readHashes(lines);
  const index = Number(digits);
  if ((extraLine !== undefined && extra === undefined) || hashes === undefined || !Number.isSafeInteger(index))
    return undefined;
  return { index, hashes, checkpoint: text.slice(split + 2), ...(extra === undefined ? {} : { extra }) };
};

export type ProofVerdict =
  | { readonly ok: true; readonly index: number; readonly checkpoint: Checkpoint }
  | { readonly ok: false; readonly reason: string };

/** Whether the entry stands in the log whose key this is. Never throws. @param entry the bytes as stored */
export const verifyTlogProof = (text: string, entry: Uint8Array, verifier: NoteVerifier): ProofVerdict => {
  const proof = parseTlogProof(text);
  if (proof === undefined) return { ok: false, reason: 'it is no proof of a transparency log' };
  const opened = openCheckpoint(proof.checkpoint, verifier);
  if (!opened.ok) return { ok: false, reason: `its checkpoint cannot be trusted: ${opened.reason}` };
  const { checkpoint } = opened;
  const { index, hashes } = proof;
  if (index >= checkpoint.size)
    return { ok: false, reason: `its index ${index} is not in the checkpoint's tree of ${checkpoint.size} entries` };
  const claim = { leaf: hashLeaf(entry), index, size: checkpoint.size, root: checkpoint.root, proof: hashes };
  return verifyInclusion(claim)
    ? { ok: true, index, checkpoint }
    : { ok: false, reason: `the entry does not stand at index ${index} of the checkpoint's tree` };
};
