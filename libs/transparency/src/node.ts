import { createPublicKey, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { rawPublicKey } from './crypto/node.ts';
import { writeNote } from './signed-note.ts';
import type { NoteVerifier } from './signed-note.ts';

export { rawPublicKey };

/** A name that signs and the key it signs with. */
export interface NoteSigner {
  readonly name: string;
  readonly privateKey: KeyObject;
}

export const verifierOf = ({ name, privateKey }: NoteSigner): NoteVerifier => ({
  name,
  publicKey: rawPublicKey(createPublicKey(privateKey)),
});

/**
 * Signs a text with a key that never leaves Node's keeping.
 * @throws RangeError when the name or the text cannot stand in a note
 */
export const signNote = (text: string, signer: NoteSigner): string =>
  writeNote(text, verifierOf(signer), (message) => sign(null, message, signer.privateKey));

export { verifyExportInThreads } from './export/parallel.ts';
