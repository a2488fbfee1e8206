import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from './bytes.ts';
import { emptyRange, hashChildren, hashLeaf, rootOf, withLeaf } from './merkle.ts';
import type { Hash } from './merkle.ts';
import { proveConsistency, proveInclusion, rootAt, verifyConsistency, verifyInclusion } from './proof.ts';
import type { SubtreeSource } from './proof.ts';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

/** Leaves, paths and proofs of the reference implementation of Certificate Transparency. */
const knownLeaves = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => hashLeaf(bytes(hex)));
const a = '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7';
const b = '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e';
const c = '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4';
const d = 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b';
const e = 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0';
const four = 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7';
const two = 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125';
const one = '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d';
const knownPaths: [index: number, size: number, path: string[]][] = [
  [0, 1, []],
  [0, 8, [a, b, c]],
  [5, 8, [d, e, four]],
  [2, 3, [two]],
  [1, 5, [one, b, d]],
];
const knownProofs: [first: number, second: number, proof: string[]][] = [
  [1, 1, []],
  [1, 8, [a, b, c]],
  [6, 8, ['0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a', e, four]],
  [2, 5, [b, d]],
];

const rootBySize = (leaves: readonly Hash[], size: number): Hash =>
  rootOf(leaves.slice(0, size).reduce(withLeaf, emptyRange));

/** The definition, word for word: MTH of the leaves from `begin` up to `end`. */
const treeHash = (leaves: readonly Hash[]): Hash => {
  if (leaves.length <= 1) return leaves[0] ?? rootOf(emptyRange);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return hashChildren(treeHash(leaves.slice(0, split)), treeHash(leaves.slice(split)));
};
const sourceOf =
  (leaves: readonly Hash[]): SubtreeSource =>
  (level, index) =>
    treeHash(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level));

const someLeaves = (count: number): readonly Hash[] =>
  Array.from({ length: count }, (_, index) => hashLeaf(Uint8Array.of(index % 256, index >> 8)));
const sizes = fc.integer({ min: 1, max: 150 });

describe('proofs of inclusion', () => {
  it.each(knownPaths)('are the published ones: leaf %i of %i', async (index, size, path) => {
    const proof = await proveInclusion(index, size, sourceOf(knownLeaves));
    expect(proof.map(toHex)).toEqual(path);
    const [leaf, root] = [knownLeaves[index] ?? new Uint8Array(), rootBySize(knownLeaves, size)];
    expect(verifyInclusion({ leaf, index, size, root, proof: path.map(bytes) })).toBe(true);
  });

  it('hold for every leaf and no other place, root or leaf', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (size, seed, other) => {
        const leaves = someLeaves(size);
        const index = seed % size;
        const [leaf, root] = [leaves[index] ?? new Uint8Array(), rootBySize(leaves, size)];
        const proof = await proveInclusion(index, size, sourceOf(leaves));
        const claim = { leaf, index, size, root, proof };
        expect(verifyInclusion(claim)).toBe(true);
        expect(verifyInclusion({ ...claim, leaf: hashLeaf(bytes('ff')) })).toBe(false);
        expect(verifyInclusion({ ...claim, root: hashLeaf(bytes('ff')) })).toBe(false);
        expect(verifyInclusion({ ...claim, index: other % size })).toBe(other % size === index);
        expect(verifyInclusion({ ...claim, proof: [...proof, root] })).toBe(false);
        if (size > 1) expect(verifyInclusion({ ...claim, proof: proof.slice(1) })).toBe(false);
      }),
    );
  });

  it('of nonsense are refused, not thrown at', () => {
    const claim = { leaf: new Uint8Array(32), index: 0, size: 1, root: new Uint8Array(32), proof: [] };
    expect(verifyInclusion({ ...claim, index: -1 })).toBe(false);
    expect(verifyInclusion({ ...claim, index: 1.5, size: 3 })).toBe(false);
    expect(verifyInclusion({ ...claim, size: Number.NaN })).toBe(false);
    expect(verifyInclusion({ ...claim, proof: [new Uint8Array(31)] })).toBe(false);
    expect(verifyInclusion({ ...claim, proof: Array.from({ length: 60 }, () => new Uint8Array(32)) })).toBe(false);
  });

  it('are not made for a leaf that is not there', async () => {
    await expect(proveInclusion(3, 3, sourceOf(knownLeaves))).rejects.toThrow(RangeError);
    await expect(proveInclusion(-1, 3, sourceOf(knownLeaves))).rejects.toThrow(RangeError);
  });
});

describe('proofs of consistency', () => {
  it.each(knownProofs)('are the published ones: %i within %i', async (first, second, hashes) => {
    const proof = await proveConsistency(first, second, sourceOf(knownLeaves));
    expect(proof.map(toHex)).toEqual(hashes);
    const claim = {
      first: { size: first, root: rootBySize(knownLeaves, first) },
      second: { size: second, root: rootBySize(knownLeaves, second) },
      proof,
    };
    expect(verifyConsistency(claim)).toBe(true);
  });

  it('hold for every beginning of a log and for no other log', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (second, seed, at) => {
        const leaves = someLeaves(second);
        const first = seed % (second + 1);
        const proof = await proveConsistency(first, second, sourceOf(leaves));
        const tree = (size: number) => ({ size, root: rootBySize(leaves, size) });
        const claim = { first: tree(first), second: tree(second), proof };
        expect(verifyConsistency(claim)).toBe(true);
        const wrong = { size: first, root: hashLeaf(bytes('ff')) };
        expect(verifyConsistency({ ...claim, first: wrong })).toBe(false);
        // The empty tree begins every tree, whatever its root is.
        const other = { ...claim, second: { size: second, root: wrong.root } };
        expect(verifyConsistency(other)).toBe(first === 0);
        if (proof.length > 0) {
          expect(verifyConsistency({ ...claim, proof: proof.with(at % proof.length, wrong.root) })).toBe(false);
          expect(verifyConsistency({ ...claim, proof: proof.slice(1) })).toBe(false);
        }
        expect(verifyConsistency({ ...claim, proof: [...proof, wrong.root] })).toBe(false);
      }),
    );
  });

  it('do not let a log get shorter', async () => {
    const tree = (size: number) => ({ size, root: rootBySize(knownLeaves, size) });
    expect(verifyConsistency({ first: tree(5), second: tree(4), proof: [] })).toBe(false);
    await expect(proveConsistency(5, 4, sourceOf(knownLeaves))).rejects.toThrow(RangeError);
  });
});

describe('the root at a size', () => {
  it('is that of the leaves', async () => {
    const leaves = someLeaves(100);
    for (const size of [0, 1, 2, 3, 64, 99, 100])
      expect(toHex(await rootAt(size, sourceOf(leaves)))).toBe(toHex(rootBySize(leaves, size)));
  });
});
