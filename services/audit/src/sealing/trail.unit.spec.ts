import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashLeaf } from '@crucible/transparency';
import type { Hash } from '@crucible/transparency';
import { Trail } from './trail.ts';
import type { Anchor } from './trail.ts';

const message = (position: number, text = `event ${position}`) => ({ position, leaf: hashLeaf(Buffer.from(text)) });
const messages = (count: number) => Array.from({ length: count }, (_, index) => message(index + 1));

const trailOf = (leaves: readonly { position: number; leaf: Hash }[], anchors: readonly Anchor[] = []): Trail => {
  const trail = new Trail(anchors);
  for (const { position, leaf } of leaves) trail.add(position, leaf);
  return trail;
};
const anchorAt = (size: number): Anchor => ({
  checkpoint: { origin: 'log', size, root: trailOf(messages(size)).root() },
  from: 'the last checkpoint',
});

describe('the trail', () => {
  it('agrees with a log that grew behind its anchors', () => {
    const trail = trailOf(messages(9), [anchorAt(5), anchorAt(3)]);
    expect(trail.broken).toBeNull();
    expect(trail.agreed).toBe(true);
  });

  it('agrees only once every anchor was reached', () => {
    const trail = trailOf(messages(4), [anchorAt(3), anchorAt(5)]);
    expect(trail.agreed).toBe(false);
    trail.add(5, message(5).leaf);
    expect(trail.agreed).toBe(true);
  });

  it('agrees at once with an anchor over nothing', () => {
    expect(new Trail([anchorAt(0)]).agreed).toBe(true);
  });

  it.each([
    ['a changed event', messages(6).with(2, message(3, 'forged'))],
    ['two swapped events', messages(6).with(2, message(3, 'event 4')).with(3, message(4, 'event 3'))],
    ['one flipped bit', messages(6).with(0, message(1, 'dvent 1'))],
    [
      'a forged event in front',
      [message(1, 'forged'), ...messages(5).map(({ leaf }, at) => ({ position: at + 2, leaf }))],
    ],
  ])('breaks on %s', (_, log) => {
    const trail = trailOf(log, [anchorAt(6)]);
    expect(trail.broken).toContain('events 1 to 6 are not those that the last checkpoint was signed over');
    expect(trail.agreed).toBe(false);
  });

  it('names a removed event', () => {
    expect(trailOf(messages(6).toSpliced(3, 1), [anchorAt(6)]).broken).toBe('event 4 is missing from the log');
  });

  it('sees a log that ends before its anchor or before what was read', () => {
    const short = trailOf(messages(4), [anchorAt(6)]);
    short.compareWithHead(4, 4);
    expect(short.broken).toBe('the log ends at 4, but the last checkpoint covers 6 events');
    const shrunk = trailOf(messages(6), [anchorAt(6)]);
    shrunk.compareWithHead(5, 6);
    expect(shrunk.broken).toBe('the log ends at 5, but 6 events were read from it before');
  });

  it('takes no event for a contradiction that came in while the length was asked for', () => {
    const trail = trailOf(messages(6));
    trail.compareWithHead(5, 5);
    expect(trail.broken).toBeNull();
  });

  it('takes a repeated message once', () => {
    const once = trailOf(messages(3));
    const twice = trailOf([...messages(2), ...messages(3)]);
    expect(twice.size).toBe(3);
    expect(twice.root()).toEqual(once.root());
  });

  it('adds nothing more once it is broken, and keeps the first reason', () => {
    const trail = trailOf([message(1), message(3), message(2), message(5)]);
    expect(trail.size).toBe(1);
    expect(trail.broken).toBe('event 2 is missing from the log');
  });

  it('breaks on any change of any signed event', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(), fc.string(), (size, seed, text) => {
        const at = seed % size;
        fc.pre(text !== `event ${at + 1}`);
        expect(trailOf(messages(size).with(at, message(at + 1, text)), [anchorAt(size)]).broken).not.toBeNull();
      }),
    );
  });
});
