import { createHash, createPublicKey, verify } from 'node:crypto';

/**
 * A client of tiled logs, written from C2SP's `tlog-tiles`, `tlog-checkpoint` and `signed-note` and RFC 6962 alone: it
 * shares no line with what it checks.
 */

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
export const leafHash = (entry: Uint8Array): Buffer => sha256(Uint8Array.of(0), entry);
export const nodeHash = (left: Uint8Array, right: Uint8Array): Buffer => sha256(Uint8Array.of(1), left, right);

export interface SignedRoot {
  readonly origin: string;
  readonly size: number;
  readonly root: string;
}

/** @throws Error unless the note is signed by the key, given as `<name>+<hash>+<base64>` */
export const readCheckpoint = (note: string, vkey: string): SignedRoot => {
  const [name = '', hash = ''] = vkey.split('+', 2);
  const key = Buffer.from(vkey.slice(name.length + hash.length + 2), 'base64');
  const [text = '', signatures = ''] = note.split('\n\n', 2);
  const line = signatures.split('\n').find((each) => each.startsWith(`\u2014 ${name} `)) ?? '';
  const signature = Buffer.from(line.split(' ')[2] ?? '', 'base64');
  if (signature.subarray(0, 4).toString('hex') !== hash) throw new Error('signed by another key');
  const prefix = Buffer.from('302a300506032b6570032100', 'hex');
  const publicKey = createPublicKey({ key: Buffer.concat([prefix, key.subarray(1)]), format: 'der', type: 'spki' });
  if (!verify(null, Buffer.from(`${text}\n`), publicKey, signature.subarray(4))) throw new Error('wrong signature');
  const [origin = '', size = '', root = ''] = text.split('\n');
  if (origin !== name) throw new Error('another log');
  return { origin, size: Number(size), root };
};

/** `x001/x234/067` */
const tileNumber = (index: number): string =>
  String(index)
    .padStart(Math.ceil(String(index).length / 3) * 3, '0')
    .replaceAll(/(\d{3})(?=\d)/g, 'x$1/');

export const tileAddress = (level: number | 'entries', index: number, width: number): string =>
  `tile/${level}/${tileNumber(index)}${width === 256 ? '' : `.p/${width}`}`;

type Fetch = (address: string) => Promise<Buffer>;

/** Reads a whole log and computes its root from its tiles. */
export class TiledLogClient {
  readonly #fetch: Fetch;

  constructor(fetch: Fetch) {
    this.#fetch = fetch;
  }

  async hashes(level: number, size: number): Promise<Buffer[]> {
    const count = Math.floor(size / 256 ** level);
    const hashes: Buffer[] = [];
    for (let index = 0; index * 256 < count; index += 1) {
      const width = Math.min(256, count - index * 256);
      const bytes = await this.#fetch(tileAddress(level, index, width));
      if (bytes.length !== width * 32) throw new Error(`tile ${level}/${index}: ${bytes.length} bytes`);
      for (let at = 0; at < width; at += 1) hashes.push(bytes.subarray(at * 32, at * 32 + 32));
    }
    return hashes;
  }

  async entries(size: number): Promise<Buffer[]> {
    const entries: Buffer[] = [];
    for (let index = 0; index * 256 < size; index += 1) {
      const width = Math.min(256, size - index * 256);
      const bytes = await this.#fetch(tileAddress('entries', index, width));
      let at = 0;
      while (at < bytes.length) {
        const length = bytes.readUInt16BE(at);
        entries.push(bytes.subarray(at + 2, at + 2 + length));
        at += 2 + length;
      }
      if (at !== bytes.length || entries.length !== index * 256 + width) throw new Error(`bundle ${index} is broken`);
    }
    return entries;
  }
}

/** The Merkle tree hash of RFC 6962, section 2.1, as it is defined there. */
export const treeHash = (leaves: readonly Uint8Array[]): Buffer => {
  const [only] = leaves;
  if (only === undefined) return sha256();
  if (leaves.length === 1) return Buffer.from(only);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(treeHash(leaves.slice(0, split)), treeHash(leaves.slice(split)));
};

/** The root that a path leads to, by the definition of RFC 6962, section 2.1.1, read backwards. */
export const rootOfPath = (index: number, size: number, leaf: Uint8Array, path: readonly Uint8Array[]): Buffer => {
  if (size === 1) return Buffer.from(leaf);
  const sibling = path.at(-1);
  if (sibling === undefined) throw new Error('the path is too short');
  let split = 1;
  while (split * 2 < size) split *= 2;
  return index < split
    ? nodeHash(rootOfPath(index, split, leaf, path.slice(0, -1)), sibling)
    : nodeHash(sibling, rootOfPath(index - split, size - split, leaf, path.slice(0, -1)));
};
