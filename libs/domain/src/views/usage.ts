import { displayableLine } from '@crucible/events';
import type { Subject, UsageTotals } from '@crucible/events';
import type { EvaluationView } from './views.ts';

/** What is evaluated, in few words; empty for a program, which the suite says enough of. */
export const subjectText = (subject: Subject): string => {
  switch (subject.kind) {
    case 'program':
      return '';
    case 'model':
      return displayableLine(subject.model, 100);
    case 'agent':
      return displayableLine(`${subject.name} (${subject.model})`, 200);
  }
};

/** The same where it has to be told from others: a program is called one. */
export const subjectName = (subject: Subject): string => subjectText(subject) || 'program';

export const asksModel = ({ subject }: Pick<EvaluationView, 'subject'>): boolean => subject.kind !== 'program';

/** Read and written together. */
export const tokensOf = ({ inputTokens, outputTokens }: UsageTotals): number => inputTokens + outputTokens;

const UNITS = [
  { from: 1e9, sign: 'G' },
  { from: 1e6, sign: 'M' },
  { from: 1e4, sign: 'k' },
] as const;

/** `0`, `9321`, `12.3k`, `4.56M`. Cut, not rounded up: a count is never shown as more than it is. */
export const countText = (count: number): string => {
  const unit = UNITS.find(({ from }) => count >= from);
  if (unit === undefined) return String(count);
  const { from, sign } = unit;
  const scale = sign === 'k' ? 1e3 : from;
  const digits = count / scale >= 100 ? 0 : 1;
  return `${(Math.floor((count / scale) * 10 ** digits) / 10 ** digits).toFixed(digits)}${sign}`;
};

/** `$0`, `$0.0012`, `$3.41`. Small amounts keep the digits that say something. */
export const costText = (microUsd: number): string => {
  if (microUsd === 0) return '$0';
  const dollars = microUsd / 1e6;
  return `$${dollars.toFixed(dollars >= 1 ? 2 : dollars >= 0.01 ? 4 : 6)}`;
};

/** A lower bound is said to be one: some provider did not tell what a call used. */
const atLeast = ({ uncountedCalls }: UsageTotals, text: string): string => (uncountedCalls > 0 ? `≥ ${text}` : text);

export const usageTokens = (usage: UsageTotals): string => atLeast(usage, countText(tokensOf(usage)));
export const usageCost = (usage: UsageTotals): string => atLeast(usage, costText(usage.costMicroUsd));
/** Calls to models and to tools: `12 + 9`. */
export const usageCalls = ({ modelCalls, toolCalls }: UsageTotals): string => `${modelCalls} + ${toolCalls}`;

/** The same for scripts, under the names that the API has. */
export const usageNumbers = (usage: UsageTotals) => ({
  tokens: tokensOf(usage),
  costMicroUsd: usage.costMicroUsd,
  modelCalls: usage.modelCalls,
  toolCalls: usage.toolCalls,
  uncountedCalls: usage.uncountedCalls,
});
export type UsageNumbers = ReturnType<typeof usageNumbers>;
