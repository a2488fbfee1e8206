import { getEvaluation, submit } from '../api.ts';
import type { SubmitRequest } from '../api.ts';
import { ApiProblem, explained } from '../problem.ts';
import type { FieldError } from '../problem.ts';
import { IdempotencyKeys } from '../submission.ts';

/** One submission under way, and what the platform had against the last one. */
export class SubmitStore {
  isBusy = $state(false);
  error = $state<string | null>(null);
  fieldErrors = $state.raw<readonly FieldError[]>([]);
  readonly #keys = new IdempotencyKeys();

  /** @returns the evaluation's id once the read model shows it, or null when it was refused */
  async submit(request: SubmitRequest): Promise<string | null> {
    const body = JSON.stringify(request);
    this.isBusy = true;
    this.error = null;
    this.fieldErrors = [];
    try {
      const { id, position } = await submit(body, this.#keys.keyFor(body));
      this.#keys.spend();
      // Its page would say there is no such evaluation while the read model is behind. A time-out here is no failure.
      await getEvaluation(id, position).catch(() => null);
      return id;
    } catch (error) {
      this.fieldErrors = error instanceof ApiProblem ? (error.problem.errors ?? []) : [];
      this.error = explained(error);
      return null;
    } finally {
      this.isBusy = false;
    }
  }
}
