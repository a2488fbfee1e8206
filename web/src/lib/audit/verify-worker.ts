import { ExportVerifier, parseVerifierKey } from '@crucible/transparency';
import type { VerifyInput, VerifyOutput, VerifyReport } from './verify-messages.ts';

/**
 * Verifies an export in a thread of its own, so that the page stays alive. It is given the bytes and has no way to the
 * network: the platform's policy for what is no page allows none. One export a worker.
 */

interface Thread {
  onmessage: ((message: { readonly data: VerifyInput }) => void) | null;
  postMessage(message: VerifyOutput): void;
}
const thread = globalThis as unknown as Thread;

let judge: ExportVerifier | undefined;
let begunMs = 0;
let bytes = 0;
let isOver = false;

const report = (of: ExportVerifier): VerifyReport => ({ ...of.progress, bytes, tookMs: performance.now() - begunMs });
const finish = (of: ExportVerifier): void => {
  isOver = true;
  const result = of.finish();
  thread.postMessage({ kind: 'result', result, report: report(of) });
};

thread.onmessage = ({ data }) => {
  if (data.kind === 'begin') {
    const verifier = parseVerifierKey(data.key);
    if (verifier === undefined) return thread.postMessage({ kind: 'failed', reason: 'This is no key of a log.' });
    judge = new ExportVerifier({ verifier, kept: data.kept });
    begunMs = performance.now();
    return;
  }
  if (judge === undefined || isOver) return;
  if (data.kind === 'end') return finish(judge);
  bytes += data.bytes.byteLength;
  judge.push(data.bytes);
  // Nothing that follows could mend it.
  if (judge.failed) finish(judge);
  else thread.postMessage({ kind: 'taken', report: report(judge) });
};
