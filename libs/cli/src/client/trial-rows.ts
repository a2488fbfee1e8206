import { csvField, trialScore } from '@crucible/domain';
import type { EvaluationView, TrialView } from '@crucible/domain';

const MICRO = 1_000_000;

/** Columns of a table of trials, with what stands in them. A public contract: columns are added at the end. */
const columns: Readonly<Record<string, (trial: TrialView) => string | number | null>> = {
  evaluation: ({ evaluationId }) => evaluationId,
  trial: ({ id }) => id,
  sample: ({ sampleId }) => sampleId,
  epoch: ({ epoch }) => epoch,
  attempt: ({ attempt }) => attempt,
  latest: ({ latest }) => String(latest),
  status: ({ status }) => status,
  outcome: ({ outcome }) => outcome,
  score: ({ scores }) => trialScore(scores),
  verdict: ({ verdict }) => verdict,
  reason: ({ reason }) => reason,
  exit_code: ({ exitCode }) => exitCode,
  limits_hit: ({ limitsHit }) => limitsHit.join(' '),
  alerts: ({ alerts }) => alerts.low + alerts.medium + alerts.high + alerts.critical,
  alerts_critical: ({ alerts }) => alerts.critical,
  duration_ms: ({ durationMs }) => durationMs,
  memory_bytes_peak: ({ memoryBytesPeak }) => memoryBytesPeak,
  turns: ({ turn }) => turn,
  model_calls: ({ usage }) => usage.modelCalls,
  tool_calls: ({ usage }) => usage.toolCalls,
  input_tokens: ({ usage }) => usage.inputTokens,
  output_tokens: ({ usage }) => usage.outputTokens,
  cost_usd: ({ usage }) => usage.costMicroUsd / MICRO,
  scores: ({ scores }) => scores.map(({ scorer, value }) => `${scorer}=${value}`).join(' '),
  error: ({ error }) => error,
  started_at: ({ startedAt }) => startedAt,
  finished_at: ({ finishedAt }) => finishedAt,
};

/** CSV (RFC 4180), a row an attempt. */
export async function* trialCsv(trials: AsyncIterable<TrialView>): AsyncGenerator<string> {
  yield `${Object.keys(columns).join(',')}\r\n`;
  for await (const trial of trials)
    yield `${Object.values(columns)
      .map((of) => csvField(of(trial)))
      .join(',')}\r\n`;
}

/** One JSON object `{ evaluation, trials }`, a trial a line. */
export async function* trialJson(evaluation: EvaluationView, trials: AsyncIterable<TrialView>): AsyncGenerator<string> {
  yield `{"evaluation":${JSON.stringify(evaluation)},"trials":[`;
  let comma = '\n';
  for await (const trial of trials) {
    yield `${comma}${JSON.stringify(trial)}`;
    comma = ',\n';
  }
  yield '\n]}\n';
}
