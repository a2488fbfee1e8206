import { createParser } from 'eventsource-parser';
import { ApiClient, Refusal } from '../client/api-client.ts';
import type { PlatformInfo } from '../platform/platform.ts';
import { percentile } from './report.ts';
import type { BenchReport } from './report.ts';
import { runToEnd } from './runs.ts';

const FIRST_TRIAL = '0-1-1';

/** Milliseconds until the first output byte of a trial reached this client by its event stream. */
const firstOutput = async (client: ApiClient, evaluationId: string, begin: number): Promise<number> => {
  for (;;) {
    try {
      const response = await client.stream(
        `/api/v1/evaluations/${evaluationId}/trials/${FIRST_TRIAL}/output/stream`,
        undefined,
        AbortSignal.timeout(60_000),
      );
      const decoder = new TextDecoder();
      let seen = false;
      const parser = createParser({ onEvent: (message) => (seen ||= message.event === 'chunk') });
      for await (const bytes of response.body ?? []) {
        parser.feed(decoder.decode(bytes as Uint8Array, { stream: true }));
        if (seen) return performance.now() - begin;
      }
      throw new Error('the trial ended without output');
    } catch (error) {
      // The trial is not in the read model yet.
      if (!(error instanceof Refusal) || error.status !== 404) throw error;
    }
  }
};

interface Marks {
  readonly started: number[];
  readonly output: number[];
  readonly completed: number[];
}

const measureOne = async (client: ApiClient, marks: Marks): Promise<void> => {
  const begin = performance.now();
  let started: number | undefined;
  let output: Promise<number> | undefined;
  const { wallMs } = await runToEnd(client, 1, 1, (page) => {
    const trial = [...page.trials.values()][0];
    if (trial === undefined) return;
    output ??= firstOutput(client, page.evaluation.id, begin);
    if (trial.startedAt !== null) started ??= performance.now() - begin;
  });
  if (started === undefined || output === undefined) throw new Error('the trial was never seen to start');
  marks.started.push(started);
  marks.output.push(await output);
  marks.completed.push(wallMs);
};

/** From the submission's first byte to what its client sees by event stream; one evaluation of one trial at a time. */
export const benchLatency = async (
  info: PlatformInfo,
  options: { readonly runs: number },
  note: (line: string) => void,
): Promise<BenchReport> => {
  const client = new ApiClient(info);
  const marks: Marks = { started: [], output: [], completed: [] };
  await runToEnd(client, 1, 1);
  for (let run = 1; run <= options.runs; run += 1) {
    await measureOne(client, marks);
    note(`run ${run}: completed after ${Math.round(marks.completed.at(-1) ?? 0)} ms`);
  }
  const row = (what: string, values: readonly number[]) => ({
    what,
    runs: values.length,
    p50Ms: percentile(values, 0.5),
    p99Ms: percentile(values, 0.99),
    minMs: Math.min(...values),
    maxMs: Math.max(...values),
  });
  return {
    bench: 'latency',
    about:
      'Time from submitting until the client has seen it, through REST and SSE; one trial at a time, each in a sandbox of the warm pool (a new one where CRUCIBLE_POOL_IDLE_MAX is 0).',
    rows: [
      row('trial.started', marks.started),
      row('first output byte', marks.output),
      row('evaluation.completed', marks.completed),
    ],
  };
};
