import { fromUtf8 } from '../bytes.ts';
import { BlockSplitter, lineTooLong } from './blocks.ts';
import type { ExportLine } from './format.ts';
import { parseLine } from './parse.ts';
import type { EventText, Malformed } from './parse.ts';

const NEWLINE = 0x0a;

const linesOf = function* (block: Uint8Array): Generator<ExportLine | EventText | Malformed> {
  for (let at = 0; at < block.length;) {
    const end = block.indexOf(NEWLINE, at);
    const text = fromUtf8(block.subarray(at, end));
    yield text === undefined ? { kind: 'malformed', reason: 'it is no UTF-8' } : parseLine(text);
    at = end + 1;
  }
};

/**
 * The lines of an export one by one, for whoever takes it in rather than judges it. Ends with the first that is
 * malformed. Says nothing of whether the lines are true: that is for `verifyExport` to say, and before.
 * @throws only what `source` throws
 */
export const readExport = async function* (
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<ExportLine | EventText | Malformed> {
  const splitter = new BlockSplitter();
  for await (const bytes of source) {
    for (const line of linesOf(splitter.push(bytes) ?? new Uint8Array())) {
      yield line;
      if (line.kind === 'malformed') return;
    }
    if (splitter.overlong) return yield { kind: 'malformed', reason: lineTooLong };
  }
  if (splitter.heldBytes > 0) yield { kind: 'malformed', reason: 'the last line does not end' };
};
