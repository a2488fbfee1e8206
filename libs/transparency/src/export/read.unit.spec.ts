import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, utf8 } from '../bytes.ts';
import { exampleEvents, newSigner, wholeExport } from '../testing/example-log.ts';
import { BlockSplitter } from './blocks.ts';
import { encodeEventLine } from './encode.ts';
import { parseLine } from './parse.ts';
import { readExport } from './read.ts';

const events = exampleEvents();
const honest = wholeExport({ signer: newSigner(), events });

const source = async function* (bytes: Uint8Array, piece: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += piece) yield await Promise.resolve(bytes.slice(at, at + piece));
};
type Line = ReturnType<typeof parseLine>;

const read = async (bytes: Uint8Array): Promise<readonly Line[]> => {
  const lines: Line[] = [];
  for await (const line of readExport(source(bytes, 999))) lines.push(line);
  return lines;
};

describe('an export read line by line', () => {
  it('gives back what was written', async () => {
    const lines = await read(utf8(honest.join('')));
    expect(lines.map(({ kind }) => kind)).toEqual(honest.map((line) => /"kind":"([a-z]+)"/.exec(line)?.[1]));
    const bodies = lines.flatMap((line) => (line.kind === 'event' ? [line] : []));
    expect(bodies.map(({ body }) => [...(typeof body === 'string' ? utf8(body) : body)])).toEqual(
      events.map(({ body }) => [...body]),
    );
    expect(bodies.map(({ subject, messageId }) => ({ subject, messageId }))).toEqual(
      events.map(({ subject, messageId }) => ({ subject, messageId })),
    );
  });

  it('gives back any event, whatever its bytes and names are', () => {
    const text = fc.string({ unit: 'binary', maxLength: 100 }).filter((one) => one.isWellFormed());
    const body = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.json().map(utf8), text.map(utf8));
    const proof = fc.option(fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 5 }), {
      nil: undefined,
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1 }),
        text,
        fc.option(text),
        body,
        proof,
        (position, subject, messageId, bytes, path) => {
          const members = { position, subject, messageId, body: bytes, ...(path === undefined ? {} : { proof: path }) };
          const line = parseLine(encodeEventLine(members).slice(0, -1));
          if (line.kind !== 'event') throw new Error(`read as ${line.kind}`);
          const stored = typeof line.body === 'string' ? utf8(line.body) : line.body;
          expect({ ...line, body: [...stored], proof: line.proof?.map((hash) => [...hash]) }).toEqual({
            kind: 'event',
            ...members,
            body: [...bytes],
            proof: path?.map((hash) => [...hash]),
          });
        },
      ),
      { numRuns: 500 },
    );
  });

  it('ends at the first line that is malformed', async () => {
    const lines = [honest[0], 'nonsense\n', honest[1]].join('');
    expect((await read(utf8(lines))).map(({ kind }) => kind)).toEqual(['export', 'malformed']);
    const cut = await read(utf8(honest.join('')).subarray(0, -1));
    expect(cut.at(-1)).toEqual({ kind: 'malformed', reason: 'the last line does not end' });
    const bytes = concat(utf8(honest[0] ?? ''), Uint8Array.of(0xff, 0x0a));
    expect((await read(bytes)).at(-1)).toEqual({ kind: 'malformed', reason: 'it is no UTF-8' });
  });
});

describe('bytes cut into whole lines', () => {
  it('are the same bytes, however they come', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 })), (pieces) => {
        const splitter = new BlockSplitter();
        const blocks = pieces.flatMap((piece) => splitter.push(piece) ?? []);
        for (const block of blocks) expect(block.at(-1)).toBe(0x0a);
        expect(concat(...blocks, splitter.rest())).toEqual(concat(...pieces));
        expect(splitter.rest().includes(0x0a)).toBe(false);
      }),
    );
  });

  it('are held back no longer than a line may be', () => {
    const splitter = new BlockSplitter(10);
    splitter.push(utf8('1234567890'));
    expect(splitter.overlong).toBe(false);
    splitter.push(utf8('1'));
    expect(splitter.overlong).toBe(true);
  });
});
