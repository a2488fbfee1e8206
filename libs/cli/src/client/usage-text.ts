import { countText, usageCost, usageTokens } from '@crucible/domain';
import type { TrialView } from '@crucible/domain';
import type { UsageTotals } from '@crucible/events';

export {
  asksModel,
  costText,
  countText,
  subjectText,
  tokensOf,
  usageCalls,
  usageCost,
  usageNumbers,
  usageTokens,
} from '@crucible/domain';
export type { UsageNumbers } from '@crucible/domain';

/** One line for a person: `12.3k tokens (11.0k in, 1.3k out), $0.0041, 7 model calls, 6 tool calls`. */
export const usageText = (usage: UsageTotals): string =>
  [
    `${usageTokens(usage)} tokens (${countText(usage.inputTokens)} in, ${countText(usage.outputTokens)} out)`,
    usageCost(usage),
    `${usage.modelCalls} model ${usage.modelCalls === 1 ? 'call' : 'calls'}`,
    `${usage.toolCalls} tool ${usage.toolCalls === 1 ? 'call' : 'calls'}`,
  ].join(', ');

/** Usage of a trial, where there was any to tell. */
export const hasUsage = ({ usage }: Pick<TrialView, 'usage'>): boolean => usage.modelCalls + usage.toolCalls > 0;
