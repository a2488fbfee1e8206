import type { OutputChunk } from '@crucible/api';
import { describe, expect, it } from 'vitest';
import { OutputBuffer } from './output-buffer.ts';
import { OutputLayout } from './output-rows.ts';

const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));
const chunk = (sequence: number, text: string | Uint8Array, stream: 'stdout' | 'stderr' = 'stdout'): OutputChunk => ({
  sequence,
  stream,
  atMs: sequence * 10,
  at: sequence * 10,
  base64: base64(typeof text === 'string' ? new TextEncoder().encode(text) : text),
});
const textOf = (buffer: OutputBuffer): string[] =>
  buffer.lines.map(({ stream, spans }) => `${stream === 'stderr' ? '!' : ''}${spans.map(({ text }) => text).join('')}`);
const bounds = { linesMax: 8, charsMax: 1_000, lineCharsMax: 20, markBytes: 10 };
const small = (): OutputBuffer => new OutputBuffer({ after: 0, bytes: 0 }, [], bounds);

describe('OutputBuffer', () => {
  it('joins what chunks cut: lines, characters, line ends, and streams that interleave', () => {
    const buffer = new OutputBuffer();
    const smile = new TextEncoder().encode('🙂');
    buffer.append(chunk(1, 'one\r'), false);
    buffer.append(chunk(2, '\ntw'), false);
    buffer.append(chunk(3, 'warn', 'stderr'), false);
    buffer.append(chunk(4, 'o '), false);
    buffer.append(chunk(5, smile.subarray(0, 2)), false);
    buffer.append(chunk(6, smile.subarray(2)), false);
    buffer.append(chunk(7, 'ing\n\n', 'stderr'), false);
    buffer.append(chunk(8, '\nend'), false);
    expect(textOf(buffer)).toEqual(['one', 'two 🙂', '!warning', '!', 'end']);
  });

  it('drops a chunk it already has', () => {
    const buffer = new OutputBuffer();
    buffer.append(chunk(5, 'a\n'), false);
    buffer.append(chunk(5, 'a\n'), false);
    buffer.append(chunk(4, 'b\n'), false);
    expect(textOf(buffer)).toEqual(['a']);
    expect(buffer.last).toEqual({ after: 5, bytes: 2 });
  });

  it('makes hostile bytes visible and harmless', () => {
    const buffer = new OutputBuffer();
    buffer.append(chunk(1, new Uint8Array([0xff, 0x00, 0x41, 0x0a])), false);
    buffer.append(chunk(2, 'a\u202eb\u001b[31m<b>\u001b[0m\tc'), false);
    expect(textOf(buffer)).toEqual(['\ufffd␀A', 'a\\u202eb<b>    c']);
    expect(buffer.lines[1]?.spans[1]).toEqual({ text: '<b>', classes: 'sgr-1' });
  });

  it('cuts endless lines and never through a pair of surrogates', () => {
    const buffer = small();
    buffer.append(chunk(1, `${'x'.repeat(19)}🙂${'y'.repeat(25)}\n`), true);
    const lines = textOf(buffer);
    expect(lines.map(({ length }) => length).every((length) => length <= 21)).toBe(true);
    expect(lines.join('')).toBe(`${'x'.repeat(19)}🙂${'y'.repeat(25)}`);
    expect(buffer.lines.map(({ continued }) => continued)).toEqual([false, true, true]);
  });

  it('lets whole chunks go at the front while it follows the end, and says where it begins', () => {
    const buffer = small();
    for (let sequence = 1; sequence <= 30; sequence += 1)
      buffer.append(chunk(sequence, `${sequence}a\n${sequence}b\n`), false);
    expect(buffer.lines.length).toBeLessThanOrEqual(bounds.linesMax);
    expect(textOf(buffer).at(-1)).toBe('30b');
    expect(textOf(buffer)[0]).toBe(`${buffer.first.after + 1}a`);
  });

  it('keeps its front for a reader of parts, and the parts together are the whole', () => {
    const all = Array.from({ length: 40 }, (_, index) => chunk(index + 1, `${index}\n`.repeat(3)));
    const seen: string[] = [];
    let buffer = small();
    for (;;) {
      const rest = all.filter(({ sequence }) => sequence > buffer.last.after);
      if (rest.length === 0 && buffer.lines.length === 0) break;
      for (const each of rest) {
        if (buffer.isFull) break;
        buffer.append(each, true);
      }
      seen.push(...textOf(buffer));
      buffer = new OutputBuffer(buffer.last, buffer.marks, bounds);
    }
    expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => [index, index, index].map(String)).flat());
    expect(buffer.marks.length).toBeGreaterThan(10);
    expect(buffer.marks[0]).toEqual({ after: 0, bytes: 0 });
  });
});

describe('OutputLayout', () => {
  it('lays lines out in rows of equal height, wrapped or not, and loses no character', () => {
    const buffer = new OutputBuffer();
    buffer.append(chunk(1, `short\n\n${'x'.repeat(25)}\n日本語日本語日本語\n🙂🙂🙂🙂🙂🙂🙂\n`), false);
    expect(new OutputLayout(buffer.lines, null).rowCount).toBe(5);
    const layout = new OutputLayout(buffer.lines, 10);
    const rows = layout.rows(0, 1_000);
    expect(rows).toHaveLength(layout.rowCount);
    expect(rows.map(({ spans }) => spans.map(({ text }) => text).join('')).join('')).toBe(textOf(buffer).join(''));
    expect(rows.filter(({ isFirst }) => isFirst)).toHaveLength(5);
    expect(rows.every(({ spans }) => !/[\ud800-\udbff]$/.test(spans.at(-1)?.text ?? ''))).toBe(true);
  });

  it('finds the row of a sequence, for a reader who was there', () => {
    const buffer = new OutputBuffer();
    buffer.append(chunk(3, `${'x'.repeat(25)}\n`), false);
    buffer.append(chunk(9, 'y\n'), false);
    const layout = new OutputLayout(buffer.lines, 10);
    expect(layout.rowOfSequence(1)).toBe(0);
    expect(layout.rowOfSequence(4)).toBe(3);
    expect(layout.rowOfSequence(10)).toBe(4);
  });
});
