import type { CallView } from '@crucible/api';
import type { TokenUsage } from '@crucible/events';
import type { ModelUsage, UsageBy } from './shapes.ts';

export type ModelCall = Extract<CallView, { kind: 'model' }>;

const MICRO = 1_000_000;

/** Inspect counts what came from a cache apart; our input tokens hold it, as providers tell it. */
export const usageIn = (usage: TokenUsage, costMicroUsd: number | null): ModelUsage => {
  const input = usage.inputTokens ?? 0;
  const output = usage.outputTokens ?? 0;
  const cached = Math.min(usage.cachedInputTokens ?? 0, input);
  return {
    input_tokens: input - cached,
    output_tokens: output,
    total_tokens: input + output,
    ...(usage.cachedInputTokens === null ? {} : { input_tokens_cache_read: cached }),
    ...(usage.reasoningTokens === null ? {} : { reasoning_tokens: usage.reasoningTokens }),
    ...(costMicroUsd === null ? {} : { total_cost: costMicroUsd / MICRO }),
  };
};

const known = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined && other === undefined ? undefined : (one ?? 0) + (other ?? 0);

export const addUsage = (one: ModelUsage, other: ModelUsage): ModelUsage => {
  const read = known(one.input_tokens_cache_read, other.input_tokens_cache_read);
  const reasoning = known(one.reasoning_tokens, other.reasoning_tokens);
  const cost = known(one.total_cost, other.total_cost);
  return {
    input_tokens: one.input_tokens + other.input_tokens,
    output_tokens: one.output_tokens + other.output_tokens,
    total_tokens: one.total_tokens + other.total_tokens,
    ...(read === undefined ? {} : { input_tokens_cache_read: read }),
    ...(reasoning === undefined ? {} : { reasoning_tokens: reasoning }),
    ...(cost === undefined ? {} : { total_cost: cost }),
  };
};

/** What calls came to, by model, and by role for those that were not the subject's. */
export class UsageTally {
  readonly #models = new Map<string, ModelUsage>();
  readonly #roles = new Map<string, ModelUsage>();

  add({ model, role, usage, costMicroUsd }: ModelCall): void {
    const used = usageIn(usage, costMicroUsd);
    this.#into(this.#models, model, used);
    if (role !== 'subject') this.#into(this.#roles, role, used);
  }

  addAll(other: UsageTally): void {
    for (const [model, used] of other.#models) this.#into(this.#models, model, used);
    for (const [role, used] of other.#roles) this.#into(this.#roles, role, used);
  }

  get byModel(): UsageBy {
    return Object.fromEntries(this.#models);
  }

  get byRole(): UsageBy {
    return Object.fromEntries(this.#roles);
  }

  /** Tokens of all of it. */
  get tokens(): number {
    return [...this.#models.values()].reduce((sum, { total_tokens: total }) => sum + total, 0);
  }

  #into(map: Map<string, ModelUsage>, name: string, used: ModelUsage): void {
    const before = map.get(name);
    map.set(name, before === undefined ? used : addUsage(before, used));
  }
}
