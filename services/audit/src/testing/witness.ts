import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { nodeHash, readCheckpoint, treeHash } from './tiled-log-client.ts';

/**
 * A witness of transparency logs, written from C2SP's `tlog-witness` and `tlog-cosignature` and RFC 9162, section 2.1.4.2,
 * alone: it keeps the newest root it has cosigned, and cosigns a later one only when it is proven to contain that.
 */

const PROOF_LINES_MAX = 63;
const COSIGNATURE_V1 = 4;

export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  /** With 200 the witness's signature line, with 409 the size it has. */
  readonly body: string;
}

/** Whether a proof shows that the older tree is the beginning of the newer: RFC 9162, section 2.1.4.2. */
const isConsistent = (
  old: { readonly size: number; readonly root: Buffer },
  now: { readonly size: number; readonly root: Buffer },
  proof: readonly Buffer[],
): boolean => {
  if (old.size === now.size) return proof.length === 0 && old.root.equals(now.root);
  if (old.size === 0) return proof.length === 0;
  const isPower = Math.log2(old.size) % 1 === 0;
  const [first, ...rest] = isPower ? [old.root, ...proof] : proof;
  if (first === undefined) return false;
  let [fn, sn] = [old.size - 1, now.size - 1];
  const halve = (): void => void ([fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)]);
  while (fn % 2 === 1) halve();
  let [fr, sr] = [first, first];
  for (const hash of rest) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      [fr, sr] = [nodeHash(hash, fr), nodeHash(hash, sr)];
      while (fn % 2 === 0 && fn !== 0) halve();
    } else sr = nodeHash(sr, hash);
    halve();
  }
  return sn === 0 && fr.equals(old.root) && sr.equals(now.root);
};

export class Witness {
  readonly #name: string;
  readonly #logKey: string;
  readonly #key: KeyObject;
  #seen: { size: number; root: Buffer } = { size: 0, root: treeHash([]) };

  constructor(name: string, logKey: string) {
    [this.#name, this.#logKey] = [name, logKey];
    this.#key = generateKeyPairSync('ed25519').privateKey;
  }

  /** Answers the body of an `add-checkpoint` request. */
  addCheckpoint(body: string): WitnessAnswer {
    const split = body.indexOf('\n\n');
    const [head = '', note] = [body.slice(0, split), body.slice(split + 2)];
    const [first = '', ...lines] = head.split('\n');
    const oldSize = Number(/^old (0|[1-9]\d*)$/.exec(first)?.[1] ?? Number.NaN);
    if (split < 0 || !Number.isSafeInteger(oldSize) || lines.length > PROOF_LINES_MAX) return { status: 400, body: '' };
    let checkpoint;
    try {
      checkpoint = readCheckpoint(note, this.#logKey);
    } catch {
      return { status: 403, body: '' };
    }
    const now = { size: checkpoint.size, root: Buffer.from(checkpoint.root, 'base64') };
    if (oldSize > now.size) return { status: 400, body: '' };
    if (oldSize !== this.#seen.size) return { status: 409, body: `${this.#seen.size}\n` };
    const proof = lines.map((line) => Buffer.from(line, 'base64'));
    if (!isConsistent(this.#seen, now, proof)) return { status: 422, body: '' };
    this.#seen = now;
    return { status: 200, body: this.#cosign(note.slice(0, note.indexOf('\n\n') + 1)) };
  }

  #cosign(text: string): string {
    const publicKey = this.#rawPublicKey();
    const id = createHash('sha256')
      .update(Buffer.concat([Buffer.from(`${this.#name}\n`), Buffer.of(COSIGNATURE_V1), publicKey]))
      .digest()
      .subarray(0, 4);
    const seconds = Math.floor(Date.now() / 1_000);
    const stamp = Buffer.alloc(8);
    stamp.writeBigUInt64BE(BigInt(seconds));
    const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`), this.#key);
    return `\u2014 ${this.#name} ${Buffer.concat([id, stamp, signature]).toString('base64')}\n`;
  }

  #rawPublicKey(): Buffer {
    const { x = '' } = this.#key.export({ format: 'jwk' });
    return Buffer.from(x, 'base64url');
  }
}

/** The largest power of two below `size`. */
const splitOf = (size: number): number => {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
};

/** What a feeder sends along: RFC 9162, section 2.1.4.1, over hashes of leaves it took from the log's tiles. */
export const consistencyProof = (oldSize: number, leaves: readonly Buffer[], isWhole = true): Buffer[] => {
  if (oldSize === leaves.length) return isWhole ? [] : [treeHash(leaves)];
  if (oldSize === 0) return [];
  const split = splitOf(leaves.length);
  return oldSize <= split
    ? [...consistencyProof(oldSize, leaves.slice(0, split), isWhole), treeHash(leaves.slice(split))]
    : [...consistencyProof(oldSize - split, leaves.slice(split), false), treeHash(leaves.slice(0, split))];
};

/** The body of an `add-checkpoint` request, as a feeder makes it from what a log serves. */
export const addCheckpointRequest = (oldSize: number, leaves: readonly Buffer[], note: string): string =>
  [`old ${oldSize}`, ...consistencyProof(oldSize, leaves).map((hash) => hash.toString('base64')), '', note].join('\n');
