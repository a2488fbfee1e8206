import { noUsage } from '@crucible/events';
import type { CrucibleEvent, UsageTotals } from '@crucible/events';

/** What is told of a conversation while its trial runs, and what people ask of it. It moves the trial nowhere. */
const turnTypes = [
  'crucible.trial.model-called.v2',
  'crucible.trial.tool-called.v1',
  'crucible.trial.approval-requested.v1',
  'crucible.trial.approval-decided.v1',
  'crucible.trial.budget-reached.v1',
  'crucible.trial.pause-requested.v1',
  'crucible.trial.pause-carried.v1',
  'crucible.trial.paused.v1',
  'crucible.trial.resumed.v1',
  'crucible.trial.message-sent.v1',
  'crucible.trial.termination-requested.v1',
] as const;
export type TurnEvent = Extract<CrucibleEvent, { type: (typeof turnTypes)[number] }>;
const types: ReadonlySet<string> = new Set(turnTypes);
export const isTurnEvent = (event: CrucibleEvent): event is TurnEvent => types.has(event.type);

type ModelCall = Extract<CrucibleEvent, { type: 'crucible.trial.model-called.v2' }>['data'];

/** Whether more was used than was counted: by a reply that nobody counted, or by attempts that broke off. */
const isUncounted = ({ usage, costMicroUsd, result, settled }: ModelCall): boolean => {
  const { inputTokens, outputTokens } = usage;
  const untold = inputTokens === null || outputTokens === null || costMicroUsd === null;
  if (untold && result.status === 'replied') return true;
  if (settled === null) return false;
  return settled.tokens > (inputTokens ?? 0) + (outputTokens ?? 0) || settled.costMicroUsd > (costMicroUsd ?? 0);
};

/** What one call to a model adds to what was used. */
const usageOfCall = (call: ModelCall): UsageTotals => {
  const { usage, costMicroUsd, waitedMs } = call;
  return {
    ...noUsage,
    modelCalls: 1,
    inputTokens: usage.inputTokens ?? 0,
    outputTokens: usage.outputTokens ?? 0,
    cachedInputTokens: usage.cachedInputTokens ?? 0,
    reasoningTokens: usage.reasoningTokens ?? 0,
    costMicroUsd: costMicroUsd ?? 0,
    uncountedCalls: isUncounted(call) ? 1 : 0,
    waitedMs: Math.round(waitedMs),
  };
};

export const addUsage = (one: UsageTotals, other: UsageTotals): UsageTotals => ({
  modelCalls: one.modelCalls + other.modelCalls,
  toolCalls: one.toolCalls + other.toolCalls,
  inputTokens: one.inputTokens + other.inputTokens,
  outputTokens: one.outputTokens + other.outputTokens,
  cachedInputTokens: one.cachedInputTokens + other.cachedInputTokens,
  reasoningTokens: one.reasoningTokens + other.reasoningTokens,
  costMicroUsd: one.costMicroUsd + other.costMicroUsd,
  uncountedCalls: one.uncountedCalls + other.uncountedCalls,
  workingMs: one.workingMs + other.workingMs,
  waitedMs: one.waitedMs + other.waitedMs,
});

/**
 * What was used after one more event. This is the one way to add it up: an executor that tells the totals of a trial folds
 * the same events.
 */
export const usageAfter = (usage: UsageTotals, event: CrucibleEvent): UsageTotals => {
  if (event.type === 'crucible.trial.model-called.v2') return addUsage(usage, usageOfCall(event.data));
  if (event.type === 'crucible.trial.tool-called.v1') return { ...usage, toolCalls: usage.toolCalls + 1 };
  return usage;
};
