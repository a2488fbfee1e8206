import { fromBase64, fromUtf8, hashLeaf, toHex } from '@crucible/transparency';
import { displayable } from '@crucible/events';

const rowBytes = 16;

/** Bytes as a hex dump: offset, sixteen bytes, and those of them that are printable ASCII. */
export const hexDump = (bytes: Uint8Array): string => {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += rowBytes) {
    const row = bytes.subarray(at, at + rowBytes);
    const hex = toHex(row)
      .replace(/../g, '$& ')
      .padEnd(rowBytes * 3);
    const text = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join('');
    rows.push(`${at.toString(16).padStart(5, '0')}  ${hex} ${text}`);
  }
  return rows.join('\n');
};

/** An event's bytes as stored, ready to be shown: nothing in them can act or hide. */
export interface StoredBytes {
  readonly bytes: Uint8Array;
  /** The tree's leaf of these bytes, in hex. */
  readonly leaf: string;
  readonly isText: boolean;
  readonly shown: string;
}

/** Null when it is no base64. */
export const storedBytes = (base64: string): StoredBytes | null => {
  const bytes = fromBase64(base64);
  if (bytes === undefined) return null;
  const text = fromUtf8(bytes);
  return {
    bytes,
    leaf: toHex(hashLeaf(bytes)),
    isText: text !== undefined,
    shown: text === undefined ? hexDump(bytes) : displayable(text),
  };
};

export const prettyJson = (value: unknown): string => displayable(JSON.stringify(value, null, 2));
