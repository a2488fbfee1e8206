import { openCheckpoint, parseVerifierKey } from '@crucible/transparency';
import type { VerifyResult } from '@crucible/transparency';
import { getCheckpoint, openExport } from '../audit/audit-api.ts';
import { forget, keep, readKept } from '../audit/kept-checkpoint.ts';
import type { VerifyReport } from '../audit/verify-messages.ts';
import { runVerification } from '../audit/verify-run.ts';
import type { VerifyOutcome } from '../audit/verify-run.ts';
import VerifyWorker from '../audit/verify-worker.ts?worker';
import { explained } from '../problem.ts';

const reportMs = 100;

export type Verification =
  | { readonly state: 'idle' }
  | { readonly state: 'running'; readonly report: VerifyReport | null }
  | { readonly state: 'done'; readonly result: VerifyResult; readonly report: VerifyReport }
  | { readonly state: 'cancelled'; readonly report: VerifyReport | null }
  /** It could not be carried out, so that nothing is known of the log. */
  | { readonly state: 'failed'; readonly reason: string };

/** One verification at a time, in a worker. */
export class VerificationStore {
  current = $state.raw<Verification>({ state: 'idle' });
  /** Set while this browser's earlier finding was made with another key. */
  otherKey = $state<string | null>(null);
  #end: () => void = () => undefined;

  /** @param key of the log, `<name>+<hash>+<base64>` */
  async start(key: string): Promise<void> {
    this.stop();
    this.current = { state: 'running', report: null };
    const worker = new VerifyWorker();
    const over = new AbortController();
    this.#end = () => {
      over.abort();
      worker.terminate();
    };
    worker.onerror = () => {
      if (!over.signal.aborted)
        this.#settle({ kind: 'failed', reason: 'The worker that verifies could not be started.' });
    };
    // Signed before the export is made: what the export then bears out may be kept for the next time.
    const newest = await getCheckpoint().catch((error: unknown) => explained(error));
    if (over.signal.aborted) return;
    const kept = [...this.#keptFor(key), ...signedBy(key, newest)];
    const outcome = await runVerification(
      worker,
      { key, kept, open: openExport, onReport: this.#reporter() },
      over.signal,
    );
    if (outcome.kind === 'result' && outcome.result.ok && this.otherKey === null && signedBy(key, newest).length > 0)
      keep({ key, note: newest });
    this.#settle(outcome);
  }

  cancel(): void {
    const { current } = this;
    this.stop();
    if (current.state === 'running') this.current = { state: 'cancelled', report: current.report };
  }

  /** Ends what runs without a word, as when its page is left. */
  stop(): void {
    this.#end();
    this.#end = () => undefined;
  }

  /** Forgets what was verified with another key: the reader says that the key was changed rightly. */
  forgetOther(): void {
    forget();
    this.otherKey = null;
  }

  #keptFor(key: string): { note: string; from: string }[] {
    const kept = readKept();
    this.otherKey = kept !== null && kept.key !== key ? kept.key : null;
    return kept === null || kept.key !== key
      ? []
      : [{ note: kept.note, from: 'the checkpoint of this browser’s last verification' }];
  }

  /** Shows how far it is, ten times a second at most. */
  #reporter(): (report: VerifyReport) => void {
    let shownMs = 0;
    return (report) => {
      if (performance.now() - shownMs < reportMs) return;
      shownMs = performance.now();
      this.current = { state: 'running', report };
    };
  }

  #settle(outcome: VerifyOutcome): void {
    this.stop();
    this.current =
      outcome.kind === 'failed'
        ? { state: 'failed', reason: outcome.reason }
        : { state: 'done', result: outcome.result, report: outcome.report };
  }
}

const signedBy = (key: string, note: string): { note: string; from: string }[] => {
  const verifier = parseVerifierKey(key);
  return verifier !== undefined && openCheckpoint(note, verifier).ok
    ? [{ note, from: 'the checkpoint the platform showed before' }]
    : [];
};
