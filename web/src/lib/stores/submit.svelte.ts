import { getEvaluation, submit } from '../api.ts';
import type { SubmitRequest } from '../api.ts';
import { ApiProblem, explained } from '../problem.ts';
import type { FieldError } from '../problem.ts';
import { IdempotencyKeys, ManyIdempotencyKeys } from '../submission.ts';

/** One submission under way, and what the platform had against the last one. */
export class SubmitStore {
  isBusy = $state(false);
  error = $state<string | null>(null);
  fieldErrors = $state.raw<readonly FieldError[]>([]);
  readonly #keys = new IdempotencyKeys();
  readonly #manyKeys = new ManyIdempotencyKeys();

  /** Forgets what the platform had against the last one. */
  clear(): void {
    this.error = null;
    this.fieldErrors = [];
  }

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

  /**
   * Submits one after the other.
   * @returns the evaluations' ids once the read model shows them, or null when one was refused; those before it go on
   */
  async submitAll(requests: readonly SubmitRequest[]): Promise<readonly string[] | null> {
    this.isBusy = true;
    this.error = null;
    this.fieldErrors = [];
    const ids: string[] = [];
    try {
      let last: { id: string; position: number } | null = null;
      for (const request of requests) {
        const body = JSON.stringify(request);
        last = await submit(body, this.#manyKeys.keyFor(body));
        ids.push(last.id);
      }
      this.#manyKeys.spend();
      // As above. What was accepted before the last is there when the last is.
      if (last !== null) await getEvaluation(last.id, last.position).catch(() => null);
      return ids;
    } catch (error) {
      this.fieldErrors = error instanceof ApiProblem ? (error.problem.errors ?? []) : [];
      const before = ids.length === 0 ? '' : ` (${ids.length} of ${requests.length} were submitted before it.)`;
      this.error = `${explained(error)}${before}`;
      return null;
    } finally {
      this.isBusy = false;
    }
  }
}
