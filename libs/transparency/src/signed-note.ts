import { crypto } from '#crypto';
import { concat, equalBytes, fromBase64, toBase64, toHex, utf8 } from './bytes.ts';

/** Signed notes as C2SP's `signed-note` has them: a text, a blank line, and a line for each signature. */

const ED25519 = 0x01;
const ED25519_BYTES = 32;
const KEY_HASH_BYTES = 4;
const SIGNATURE_BYTES = 64;
export const NOTE_BYTES_MAX = 65_536;

/** A name and the 32 bytes of the Ed25519 key that signs under it. Names hold no space and no plus sign. */
export interface NoteVerifier {
  readonly name: string;
  readonly publicKey: Uint8Array;
}

export type OpenedNote = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: string };

const isName = (name: string): boolean => name !== '' && !/[\s+]/u.test(name);

/** The first four bytes of SHA-256 over name, newline, algorithm and key: tells keys of one name apart. */
export const keyHash = ({ name, publicKey }: NoteVerifier): Uint8Array =>
  crypto.sha256(concat(utf8(`${name}\n`), Uint8Array.of(ED25519), publicKey)).subarray(0, KEY_HASH_BYTES);

/** `<name>+<key hash>+base64(0x01 || key)`: what a third party needs to check our notes. */
export const verifierKey = (verifier: NoteVerifier): string => {
  const key = toBase64(concat(Uint8Array.of(ED25519), verifier.publicKey));
  return `${verifier.name}+${toHex(keyHash(verifier))}+${key}`;
};

/** Reads a verifier key; undefined when it is none, or its key hash is not that of its name and key. */
export const parseVerifierKey = (text: string): NoteVerifier | undefined => {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/u.exec(text.trim());
  const [, name, hash, base64] = match ?? [];
  if (name === undefined || hash === undefined || base64 === undefined) return undefined;
  const bytes = fromBase64(base64);
  if (bytes?.length !== 1 + ED25519_BYTES || bytes[0] !== ED25519) return undefined;
  const verifier = { name, publicKey: bytes.slice(1) };
  return toHex(keyHash(verifier)) === hash ? verifier : undefined;
};

/**
 * Puts a signature under a text. It covers the text with its last newline, without the blank line behind it.
 * @param sign gives the 64 bytes of the Ed25519 signature over a message
 * @throws RangeError when the name or the text cannot stand in a note
 */
export const writeNote = (text: string, by: NoteVerifier, sign: (message: Uint8Array) => Uint8Array): string => {
  if (!isName(by.name)) throw new RangeError('a note is signed by a name without space or plus sign');
  if (!text.endsWith('\n')) throw new RangeError('the text of a note ends with a newline');
  return `${text}\n\u2014 ${by.name} ${toBase64(concat(keyHash(by), sign(utf8(text))))}\n`;
};

/** The text of a note when `verifier` signed it. Signatures of others are passed over, as the format asks. */
export const openNote = (note: string, verifier: NoteVerifier): OpenedNote => {
  if (utf8(note).length > NOTE_BYTES_MAX) return { ok: false, reason: 'it is too large for a note' };
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) return { ok: false, reason: 'it is no signed note' };
  const text = note.slice(0, split + 1);
  const lines = note.slice(split + 2, -1).split('\n');
  const hash = keyHash(verifier);
  for (const line of lines) {
    const [, name, base64] = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line) ?? [];
    if (name === undefined || base64 === undefined) return { ok: false, reason: 'it has a malformed signature line' };
    const bytes = fromBase64(base64);
    if (bytes === undefined) return { ok: false, reason: 'it has a malformed signature line' };
    if (name !== verifier.name || !equalBytes(bytes.subarray(0, KEY_HASH_BYTES), hash)) continue;
    const signature = bytes.subarray(KEY_HASH_BYTES);
    const good =
      signature.length === SIGNATURE_BYTES && crypto.verifyEd25519(verifier.publicKey, utf8(text), signature);
    return good
      ? { ok: true, text }
      : { ok: false, reason: `its signature by ${displayName(name)} does not fit its text` };
  }
  const signers = lines.map((line) => displayName(line.split(' ')[1] ?? '')).join(', ');
  return { ok: false, reason: `it is signed by ${signers}, not by our key ${verifierKey(verifier)}` };
};

const displayName = (name: string): string => JSON.stringify(name.slice(0, 100));
