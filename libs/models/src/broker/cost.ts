import { nothingSpent } from '@crucible/domain';
import type { Spend, Wish } from '@crucible/domain';
import type { TokenUsage } from '@crucible/events';
import type { ModelEntry, ModelPrice } from '../catalogue/catalogue.ts';
import type { CallEnd, CallRequest } from './call.ts';

/** Roles and marks between messages, in tokens: more than any provider adds. */
const MESSAGE_TOKENS = 8;
/** Few texts have more tokens than one for two bytes; English has one for four. */
const BYTES_PER_TOKEN = 2;

/** Millionths of a dollar, rounded up; null where the price or the counts are not known. */
export const costOf = (price: ModelPrice | null, usage: TokenUsage): number | null => {
  const { inputTokens, outputTokens } = usage;
  if (price === null || inputTokens === null || outputTokens === null) return null;
  const cached = Math.min(usage.cachedInputTokens ?? 0, inputTokens);
  const cost = (inputTokens - cached) * price.inputUsd + cached * price.cachedInputUsd + outputTokens * price.outputUsd;
  // A dollar for a million tokens is a millionth of a dollar for one. The least bit above a whole is from adding up.
  return Math.ceil(Number(cost.toFixed(6)));
};

/** The longest reply that is asked for: never more than the model's own limit. */
export const outputTokensOf = (entry: ModelEntry, request: CallRequest): number =>
  Math.min(request.parameters.outputTokensMax ?? Infinity, entry.limits.outputTokensMax);

const bytesOf = (request: CallRequest): number =>
  request.messages.reduce((sum, message) => {
    const calls = message.role === 'assistant' ? message.toolCalls : [];
    const inputs = calls.reduce((all, { tool, inputText }) => all + tool.length + Buffer.byteLength(inputText), 0);
    return sum + Buffer.byteLength(message.content) + inputs;
  }, 0) + Buffer.byteLength(JSON.stringify(request.tools));

/** What one attempt at a call may come to: the longest reply that there is time for, and a generous estimate of what is sent. */
export const boundOf = (entry: ModelEntry, request: CallRequest): Wish => {
  const inputTokens =
    Math.ceil(bytesOf(request) / BYTES_PER_TOKEN) +
    MESSAGE_TOKENS * (request.messages.length + request.tools.length + 1);
  const outputTokens = outputTokensOf(entry, request);
  const usage = { inputTokens, outputTokens, cachedInputTokens: 0, reasoningTokens: null };
  const costMicroUsd = costOf(entry.price, usage);
  return { tokens: inputTokens + outputTokens, costMicroUsd, calls: 1, timeMs: entry.limits.timeoutMs };
};

/**
 * What a call came to, to be settled against what was reserved for it. Where the provider does not tell, and where a reply
 * had begun that never was complete, all that was reserved counts as spent.
 */
export const spentOn = (end: CallEnd, bound: Wish): Spend => {
  const timeMs = Math.max(0, Math.round(end.latencyMs - end.waitedMs));
  const whole = { tokens: bound.tokens, costMicroUsd: bound.costMicroUsd ?? 0 };
  const last = lastOf(end) ?? whole;
  const { abandonedAttempts: abandoned } = end;
  return {
    tokens: last.tokens + abandoned * whole.tokens,
    costMicroUsd: last.costMicroUsd + abandoned * whole.costMicroUsd,
    calls: 1,
    timeMs,
  };
};

/** What the last attempt came to, where that is known. */
const lastOf = (end: CallEnd): Pick<Spend, 'tokens' | 'costMicroUsd'> | undefined => {
  if (!end.ok) return end.firstTokenMs === null ? nothingSpent : undefined;
  const { inputTokens, outputTokens } = end.usage;
  if (inputTokens === null || outputTokens === null) return undefined;
  return { tokens: inputTokens + outputTokens, costMicroUsd: end.costMicroUsd ?? 0 };
};
