import { describe, expect, it } from 'vitest';
import { Demux, type Piece } from './demux.ts';

const frame = (type: number, text: string): Buffer => {
  const header = Buffer.alloc(8);
  header[0] = type;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
};

const joined = (pieces: readonly Piece[], stream: Piece['stream']): string =>
  pieces
    .filter((piece) => piece.stream === stream)
    .map((piece) => piece.bytes.toString())
    .join('');

describe('Demux', () => {
  const whole = Buffer.concat([frame(1, 'out one '), frame(2, 'err'), frame(1, ''), frame(1, 'out two')]);

  it('keeps the streams apart wherever the bytes are cut', () => {
    for (let at = 0; at <= whole.length; at += 1) {
      const demux = new Demux();
      const pieces = [...demux.push(whole.subarray(0, at)), ...demux.push(whole.subarray(at))];
      expect(joined(pieces, 'stdout'), `cut at ${at}`).toBe('out one out two');
      expect(joined(pieces, 'stderr'), `cut at ${at}`).toBe('err');
    }
  });

  it('hands on the part of a frame that is there, however large the frame says it is', () => {
    const header = Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    const demux = new Demux();
    expect(joined(demux.push(Buffer.concat([header, Buffer.from('part')])), 'stdout')).toBe('part');
  });
});
