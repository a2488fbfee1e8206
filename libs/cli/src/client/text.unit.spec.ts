import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { OutputPrinter } from './output-printer.ts';
import { table } from './table.ts';
import { bare, bytesText, cut, duration, joinedLines, pad, safe, scoreText } from './text.ts';

describe('words for amounts', () => {
  it.each([
    [0, '0.00 s'],
    [421, '0.42 s'],
    [12_345, '12.3 s'],
    [245_000, '4 min 05 s'],
    [7_385_000, '2 h 03 min'],
    [-5, '0.00 s'],
  ])('%d ms', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it('never round a score up to a full one', () => {
    expect([scoreText(1), scoreText(0.999), scoreText(0.29), scoreText(0), scoreText(null)]).toEqual([
      '1.00',
      '0.99',
      '0.29',
      '0.00',
      '–',
    ]);
  });

  it.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1.0 KiB'],
    [201_326_592, '192 MiB'],
    [3 * 1024 ** 4, '3072 GiB'],
  ])('%d bytes', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });
});

describe('fitting text', () => {
  it('cuts to cells, not to code units', () => {
    expect(cut('你好世界', 5)).toBe('你好…');
    expect(cut('👩‍👩‍👧‍👦 family', 4)).toBe('👩‍👩‍👧‍👦 …');
    expect(pad('你', 4)).toBe('你  ');
  });

  it('never gives more than there is room for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, columns) => {
        expect(stringWidth(cut(safe(text), columns))).toBeLessThanOrEqual(columns);
      }),
    );
  });

  it('breaks joined parts between two of them', () => {
    expect(joinedLines(['one two', 'three', 'four'], 15).map(bare)).toEqual(['one two · three', 'four']);
    expect(joinedLines([], 10)).toEqual([]);
  });
});

describe('a table', () => {
  interface Row {
    readonly name: string;
    readonly score: string;
    readonly note: string;
  }
  const columns = [
    { title: 'name', text: (row: Row) => row.name, shrinks: true },
    { title: 'score', text: (row: Row) => row.score, align: 'right' as const, dropOrder: 1 },
    { title: 'note', text: (row: Row) => row.note, dropOrder: 2 },
  ];
  const rows: Row[] = [
    { name: 'short', score: '1.00', note: 'fine' },
    { name: 'a very long name that needs room', score: '0.5', note: '' },
  ];

  it('aligns what fits', () => {
    expect(table(rows, columns, 80).map((line) => bare(line).trimEnd())).toEqual([
      'name                              score  note',
      'short                              1.00  fine',
      'a very long name that needs room    0.5',
    ]);
  });

  it('drops columns by importance, then shortens', () => {
    expect(table(rows, columns, 24).map((line) => bare(line).trimEnd())).toEqual([
      'name               score',
      'short               1.00',
      'a very long name…    0.5',
    ]);
    expect(table(rows, columns, 12).map((line) => bare(line).trimEnd())).toEqual(['name', 'short', 'a very long…']);
  });

  it('shortens several before it drops one, the widest first', () => {
    const both = columns.map((column) => (column.title === 'note' ? { ...column, shrinks: true } : column));
    const wordy: Row[] = [{ name: 'a suite of some name', score: '1.00', note: 'an agent (with a model of its own)' }];
    expect(bare(table(wordy, both, 44)[1] ?? '')).toBe('a suite of some …   1.00  an agent (with a …');
    expect(bare(table(wordy, both, Number.POSITIVE_INFINITY)[1] ?? '')).toBe(
      'a suite of some name   1.00  an agent (with a model of its own)',
    );
  });

  it('leaves out columns that say nothing', () => {
    expect(bare(table([{ name: 'x', score: '', note: '' }], columns, 80)[0] ?? '')).toBe('name');
  });

  it('fits any rows into any width', () => {
    const anyRow = fc.record({ name: fc.string({ unit: 'grapheme' }), score: fc.string(), note: fc.string() });
    fc.assert(
      fc.property(fc.array(anyRow, { minLength: 1, maxLength: 5 }), fc.integer({ min: 6, max: 100 }), (some, width) => {
        const shown = some.map((row) => ({ name: safe(row.name), score: safe(row.score, 10), note: safe(row.note) }));
        for (const line of table(shown, columns, width)) expect(stringWidth(line)).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe('output of a program', () => {
  const print = (...chunks: readonly (readonly ['stdout' | 'stderr', Uint8Array])[]): string => {
    let written = '';
    const printer = new OutputPrinter((text) => (written += text));
    chunks.forEach(([stream, bytes], index) =>
      printer.print({ sequence: index + 1, stream, atMs: 0, at: 0, base64: Buffer.from(bytes).toString('base64') }),
    );
    printer.end();
    return written;
  };

  it('joins characters that were split between chunks of one stream', () => {
    const [a, b] = [Buffer.from('é').subarray(0, 1), Buffer.from('é').subarray(1)];
    expect(print(['stdout', a], ['stderr', Buffer.from('!')], ['stdout', b])).toBe('!é\n');
  });

  it('shows control characters instead of obeying them', () => {
    expect(print(['stdout', Buffer.from('\u001b[2Ja\rb\r\nc\u0007\u202e')])).toBe('␛[2Ja␍b\nc␇\\u202e\n');
  });

  it('ends the line once', () => {
    expect(print(['stdout', Buffer.from('x\n')])).toBe('x\n');
    expect(print()).toBe('');
  });

  it('never lets a control character through', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 5 }), (parts) => {
        expect(print(...parts.map((part) => ['stdout', part] as const))).not.toMatch(
          /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/,
        );
      }),
    );
  });
});
