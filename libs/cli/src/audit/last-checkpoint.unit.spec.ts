import { encodeCheckpointLine, encodeContentLine, encodeEventLine, encodeHeaderLine } from '@crucible/transparency';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LastCheckpoint } from './last-checkpoint.ts';

const header = { origin: 'o', evaluationId: null, size: 2, createdAt: 'now', evidence: true };
const event = (position: number, body: string): string =>
  encodeEventLine({ position, subject: 's', messageId: null, body: Buffer.from(body) });
const note = (size: number): string => `origin\n${size}\nroot\n\n\u2014 o sig\n`;
const checkpoint = (sequence: number): string => encodeCheckpointLine({ sequence, note: note(sequence) });
const content = encodeContentLine({ digest: 'ab'.repeat(32), body: Buffer.alloc(300_000, 7) });

it.each([
  { what: 'none', lines: [event(1, 'x')], last: undefined },
  { what: 'one of size 0', lines: [checkpoint(0), event(1, 'x')], last: note(0) },
  {
    what: 'several',
    lines: [event(1, 'x'), checkpoint(1), event(2, 'y'), checkpoint(2), checkpoint(3), content],
    last: note(3),
  },
  { what: 'one that only an event quotes', lines: [event(1, checkpoint(9)), checkpoint(1), content], last: note(1) },
])('finds the last of $what, however the bytes are cut', ({ lines, last }) => {
  const bytes = Buffer.from([encodeHeaderLine(header), ...lines].join(''));
  const check = (sizes: readonly number[]): void => {
    const found = new LastCheckpoint();
    for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
      const size = sizes[turn % sizes.length] ?? 1;
      found.push(bytes.subarray(at, at + size));
      at += size;
    }
    expect(found.note).toBe(last);
  };
  check([bytes.length]);
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 20 }), check), {
    numRuns: 40,
  });
});
