import { createHash, createPublicKey, hash, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { CryptoPort } from './port.ts';

/** DER of a SubjectPublicKeyInfo up to the 32 bytes of an Ed25519 key (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

export const ed25519PublicKey = (raw: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' });

/** The 32 bytes of an Ed25519 public key. */
export const rawPublicKey = (publicKey: KeyObject): Uint8Array =>
  new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }).subarray(SPKI_PREFIX.length));

export const crypto: CryptoPort = {
  sha256: (bytes) => hash('sha256', bytes, 'buffer'),
  sha256Stream: () => {
    const stream = createHash('sha256');
    return { update: (bytes) => void stream.update(bytes), digest: () => stream.digest() };
  },
  verifyEd25519: (publicKey, message, signature) => {
    if (publicKey.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
    try {
      return verify(null, message, ed25519PublicKey(publicKey), signature);
    } catch {
      return false;
    }
  },
  decodeBase64: (text) => Buffer.from(text, 'base64'),
  encodeBase64: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
};
