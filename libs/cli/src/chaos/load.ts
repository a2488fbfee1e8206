import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { SubmitRequest } from '@crucible/api';
import type { Chance } from '@crucible/domain/testing';
import { suiteSchema } from '@crucible/suite';
import type { SuiteFileInput } from '@crucible/suite';
import { Refusal, Unreachable } from '../client/api-client.ts';
import type { ApiClient } from '../client/api-client.ts';
import { cancel, getEvaluation, submit } from '../client/evaluations.ts';

/** What the platform told a client it had taken in. It must be in the log, at that place, for ever. */
export interface Acknowledged {
  readonly what: 'crucible.evaluation.submitted.v2' | 'crucible.evaluation.cancel-requested.v1';
  readonly evaluationId: string;
  readonly position: number;
}

const EVALUATIONS_AT_ONCE = 3;
const RETRY_MS = 300;
const END_MS_MAX = 300_000;

/** Programs that print, wait up to two seconds and end: some well, some not. */
const chaosSuite = (chance: Chance, trials: number): SubmitRequest['suite'] => {
  const file: SuiteFileInput = {
    apiVersion: 'crucible/v1',
    kind: 'Suite',
    metadata: { name: 'chaos', version: '1.0.0', title: 'Chaos' },
    sandbox: { memory: '96MiB', pids: 16, disk: '8MiB', wallTime: '30s' },
    dataset: {
      samples: Array.from({ length: trials }, (_, index) => ({
        id: `sample-${index}`,
        input: {
          language: 'python',
          source: `import sys, time\nprint("begin", flush=True)\ntime.sleep(${(chance.next() * 2).toFixed(2)})\nprint("end")\nsys.exit(${chance.oneIn(10) ? 1 : 0})\n`,
        },
      })),
    },
    scorers: [{ kind: 'exit-code', equals: 0 }],
    limits: { concurrency: chance.between(1, 6) },
  };
  return suiteSchema.parse(file);
};

/** Asks until there is an answer, however long the platform is away. What was refused for good is thrown. */
const untilAnswered = async <T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> => {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const passing = error instanceof Unreachable || (error instanceof Refusal && [409, 503].includes(error.status));
      if (!passing || signal.aborted) throw error;
      await pause(RETRY_MS);
    }
  }
};

/** People at work on a platform that fails under them: they submit, some cancel, all want to see the end. */
export class Load {
  readonly acknowledged: Acknowledged[] = [];
  readonly #client: ApiClient;
  readonly #chance: Chance;
  readonly #signal: AbortSignal;
  #trials = 0;

  /** @param signal - ends it in the middle of whatever it waits for */
  constructor(client: ApiClient, chance: Chance, signal: AbortSignal) {
    this.#client = client;
    this.#chance = chance;
    this.#signal = signal;
  }

  get trials(): number {
    return this.#trials;
  }

  /** Keeps a few evaluations running until `enough` says so, then waits for their ends. @throws when one never ends */
  async run(enough: () => boolean): Promise<void> {
    const one = async (): Promise<void> => {
      while (!enough()) await this.#evaluate();
    };
    await Promise.all(Array.from({ length: EVALUATIONS_AT_ONCE }, one));
  }

  async #evaluate(): Promise<void> {
    const trials = this.#chance.between(3, 9);
    const suite = chaosSuite(this.#chance, trials);
    const cancelAfterMs = this.#chance.oneIn(6) ? this.#chance.between(200, 4_000) : undefined;
    this.#trials += trials;
    const key = randomUUID();
    const over = AbortSignal.any([this.#signal, AbortSignal.timeout(END_MS_MAX)]);
    const accepted = await untilAnswered(() => submit(this.#client, { suite }, key, (ms) => pause(ms)), over);
    const evaluationId = accepted.id;
    this.acknowledged.push({ what: 'crucible.evaluation.submitted.v2', evaluationId, position: accepted.position });
    if (cancelAfterMs !== undefined) await this.#cancel(evaluationId, cancelAfterMs);
    await this.#end(evaluationId);
  }

  async #cancel(evaluationId: string, afterMs: number): Promise<void> {
    await pause(afterMs);
    try {
      // Refused when it has ended by itself, or when an answer was lost and this asks again.
      const { position } = await cancel(this.#client, evaluationId, 'chaos');
      this.acknowledged.push({ what: 'crucible.evaluation.cancel-requested.v1', evaluationId, position });
    } catch (error) {
      if (!(error instanceof Refusal) && !(error instanceof Unreachable)) throw error;
    }
  }

  async #end(evaluationId: string): Promise<void> {
    const deadline = performance.now() + END_MS_MAX;
    while (performance.now() < deadline) {
      this.#signal.throwIfAborted();
      const answer = await getEvaluation(this.#client, evaluationId).catch(() => undefined);
      if (answer?.evaluation.status === 'completed' || answer?.evaluation.status === 'cancelled') return;
      await pause(RETRY_MS);
    }
    throw new Error(`evaluation ${evaluationId} did not end within ${END_MS_MAX / 1_000} s`);
  }
}
