import type { TrialAnswer } from '@crucible/api';
import { getTrial } from '../api.ts';

/** The sample of one trial: its program and what is expected of it. The trial itself comes live from the page. */
export class SampleStore {
  sample = $state.raw<TrialAnswer['sample'] | null>(null);
  error = $state.raw<unknown>(null);

  /** Asks once. Returns what abandons the question. */
  load(evaluationId: string, trialId: string): () => void {
    const request = new AbortController();
    this.error = null;
    getTrial(evaluationId, trialId, request.signal).then(
      (answer) => {
        this.sample = answer.sample;
      },
      (error: unknown) => {
        if (!request.signal.aborted) this.error = error;
      },
    );
    return () => request.abort();
  }
}
