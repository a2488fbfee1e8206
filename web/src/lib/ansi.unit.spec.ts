import { describe, expect, it } from 'vitest';
import { AnsiReader, classesOf, plain } from './ansi.ts';

const read = (...pieces: string[]): string[] => {
  const reader = new AnsiReader();
  return pieces.flatMap((piece) => reader.push(piece)).map(({ text, style }) => `${classesOf(style)}|${text}`);
};

describe('AnsiReader', () => {
  it('turns colours into classes of a fixed set and drops all other sequences', () => {
    expect(read('a\u001b[1;31mb\u001b[0mc\u001b[2J\u001b[5;5Hd\u001b]0;title\u0007e')).toEqual([
      '|a',
      'sgr-bold sgr-1|b',
      '|c',
      '|d',
      '|e',
    ]);
    expect(read('\u001b[38;5;12mx\u001b[38;2;1;2;3my\u001b[38;5;200mz\u001b[94mw')).toEqual([
      'sgr-12|x',
      'sgr-12|y',
      'sgr-12|z',
      'sgr-12|w',
    ]);
  });

  it('puts a sequence together that was cut anywhere', () => {
    const text = 'a\u001b[1;32mb\u001b]8;;link\u001b\\c';
    for (let at = 1; at < text.length; at += 1) {
      expect(read(text.slice(0, at), text.slice(at)).join('')).toContain('sgr-bold sgr-2|b');
    }
  });

  it('does not hold back without bound what never ends', () => {
    const reader = new AnsiReader();
    const spans = [...reader.push(`\u001b]${'x'.repeat(5_000)}`), ...reader.push('y')];
    expect(spans.map(({ text }) => text).join('')).toHaveLength(5_003);
    expect(new AnsiReader().push('\u001b[31')).toEqual([]);
  });

  it('gives back what it still held when nothing more comes', () => {
    const reader = new AnsiReader();
    reader.push('a\u001b[3');
    expect(reader.end()).toEqual([{ text: '\u001b[3', style: plain }]);
  });
});
