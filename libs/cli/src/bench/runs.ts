import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { EvaluationPage } from '@crucible/domain';
import type { SubmitRequest } from '@crucible/api';
import type { SuiteFileInput } from '@crucible/suite';
import { suiteSchema } from '@crucible/suite';
import type { ApiClient } from '../client/api-client.ts';
import { getEvaluation, submit } from '../client/evaluations.ts';
import { follow, hasEnded } from '../client/follow.ts';

/** A suite of `samples` programs that print one line and end. */
export const trivialSuite = (samples: number, concurrency: number): ReturnType<typeof suiteSchema.parse> => {
  const file: SuiteFileInput = {
    apiVersion: 'crucible/v1',
    kind: 'Suite',
    metadata: { name: 'bench', version: '1.0.0', title: 'Benchmark' },
    dataset: {
      samples: Array.from({ length: samples }, (_, index) => ({
        id: `sample-${index}`,
        input: { language: 'python', source: 'print("ready", flush=True)\n' },
      })),
    },
    scorers: [{ kind: 'exit-code', equals: 0 }],
    limits: { concurrency },
  };
  return suiteSchema.parse(file);
};

/** Submits and follows to the end. @throws when not every trial passed: a benchmark of failures means nothing */
export const runToEnd = async (
  client: ApiClient,
  samples: number,
  concurrency: number,
  onPage: (page: EvaluationPage) => void = () => undefined,
): Promise<{ readonly id: string; readonly wallMs: number }> => {
  return followToEnd(client, { suite: trivialSuite(samples, concurrency) }, samples, onPage);
};

/** The same of any evaluation of so many trials. */
export const followToEnd = async (
  client: ApiClient,
  request: SubmitRequest,
  samples: number,
  onPage: (page: EvaluationPage) => void = () => undefined,
): Promise<{ readonly id: string; readonly wallMs: number }> => {
  const begin = performance.now();
  const { id, position } = await submit(client, request, randomUUID(), (ms) => pause(ms));
  // The event stream is of the read model, which may be a moment behind the log.
  await getEvaluation(client, id, position);
  const page = await follow(client, id, { onPage, signal: new AbortController().signal });
  const wallMs = performance.now() - begin;
  const { passed = 0, total = samples } = page?.evaluation.trials ?? {};
  if (page === undefined || !hasEnded(page) || passed !== total)
    throw new Error(`only ${passed} of ${total} trials passed: see ./crucible show ${id}`);
  return { id, wallMs };
};
