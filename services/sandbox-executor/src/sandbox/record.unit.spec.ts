import { describe, expect, it } from 'vitest';
import { RecordReader, parseEndRecord, parseProbeRecord, parseStartRecord, parseUsageRecord } from './record.ts';

const NONCE = '0123456789abcdef0123456789abcdef';
const record = (text: string): Buffer => Buffer.from(`\0crucible:${NONCE}:${text}\n`);

/** What a reader makes of chunks: guest's bytes as text, records in brackets. */
const readAll = (reader: RecordReader, chunks: readonly Buffer[]): string => {
  const parts = chunks.flatMap((chunk) => reader.push(chunk));
  const texts = parts.map((part) => ('record' in part ? `[${part.record}]` : part.bytes.toString('latin1')));
  return texts.join('') + reader.flush().toString('latin1');
};

describe('RecordReader', () => {
  const whole = Buffer.concat([
    Buffer.from('guest \0crucible: text'),
    record('usage 1 2 3 4'),
    record('again'),
    Buffer.from('more'),
    record('ended'),
    Buffer.from('tail'),
  ]);
  const read = 'guest \0crucible: text[usage 1 2 3 4][again]more[ended]tail';

  it('finds all records wherever the stream is cut in two', () => {
    for (let at = 0; at <= whole.length; at += 1) {
      const reader = new RecordReader(NONCE);
      expect(readAll(reader, [whole.subarray(0, at), whole.subarray(at)]), `cut at ${at}`).toBe(read);
    }
  });

  it('finds all records byte by byte, and in three pieces cut anywhere', () => {
    const bytes = Array.from(whole, (_, at) => whole.subarray(at, at + 1));
    expect(readAll(new RecordReader(NONCE), bytes)).toBe(read);
    for (let first = 0; first < whole.length; first += 3) {
      for (let second = first; second < whole.length; second += 5) {
        const pieces = [whole.subarray(0, first), whole.subarray(first, second), whole.subarray(second)];
        expect(readAll(new RecordReader(NONCE), pieces)).toBe(read);
      }
    }
  });

  it('holds back only what could begin a record', () => {
    const reader = new RecordReader(NONCE);
    const text = (chunk: string): string => readAllOpen(reader, Buffer.from(chunk));
    expect(text('plain output')).toBe('plain output');
    expect(text('abc\0cruci')).toBe('abc');
    expect(text('fix')).toBe('\0crucifix');
  });

  it('gives back a mark that the guest wrote with another nonce', () => {
    const forged = `\0crucible:${'f'.repeat(32)}:usage 1 1 1 1\n`;
    expect(readAll(new RecordReader(NONCE), [Buffer.from(forged)])).toBe(forged);
  });

  it('gives back a beginning that never went on', () => {
    const beginning = `x\0crucible:${NONCE.slice(0, 31)}`;
    expect(readAll(new RecordReader(NONCE), [Buffer.from(beginning)])).toBe(beginning);
  });

  it('finds a record that follows a repeated beginning of itself', () => {
    const pattern = record('').subarray(0, 20);
    const expected = `${Buffer.concat([pattern, pattern]).toString('latin1')}[x]`;
    expect(readAll(new RecordReader(NONCE), [pattern, pattern, record('x')])).toBe(expected);
  });

  it('does not collect a record without an end', () => {
    const reader = new RecordReader(NONCE);
    reader.push(Buffer.from(`\0crucible:${NONCE}:`));
    for (let times = 0; times < 100; times += 1) expect(reader.push(Buffer.alloc(10_000, 'x'))).toEqual([]);
    expect(reader.flush()).toHaveLength(0);
  });
});

const readAllOpen = (reader: RecordReader, chunk: Buffer): string =>
  reader
    .push(chunk)
    .map((part) => ('record' in part ? `[${part.record}]` : part.bytes.toString()))
    .join('');

describe('records', () => {
  it('reads an end', () => {
    expect(parseEndRecord('ended told 9 3005 4096 0 33 1 0 8192 5')).toEqual({
      cause: 'told',
      waitStatus: 9,
      elapsedMs: 3_005,
      freeBytesAtEnd: 4_096,
      freeBytesMin: 0,
      tasksPeak: 33,
      atTasksMax: true,
      atFileMax: false,
      diskBytes: 8_192,
      tmpBytes: 5,
    });
  });

  it.each([
    '',
    'ended',
    'ended end 0',
    'ended end -1 1 1 1 1 1 0 1 1',
    'ended gone 0 1 1 1 1 1 0 1 1',
    'ended end 0 1 1 1 1 2 0 1 1',
    'started',
  ])('refuses %j as an end', (text) => expect(parseEndRecord(text)).toBeNull());

  it('reads what is used, and nothing else as that', () => {
    expect(parseUsageRecord('usage 7 4096 0 3')).toEqual({ diskBytes: 4_096, tmpBytes: 0, tasks: 3 });
    expect(['usage 7 4096 0', 'usage 7 -1 0 3', 'started', ''].map(parseUsageRecord)).toEqual([null, null, null, null]);
  });

  it('reads findings, with the lines and colons that are in them', () => {
    const found = parseProbeRecord('probed kernel:Linux 4.4\x1fmounts:a: b\x1ec d\x1fsockets:');
    expect([...(found ?? [])]).toEqual([
      ['kernel', 'Linux 4.4'],
      ['mounts', 'a: b\nc d'],
      ['sockets', ''],
    ]);
    expect(parseProbeRecord('started')).toBeNull();
  });

  it('reads a start and a refusal', () => {
    expect(parseStartRecord('started')).toEqual({ started: true });
    expect(parseStartRecord('refused isolation not proven: user')).toEqual({
      started: false,
      why: 'isolation not proven: user',
    });
  });
});
