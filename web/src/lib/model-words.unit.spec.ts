import type { CallView } from '@crucible/api';
import { describe, expect, it } from 'vitest';
import { modelCallFacts, money, subjectName } from './model-words.ts';

describe('money', () => {
  it('is told to the digits that matter, and never as nothing when it is something', () => {
    expect([0, 1, 99, 100, 3_140, 120_000, 1_234_567, 1_234_567_890].map(money)).toEqual([
      '$0',
      '< $0.0001',
      '< $0.0001',
      '$0.0001',
      '$0.0031',
      '$0.12',
      '$1.23',
      '$1,234.57',
    ]);
  });
});

describe('words about models', () => {
  it('name a subject, harmlessly', () => {
    expect(subjectName({ kind: 'model', model: 'scripted/\u202ebenign', provider: null })).toBe(
      'scripted/\\u202ebenign',
    );
    const agent = {
      kind: 'agent',
      name: 'aide',
      model: 'm',
      provider: null,
      image: null,
      programDigest: null,
    } as const;
    expect([subjectName(agent), subjectName({ kind: 'program' })]).toEqual(['aide with m', 'The suite’s own programs']);
  });

  it('say what a call took, and only what is out of the ordinary beside', () => {
    const call = {
      kind: 'model',
      model: 'm',
      usage: { inputTokens: 1_204, outputTokens: null },
      costMicroUsd: null,
      latencyMs: 840,
      attempts: 1,
      waitedMs: 3,
      result: { status: 'replied', finishReason: 'stop' },
    } as Extract<CallView, { kind: 'model' }>;
    expect(modelCallFacts(call)).toBe('m · 1,204 → ? tokens · 840 ms');
    const troubled = { ...call, costMicroUsd: 500, attempts: 2, waitedMs: 2_000 };
    expect(modelCallFacts({ ...troubled, result: { status: 'replied', finishReason: 'length' } })).toBe(
      'm · 1,204 → ? tokens · $0.0005 · 840 ms · 2 attempts · waited 2.0 s · ended by length',
    );
  });
});
