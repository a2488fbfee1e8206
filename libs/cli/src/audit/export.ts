import { parseLine } from '@crucible/transparency';
import type { EndLine } from '@crucible/transparency';
import type { ApiClient } from '../client/api-client.ts';
import { failed } from '../client/failure.ts';
import { bytesText } from '../client/text.ts';
import { refuseExisting, writeOut } from '../client/write-out.ts';
import { ProgressLine } from './progress-line.ts';

/** The last line of an export, with its newlines, is shorter. */
const TAIL_BYTES = 1_024;

export interface ExportWish {
  /** A path, or `-` for standard output. */
  readonly out: string;
  readonly evaluation?: string | undefined;
  readonly evidence: boolean;
  readonly force: boolean;
}

export interface Exported {
  readonly bytes: number;
  readonly counts: EndLine;
}

/** Counts what goes by and keeps its end: a download that was cut must not pass for an export. */
class Measured {
  bytes = 0;
  #tail = Buffer.alloc(0);

  async *watch(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const line = new ProgressLine();
    try {
      for await (const bytes of source) {
        this.bytes += bytes.byteLength;
        this.#tail = Buffer.from(Buffer.concat([this.#tail, bytes.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES));
        line.show(() => `${bytesText(this.bytes)} exported`);
        yield bytes;
      }
    } finally {
      line.end();
    }
  }

  /** @throws Error when the last line is not there */
  end(): EndLine {
    const lines = this.#tail.toString('utf8').split('\n');
    const last = lines.at(-1) === '' ? parseLine(lines.at(-2) ?? '') : undefined;
    if (last?.kind === 'end') return last;
    throw failed('the export was cut off: its last line is missing', './crucible logs audit may say why');
  }
}

/**
 * Fetches an export, whole or not at all.
 * @throws UsageFailure when the file is there already, or cannot be written; Error when the export was cut off
 */
export const fetchExport = async (client: ApiClient, wish: ExportWish): Promise<Exported> => {
  refuseExisting(wish.out, wish.force);
  const query = {
    purpose: 'export',
    evaluation: wish.evaluation,
    evidence: wish.evidence ? undefined : 'false',
  };
  const over = new AbortController();
  try {
    const response = await client.download('/audit/export', query, over.signal);
    if (response.body === null) throw failed('the platform sent nothing');
    const measured = new Measured();
    const counts = await writeOut(wish.out, measured.watch(response.body), () => measured.end());
    return { counts, bytes: measured.bytes };
  } finally {
    over.abort();
  }
};
