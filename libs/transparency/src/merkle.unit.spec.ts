import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyRange, emptyRoot, hashChildren, hashLeaf, rootOf, withLeaf } from './merkle.ts';
import type { CompactRange, Hash } from './merkle.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The definition, word for word: split at the largest power of two below the number of leaves. */
const rootByDefinition = (leaves: readonly Uint8Array[]): Hash => {
  const [only] = leaves;
  if (only === undefined) return emptyRoot();
  if (leaves.length === 1) return hashLeaf(only);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return hashChildren(rootByDefinition(leaves.slice(0, split)), rootByDefinition(leaves.slice(split)));
};

const rangeOf = (leaves: readonly Uint8Array[]): CompactRange =>
  leaves.reduce((range, leaf) => withLeaf(range, hashLeaf(leaf)), emptyRange);

/** Leaves and roots of the reference implementation of Certificate Transparency. */
const knownLeaves = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((text) => Buffer.from(text, 'hex'));
const knownRoots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

describe('the Merkle tree of RFC 6962', () => {
  it.each(knownRoots.map((root, size) => [size, root] as const))('has the published root at size %i', (size, root) => {
    expect(hex(rootOf(rangeOf(knownLeaves.slice(0, size))))).toBe(root);
    expect(hex(rootByDefinition(knownLeaves.slice(0, size)))).toBe(root);
  });

  it('hashes an empty leaf differently from no leaf', () => {
    expect(hex(hashLeaf(new Uint8Array()))).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
    expect(hex(emptyRoot())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('gives the root of the definition for any leaves', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 140 }), (leaves) => {
        expect(hex(rootOf(rangeOf(leaves)))).toBe(hex(rootByDefinition(leaves)));
      }),
    );
  });

  it('keeps one subtree for each set bit of the size', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 4 }), { maxLength: 260 }), (leaves) => {
        const { size, subtrees } = rangeOf(leaves);
        expect(size).toBe(leaves.length);
        expect(subtrees.length).toBe(size.toString(2).replaceAll('0', '').length);
      }),
    );
  });

  it('leaves the range it extends as it was', () => {
    const before = rangeOf(knownLeaves.slice(0, 3));
    withLeaf(before, hashLeaf(Buffer.from('x')));
    expect(hex(rootOf(before))).toBe(knownRoots[3]);
  });

  it('changes its root with any one leaf, and with the order of two different ones', () => {
    const leaves = fc.array(fc.uint8Array({ maxLength: 8 }), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(leaves, fc.nat(), (some, seed) => {
        const at = seed % (some.length - 1);
        const root = hex(rootOf(rangeOf(some)));
        const changed = some.with(at, Uint8Array.of(...(some[at] ?? []), 0));
        expect(hex(rootOf(rangeOf(changed)))).not.toBe(root);
        const [left = new Uint8Array(), right = new Uint8Array()] = some.slice(at, at + 2);
        const swapped = some.with(at, right).with(at + 1, left);
        expect(hex(rootOf(rangeOf(swapped))) === root).toBe(hex(left) === hex(right));
      }),
    );
  });

  it('counts beyond 32 bits', () => {
    const size = 2 ** 40 - 1;
    const subtrees = Array.from({ length: 40 }, (_, index) => hashLeaf(Uint8Array.of(index)));
    expect(withLeaf({ size, subtrees }, hashLeaf(new Uint8Array())).subtrees.length).toBe(1);
  });
});
