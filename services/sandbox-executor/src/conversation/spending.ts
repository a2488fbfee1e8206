import { nothingSpent } from '@crucible/domain';
import type { Spend } from '@crucible/domain';
import type { CrucibleEvent } from '@crucible/events';

/** The most tokens that a counted call of a trial has read so far: what one is taken to have read that nobody counted. */
export type Estimates = Map<string, number>;

type ModelCall = Extract<CrucibleEvent, { type: 'crucible.trial.model-called.v1' }>['data'];

const ofModelCall = (call: ModelCall, estimates: Estimates): Spend => {
  const { usage, costMicroUsd, latencyMs, parameters, result, firstTokenMs } = call;
  const { inputTokens, outputTokens } = usage;
  const trial = `${call.evaluationId}/${call.trialId}`;
  const read = estimates.get(trial) ?? 0;
  if (inputTokens !== null) estimates.set(trial, Math.max(read, inputTokens));
  // A call that failed before anything came is not paid for; of one that nobody counted, the longest reply is taken.
  const isFree = result.status === 'failed' && firstTokenMs === null;
  const tokens = isFree ? 0 : (inputTokens ?? read) + (outputTokens ?? parameters.outputTokensMax ?? 0);
  return { tokens, costMicroUsd: costMicroUsd ?? 0, calls: 1, timeMs: Math.round(latencyMs) };
};

/** What an event tells was spent: how accounts are rebuilt after a restart, and kept for what others do. */
export const spentOnEvent = (event: CrucibleEvent, estimates: Estimates): Spend => {
  if (event.type === 'crucible.trial.model-called.v1') return ofModelCall(event.data, estimates);
  if (event.type === 'crucible.trial.tool-called.v1')
    return { ...nothingSpent, timeMs: Math.round(event.data.durationMs) };
  return nothingSpent;
};
