import { crypto } from '#crypto';

/** The Merkle tree hash of RFC 6962, section 2.1 (the same in RFC 9162): SHA-256 with separate prefixes for leaves and nodes. */

const LEAF_PREFIX = 0x00;
const NODE_PREFIX = 0x01;

/** 32 bytes of SHA-256. */
export type Hash = Uint8Array;
export const HASH_BYTES = 32;

/** What is hashed is put together here: one call over joined bytes is quicker than several over parts. */
const node = new Uint8Array(1 + 2 * HASH_BYTES);
node[0] = NODE_PREFIX;
const scratch = new Uint8Array(1 + 65_536);
scratch[0] = LEAF_PREFIX;
const encoder = new TextEncoder();

/** @param body the entry's bytes exactly as they are stored */
export const hashLeaf = (body: Uint8Array): Hash => {
  const joined = body.length < scratch.length ? scratch.subarray(0, 1 + body.length) : new Uint8Array(1 + body.length);
  joined.set(body, 1);
  return crypto.sha256(joined);
};

/** The leaf of a body that is UTF-8, with its length in bytes; undefined when it is longer than `bytesMax` (< 65,536). */
export const hashTextLeaf = (
  body: string,
  bytesMax: number,
): { readonly leaf: Hash; readonly bytes: number } | undefined => {
  const { read, written } = encoder.encodeInto(body, scratch.subarray(1, 1 + bytesMax));
  return read < body.length ? undefined : { leaf: crypto.sha256(scratch.subarray(0, 1 + written)), bytes: written };
};

export const hashChildren = (left: Hash, right: Hash): Hash => {
  node.set(left, 1);
  node.set(right, 1 + HASH_BYTES);
  return crypto.sha256(node);
};

/** The root of the tree without leaves: SHA-256 of nothing. */
export const emptyRoot = (): Hash => crypto.sha256(new Uint8Array());

/**
 * The tree of the first `size` leaves, held as the roots of its full subtrees, largest first: one for each bit of `size`
 * that is set. It takes any leaf behind the last one and gives the root at once, in at most 53 hashes of memory.
 */
export interface CompactRange {
  readonly size: number;
  readonly subtrees: readonly Hash[];
}

export const emptyRange: CompactRange = { size: 0, subtrees: [] };

/** The range with one leaf more. The one given stays as it was. */
export const withLeaf = (range: CompactRange, leaf: Hash): CompactRange => withSubtree(range, 0, leaf);

/**
 * The range with the root of a full subtree of 2^level leaves behind it. The one given stays as it was.
 * @throws Error when the range does not end where such a subtree begins
 */
export const withSubtree = (range: CompactRange, level: number, root: Hash): CompactRange => {
  const leaves = 2 ** level;
  if (range.size % leaves !== 0) throw new Error(`no subtree of ${leaves} leaves begins at ${range.size}`);
  const subtrees = range.subtrees.slice();
  let merged = root;
  // Like a carry in binary addition; by division, because bit operators see only 32 bits of a size.
  for (let carry = range.size / leaves; carry % 2 === 1; carry = (carry - 1) / 2) {
    const left = subtrees.pop();
    if (left === undefined) throw new Error(`a range of ${range.size} leaves lacks a subtree`);
    merged = hashChildren(left, merged);
  }
  subtrees.push(merged);
  return { size: range.size + leaves, subtrees };
};

/** The Merkle tree hash of the range's leaves. */
export const rootOf = ({ subtrees }: CompactRange): Hash => {
  const smallest = subtrees.at(-1);
  if (smallest === undefined) return emptyRoot();
  return subtrees.slice(0, -1).reduceRight((right, left) => hashChildren(left, right), smallest);
};
