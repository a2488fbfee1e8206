import type { CallView } from '@crucible/api';
import type { EvaluationView, TrialView } from '@crucible/domain';
import type { Subject } from '@crucible/events';
import { displayableLine } from '@crucible/events';
import { count, counted, duration } from './format.ts';
import type { Voice } from './transcript/entries.ts';

const microUsdPerUsd = 1_000_000;

/** Millionths of a US dollar as money: `$12.40`, `$0.0031`; never nothing for what cost something. */
export const money = (microUsd: number): string => {
  const usd = microUsd / microUsdPerUsd;
  if (microUsd === 0) return '$0';
  if (usd >= 0.1) return `$${usd.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  return usd < 0.0001 ? '< $0.0001' : `$${usd.toLocaleString('en', { maximumSignificantDigits: 2 })}`;
};

const nameCharsMax = 80;

/** Who is evaluated, in a line. */
export const subjectName = (subject: Subject): string => {
  if (subject.kind === 'program') return 'The suite’s own programs';
  if (subject.kind === 'model') return displayableLine(subject.model, nameCharsMax);
  return `${displayableLine(subject.name, nameCharsMax)} with ${displayableLine(subject.model, nameCharsMax)}`;
};

export const isTalking = ({ subject }: Pick<EvaluationView, 'subject'>): boolean => subject.kind !== 'program';

export const voiceNames: Readonly<Record<Voice, string>> = {
  suite: 'Suite',
  subject: 'Subject',
  tool: 'Tool',
  user: 'Simulated user',
  person: 'Person',
  platform: 'Platform',
  simulated: 'Simulated user, aside',
  grader: 'Grader, aside',
};

type ModelCall = Extract<CallView, { kind: 'model' }>;
type ToolCall = Extract<CallView, { kind: 'tool' }>;

const tokens = (value: number | null): string => (value === null ? '?' : count(value));

/** What a reply took: `1,204 → 88 tokens · $0.0012 · 840 ms`. */
export const modelCallFacts = (call: ModelCall): string =>
  [
    displayableLine(call.model, nameCharsMax),
    `${tokens(call.usage.inputTokens)} → ${tokens(call.usage.outputTokens)} tokens`,
    ...(call.costMicroUsd === null ? [] : [money(call.costMicroUsd)]),
    duration(call.latencyMs),
    ...(call.attempts > 1 ? [counted(call.attempts, 'attempt')] : []),
    ...(call.waitedMs >= 1_000 ? [`waited ${duration(call.waitedMs)}`] : []),
    ...(call.result.status === 'replied' && !['stop', 'tool-calls'].includes(call.result.finishReason)
      ? [`ended by ${call.result.finishReason}`]
      : []),
  ].join(' · ');

export const toolStatusNames: Readonly<Record<ToolCall['status'], string>> = {
  ok: 'ok',
  error: 'failed',
  timeout: 'timed out',
  'output-limit': 'wrote too much',
  'invalid-arguments': 'arguments do not fit',
  denied: 'denied',
  'sandbox-gone': 'sandbox gone',
};

/** How a conversation's trial is held, in a word; null while it goes on. */
export const holdOf = ({ pause, approvals, status }: TrialView): string | null => {
  if (status !== 'running') return null;
  if (approvals.length > 0) return 'Waits for approval';
  return pause === 'paused' ? 'Paused' : pause === 'asked' ? 'Pausing' : null;
};
