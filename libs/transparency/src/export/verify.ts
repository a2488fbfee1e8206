import { BlockSplitter, lineTooLong } from './blocks.ts';
import { digestBlock } from './digest.ts';
import { Judge } from './judge.ts';
import type { VerifyOptions, VerifyProgress, VerifyResult } from './result.ts';

/** Checks an export as its bytes come. Never throws: whatever the bytes are, there is a result. */
export class ExportVerifier {
  readonly #judge: Judge;
  readonly #splitter = new BlockSplitter();

  constructor(options: VerifyOptions) {
    this.#judge = new Judge(options);
  }

  get progress(): VerifyProgress {
    return this.#judge.progress;
  }

  /** Whether something was found wrong: more bytes change nothing. */
  get failed(): boolean {
    return this.#judge.failed;
  }

  push(bytes: Uint8Array): void {
    if (this.failed || this.#splitter.overlong) return;
    const block = this.#splitter.push(bytes);
    if (block !== undefined) this.#judge.take(digestBlock(block, this.#judge.breaks));
    if (this.#splitter.overlong) this.#judge.take([{ kind: 'wrong', position: null, reason: lineTooLong }]);
  }

  /** The bytes have ended. */
  finish(): VerifyResult {
    return finishWith(this.#judge, this.#splitter);
  }
}

/** Every line of an export ends with a newline: one without is cut off. */
export const finishWith = (judge: Judge, splitter: BlockSplitter): VerifyResult =>
  judge.finish(splitter.heldBytes > 0 ? 'the file is truncated: its last line does not end' : undefined);

/**
 * Checks an export from a stream, in one thread. Stops reading at the first thing that is wrong.
 * @throws only what `source` throws
 */
export const verifyExport = async (
  source: AsyncIterable<Uint8Array>,
  options: VerifyOptions,
  onProgress: (progress: VerifyProgress) => void = () => undefined,
): Promise<VerifyResult> => {
  const verifier = new ExportVerifier(options);
  for await (const bytes of source) {
    verifier.push(bytes);
    onProgress(verifier.progress);
    if (verifier.failed) break;
  }
  return verifier.finish();
};
