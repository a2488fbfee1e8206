import { expect, it } from 'vitest';
import { KeptOutput } from './kept-output.ts';

it('keeps each stream whole and in order, whatever the pieces', () => {
  const output = new KeptOutput();
  const text = 'aä€𝄞\n'.repeat(20_000);
  const bytes = Buffer.from(text);
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7) % 100_003)
    output.add('stdout', bytes.subarray(at, at + size));
  output.add('stderr', Buffer.from([0xff, 0x41]));
  expect(output.text('stdout')).toBe(text);
  expect(output.text('stderr')).toBe('\ufffdA');
});

it('does not hold on to the pieces of a program that prints byte by byte', () => {
  const output = new KeptOutput();
  const read = Buffer.from('.');
  for (let printed = 0; printed < 200_000; printed += 1) output.add('stdout', read);
  read.fill('x');
  expect(output.text('stdout')).toBe('.'.repeat(200_000));
});
