import { equalBytes } from './bytes.ts';
import { emptyRoot, HASH_BYTES, hashChildren } from './merkle.ts';
import type { Hash } from './merkle.ts';

/** Inclusion and consistency proofs of RFC 6962, section 2.1, verified as RFC 9162, section 2.1, spells it out. */

/**
 * Gives the root of the full subtree of 2^level leaves that begins at leaf index * 2^level. A maker of proofs asks only
 * for subtrees that lie within the tree.
 */
export type SubtreeSource = (level: number, index: number) => Hash | Promise<Hash>;

/** A full subtree by its place, as a source is asked for it. */
export interface Subtree {
  readonly level: number;
  readonly index: number;
}

/** No path is longer than a safe integer has bits. */
export const PROOF_HASHES_MAX = 53;

/** The largest full subtrees that lie side by side from leaf `begin` up to leaf `end`, at most 2 * 53. */
export const subtreesBetween = (begin: number, end: number): readonly Subtree[] => {
  const subtrees: Subtree[] = [];
  for (let at = begin; at < end;) {
    let level = 0;
    let leaves = 1;
    while (at % (leaves * 2) === 0 && at + leaves * 2 <= end) {
      leaves *= 2;
      level += 1;
    }
    subtrees.push({ level, index: at / leaves });
    at += leaves;
  }
  return subtrees;
};

const rootBetween = async (begin: number, end: number, source: SubtreeSource): Promise<Hash> => {
  const roots = await Promise.all(subtreesBetween(begin, end).map(({ level, index }) => source(level, index)));
  const smallest = roots.pop();
  return smallest === undefined ? emptyRoot() : roots.reduceRight((right, left) => hashChildren(left, right), smallest);
};

/** The largest power of two below `leaves`, where the definition splits a tree. */
const splitOf = (leaves: number): number => {
  let split = 1;
  while (split * 2 < leaves) split *= 2;
  return split;
};

/** The root of the tree of the first `size` leaves. */
export const rootAt = (size: number, source: SubtreeSource): Promise<Hash> => rootBetween(0, size, source);

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/**
 * The path from the leaf's sibling up to the root's child.
 * @param index of the leaf, from 0: an event's position less one
 * @throws RangeError when the tree of `size` leaves has no such leaf
 */
export const proveInclusion = async (index: number, size: number, source: SubtreeSource): Promise<readonly Hash[]> => {
  if (!isCount(index) || !isCount(size) || index >= size) throw new RangeError(`no leaf ${index} in a tree of ${size}`);
  const siblings: [number, number][] = [];
  for (let [begin, end] = [0, size]; end - begin > 1;) {
    const split = begin + splitOf(end - begin);
    siblings.push(index < split ? [split, end] : [begin, split]);
    [begin, end] = index < split ? [begin, split] : [split, end];
  }
  return Promise.all(siblings.reverse().map(([begin, end]) => rootBetween(begin, end, source)));
};

/**
 * What shows that the tree of `second` leaves begins with the tree of `first`. Empty for two trees of one size and for
 * the empty tree.
 * @throws RangeError when the first tree is the larger
 */
export const proveConsistency = async (
  first: number,
  second: number,
  source: SubtreeSource,
): Promise<readonly Hash[]> => {
  if (!isCount(first) || !isCount(second) || first > second)
    throw new RangeError(`a tree of ${second} leaves cannot begin with one of ${first}`);
  if (first === 0 || first === second) return [];
  const parts: [number, number][] = [];
  let [begin, end] = [0, second];
  while (end !== first) {
    const split = begin + splitOf(end - begin);
    parts.push(first <= split ? [split, end] : [begin, split]);
    [begin, end] = first <= split ? [begin, split] : [split, end];
  }
  // A first tree that is a left-most full subtree is known to whoever checks: it is not repeated.
  if (begin > 0) parts.push([begin, end]);
  return Promise.all(parts.reverse().map(([from, to]) => rootBetween(from, to, source)));
};

export interface InclusionClaim {
  readonly leaf: Hash;
  readonly index: number;
  readonly size: number;
  readonly root: Hash;
  readonly proof: readonly Hash[];
}

const isProof = (proof: readonly Hash[]): boolean =>
  proof.length <= PROOF_HASHES_MAX && proof.every((hash) => hash.length === HASH_BYTES);

const half = (value: number): number => Math.floor(value / 2);

/** Whether the leaf stands at `index` of the tree with this root. False for anything malformed; never throws. */
export const verifyInclusion = ({ leaf, index, size, root, proof }: InclusionClaim): boolean => {
  if (!isCount(index) || !isCount(size) || index >= size || !isProof(proof) || leaf.length !== HASH_BYTES) return false;
  let [at, last, hash] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = hashChildren(sibling, hash);
      for (; at % 2 === 0 && at !== 0; last = half(last)) at = half(at);
    } else {
      hash = hashChildren(hash, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && equalBytes(hash, root);
};

export interface ConsistencyClaim {
  readonly first: { readonly size: number; readonly root: Hash };
  readonly second: { readonly size: number; readonly root: Hash };
  readonly proof: readonly Hash[];
}

/** Whether the second tree begins with the whole first one. False for anything malformed; never throws. */
export const verifyConsistency = ({ first, second, proof }: ConsistencyClaim): boolean => {
  if (!isCount(first.size) || !isCount(second.size) || first.size > second.size || !isProof(proof)) return false;
  if (first.size === second.size) return proof.length === 0 && equalBytes(first.root, second.root);
  if (first.size === 0) return proof.length === 0 && equalBytes(first.root, emptyRoot());
  if (proof.length === 0) return false;
  let [at, last] = [first.size - 1, second.size - 1];
  for (; at % 2 === 1; last = half(last)) at = half(at);
  // All bits of `at` were set: the first tree is one full subtree, and its root the proof's first hash.
  const [begin = first.root, ...rest] = at === 0 ? [first.root, ...proof] : proof;
  let [old, now] = [begin, begin];
  for (const hash of rest) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      [old, now] = [hashChildren(hash, old), hashChildren(hash, now)];
      for (; at % 2 === 0 && at !== 0; last = half(last)) at = half(at);
    } else {
      now = hashChildren(now, hash);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && equalBytes(old, first.root) && equalBytes(now, second.root);
};
