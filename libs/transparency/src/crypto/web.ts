import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { CryptoPort } from './port.ts';

/** How many code units String.fromCharCode is given at once. */
const SLICE = 8_192;

export const crypto: CryptoPort = {
  sha256: (bytes) => sha256(bytes),
  sha256Stream: () => {
    const stream = sha256.create();
    return { update: (bytes) => void stream.update(bytes), digest: () => stream.digest() };
  },
  verifyEd25519: (publicKey, message, signature) => {
    try {
      // By RFC 8032, as node:crypto has it, and not by the laxer ZIP 215.
      return ed25519.verify(signature, message, publicKey, { zip215: false });
    } catch {
      return false;
    }
  },
  decodeBase64: (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)),
  encodeBase64: (bytes) => {
    let binary = '';
    for (let at = 0; at < bytes.length; at += SLICE) binary += String.fromCharCode(...bytes.subarray(at, at + SLICE));
    return btoa(binary);
  },
};
