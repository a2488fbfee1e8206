import { fromBase64, toBase64 } from './bytes.ts';
import type { Hash } from './merkle.ts';
import { HASH_BYTES } from './merkle.ts';
import { openNote } from './signed-note.ts';
import type { NoteVerifier } from './signed-note.ts';

/** The text of a checkpoint as C2SP's `tlog-checkpoint` has it: origin, tree size and root, a line each. */
export interface Checkpoint {
  /** The log's name, the same as its key's. */
  readonly origin: string;
  /** Number of leaves, which is the position of the last event under this root. */
  readonly size: number;
  readonly root: Hash;
}

export const formatCheckpoint = ({ origin, size, root }: Checkpoint): string =>
  `${origin}\n${size}\n${toBase64(root)}\n`;

/** Reads the text of an opened note; undefined when it is no checkpoint. Extension lines are passed over. */
export const parseCheckpoint = (text: string): Checkpoint | undefined => {
  const [origin = '', digits = '', base64 = ''] = text.split('\n');
  // A size with a leading zero or a root written another way would be a second spelling of the same checkpoint.
  if (origin === '' || !/^(0|[1-9]\d{0,15})$/.test(digits)) return undefined;
  const root = fromBase64(base64);
  if (root?.length !== HASH_BYTES) return undefined;
  const size = Number(digits);
  return Number.isSafeInteger(size) ? { origin, size, root } : undefined;
};

export type OpenedCheckpoint =
  { readonly ok: true; readonly checkpoint: Checkpoint } | { readonly ok: false; readonly reason: string };

/** The checkpoint in a note, when `verifier` signed it and it is one of the log of that name. Never throws. */
export const openCheckpoint = (note: string, verifier: NoteVerifier): OpenedCheckpoint => {
  const opened = openNote(note, verifier);
  if (!opened.ok) return opened;
  const checkpoint = parseCheckpoint(opened.text);
  if (checkpoint === undefined) return { ok: false, reason: 'its text is no checkpoint' };
  if (checkpoint.origin !== verifier.name)
    return { ok: false, reason: `it is of the log ${JSON.stringify(checkpoint.origin.slice(0, 100))}` };
  return { ok: true, checkpoint };
};
