import { describe, expect, it } from 'vitest';
import { utf8 } from '../bytes.ts';
import { parseCheckpoint } from '../checkpoint.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { exampleEvents, leavesOf, newSigner, noteAt } from '../testing/example-log.ts';
import type { StoredEvent } from '../testing/example-log.ts';
import { digestBlock } from './digest.ts';
import type { EventsFact } from './digest.ts';
import { encodeEventLine } from './encode.ts';
import { TreeCheck } from './tree-check.ts';

const signer = newSigner();
const events = exampleEvents();
const factOf = (some: readonly StoredEvent[]): EventsFact => {
  const lines = some.map((stored, index) => encodeEventLine({ position: index + 1, ...stored }));
  const [fact] = digestBlock(utf8(lines.join('')));
  if (fact?.kind !== 'events') throw new Error('these are no events');
  return fact;
};
const checkpoint = (size: number): Checkpoint => {
  const read = parseCheckpoint(noteAt(events, size, signer));
  if (read === undefined) throw new Error('this is no checkpoint');
  return read;
};
const leaves = leavesOf(events);
const other = events.with(6, { subject: 'other', messageId: null, body: utf8('{"other":true}') });

describe('the check of the tree with more leaves than it may keep', () => {
  const checkOf = (some: readonly StoredEvent[], leavesMax: number): TreeCheck => {
    const tree = new TreeCheck([], leavesMax);
    expect(tree.add(factOf(some))).toBeNull();
    expect(tree.note({ kind: 'leaves', first: 1, hashes: leaves.slice(0, 8) })).toBeNull();
    expect(tree.note({ kind: 'leaves', first: 9, hashes: leaves.slice(8) })).toBeNull();
    return tree;
  };

  it('finds a right log right, and goes on behind it', () => {
    const tree = checkOf(events, 10);
    expect(tree.checkpoint(checkpoint(12))).toBeNull();
    expect(tree.covered).toBe(12);
    expect(tree.note({ kind: 'leaves', first: 13, hashes: leaves })).toBeNull();
  });

  it('finds a wrong log wrong, if not where', () => {
    expect(checkOf(other, 12).checkpoint(checkpoint(12))).toMatchObject({ position: 7 });
    expect(checkOf(other, 10).checkpoint(checkpoint(12))).toMatchObject({
      position: 1,
      reason: expect.stringContaining('an event from 1 to 12') as string,
    });
  });

  it('does not take noted leaves that leave some out', () => {
    const tree = new TreeCheck([], 10);
    expect(tree.note({ kind: 'leaves', first: 2, hashes: leaves })).toMatchObject({ position: 1 });
  });
});
