import { crypto } from '#crypto';

const encoder = new TextEncoder();
/** A byte-order mark is a character like any other: dropping it would give back other bytes than were read. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** The text that UTF-8 bytes are; undefined when they are not. */
export const fromUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
};

export const toHex = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text;
};

export const toBase64 = (bytes: Uint8Array): string => crypto.encodeBase64(bytes);

/** Bytes of a base64 text in its one canonical spelling (RFC 4648, section 4, padded); undefined for any other. */
export const fromBase64 = (text: string): Uint8Array | undefined => {
  if (text.length % 4 !== 0 || !BASE64.test(text)) return undefined;
  const bytes = crypto.decodeBase64(text);
  // Only the last group has bits to spare, which a second spelling could set.
  const last = bytes.subarray(Math.max(0, Math.floor((bytes.length - 1) / 3)) * 3);
  return toBase64(last) === text.slice(-4) ? bytes : undefined;
};

export const equalBytes = (one: Uint8Array, other: Uint8Array): boolean => {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index += 1) if (one[index] !== other[index]) return false;
  return true;
};

export const concat = (...parts: readonly Uint8Array[]): Uint8Array => {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
};
