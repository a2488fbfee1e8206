import { refuse, say, type WireServer, wireBroker } from '@crucible/models/testing';
import { describe, expect, it, vi } from 'vitest';
import { agentSuite, Bench } from './bench.fixture.ts';
import type { BenchOptions } from './bench.fixture.ts';
import { onWire } from './wire.fixture.ts';

// Whole trials, each with all the rules there are.
vi.setConfig({ testTimeout: 60_000 });

let wire: WireServer;
const keep = onWire((server) => (wire = server));

const model = 'wire/openai';
const price = { input: 1, output: 1 };
const broker = (limits = {}) =>
  wireBroker(wire, { provider: 'openai', price, limits: { outputTokensMax: 100, ...limits } });
const benchOf = (options: Partial<BenchOptions> = {}): Bench => {
  return keep(new Bench({ broker: broker(), model, suite: agentSuite(), ...options }));
};
/** Calls a tool again and again: only a limit ends it. */
const goesOn = (usage = { inputTokens: 300, outputTokens: 100 }) =>
  say('more', {
    toolCalls: [{ tool: 'bash', arguments: '{"command":"echo more"}' }],
    finishReason: 'tool-calls',
    usage,
  });
const limited = (limits: Readonly<Record<string, unknown>>) => agentSuite({ tools: ['bash', 'submit'], limits });

describe('limits of a trial', () => {
  it.each([
    [{ turns: 3 }, 'turn-limit', 3],
    [{ messages: 5 }, 'message-limit', 2],
    [{ tokens: 2_000 }, 'token-limit', null],
    [{ cost: 0.002 }, 'cost-limit', null],
    [{ calls: 2 }, 'call-limit', 2],
  ] as const)('%j ends it with %s, and what there is is scored', async (limits, reason, modelCalls) => {
    wire.script(() => goesOn());
    const end = await benchOf({ suite: limited(limits) }).trial();
    expect(end).toMatchObject({ reason, outcome: 'failed', scores: [{ scorer: 'includes', value: 0 }] });
    expect(end.answer?.excerpt).toBe('more');
    if (modelCalls === null) expect(end.usage?.modelCalls).toBeGreaterThan(1);
    else expect(end.usage?.modelCalls).toBe(modelCalls);
  });

  it('are never passed, and the last replies are as long as what is left pays for', async () => {
    wire.script(({ body }) =>
      goesOn({ inputTokens: 200, outputTokens: Number(body['max_tokens'] ?? body['max_completion_tokens']) }),
    );
    const end = await benchOf({ suite: limited({ tokens: 3_000 }) }).trial();
    const { inputTokens = 0, outputTokens = 0 } = end.usage ?? {};
    expect(inputTokens + outputTokens).toBeLessThanOrEqual(3_000);
    const asked = wire.requests.map(({ body }) => Number(body['max_tokens'] ?? body['max_completion_tokens']));
    expect(asked[0]).toBe(100);
    expect(Math.min(...asked)).toBeGreaterThanOrEqual(16);
  });

  it('of its sandbox’s time say nothing about a subject that waits for a person then, and something about one that works', async () => {
    const over = { reason: 'wall-time', exitCode: null } as const;
    const approval = [{ tool: 'bash', action: 'ask', timeout: '1m' }];
    for (const [waits, outcome] of [
      [true, 'errored'],
      [false, 'failed'],
    ] as const) {
      wire.next(goesOn(), say('done', { delayMs: 20_000 }));
      const bench = benchOf({ suite: agentSuite({ tools: ['bash', 'submit'], ...(waits && { approval }) }) });
      const ended = bench.trial();
      const until = waits ? 'crucible.trial.approval-requested.v1' : 'crucible.trial.tool-called.v1';
      await bench.until((events) => events.some(({ type }) => type === until));
      bench.sessions[0]?.die(over);
      const end = await ended;
      expect(end).toMatchObject({ reason: 'wall-time', outcome, scores: waits ? [] : [{ value: 0 }] });
      expect(end.error ?? '').toMatch(waits ? /while it waited, for a person/ : /^$/);
      wire.reset();
    }
  });

  it('on calls count those of a simulated user, and not those of a grader', async () => {
    wire.script(({ index }) => say(index < 4 ? 'more' : '{"value": 1}'));
    const user = { model, instructions: 'Ask for more.' };
    const suite = {
      dataset: { samples: [{ id: 'one', input: 'go', target: 'x' }] },
      solver: { kind: 'chat', user, limits: { calls: 3 } },
      scorers: [{ kind: 'model-graded', model, rubric: 'Is it more?' }],
    };
    const bench = benchOf({ suite });
    const end = await bench.trial();
    expect(end).toMatchObject({ reason: 'call-limit', scores: [{ scorer: 'model-graded' }] });
    const roles = (await bench.of('crucible.trial.model-called.v2')).map(({ role }) => role);
    expect(roles.slice(0, 3)).toEqual(['subject', 'user', 'subject']);
    // It is asked again for a grade that can be read.
    expect(roles.slice(3)).toEqual(['grader', 'grader']);
  });

  it('on time count work and not waiting', async () => {
    wire.next(refuse(429, 'slow down', { 'retry-after-ms': '700' }), say('done'));
    expect(await benchOf({ suite: limited({ time: '500ms' }) }).trial()).toMatchObject({ reason: 'completed' });
    const slow = say('done', { delayMs: 3_000 });
    wire.next(slow);
    const late = await benchOf({ suite: limited({ time: '500ms' }) }).trial();
    expect(late).toMatchObject({ reason: 'time-limit', outcome: 'failed' });
    expect(late.usage?.workingMs).toBeGreaterThanOrEqual(450);
    expect(late.usage?.workingMs).toBeLessThan(2_000);
  });

  it('on time end a tool call that is under way', async () => {
    wire.next(
      say('', { toolCalls: [{ tool: 'bash', arguments: '{"command":"sleep 100"}' }], finishReason: 'tool-calls' }),
    );
    expect(await benchOf({ suite: limited({ time: '400ms' }) }).trial()).toMatchObject({ reason: 'time-limit' });
  });
});

describe('the budget of an evaluation', () => {
  it('cannot be overshot by trials that call at once', async () => {
    wire.script(() => ({ ...goesOn({ inputTokens: 150, outputTokens: 100 }), delayMs: 20 }));
    const samples = Array.from({ length: 6 }, (_, at) => ({ id: `s${at}`, input: 'go', target: 'x' }));
    const bench = benchOf({
      suite: { ...limited({}), dataset: { samples } },
      budget: { tokensMax: 8_000, callsMax: 14 },
    });
    await bench.submit();
    const trials = await Promise.all(samples.map((_, at) => bench.dispatch(at)));
    await Promise.all(trials.map((trialId) => bench.take(trialId)));
    const ends = await Promise.all(trials.map((trialId) => bench.finishOf(trialId)));
    expect(new Set(ends.map(({ reason }) => reason))).toEqual(new Set(['call-limit']));
    expect(wire.requests.length).toBe(14);
    const tokens = ends.reduce((sum, { usage }) => sum + (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0), 0);
    expect(tokens).toBeLessThanOrEqual(8_000);
  });

  it('is what it was after a restart, and what another executor spends counts', async () => {
    wire.script(() => goesOn());
    const options = { suite: limited({ turns: 2 }), budget: { callsMax: 5 } };
    const first = benchOf(options);
    await first.trial(0, 1);
    expect(wire.requests).toHaveLength(2);
    // The same log under a new executor: its ledger knows nothing but what stands there.
    const again = keep(new Bench({ broker: broker(), model, ...options }, first));
    expect((await again.trial(0, 2)).reason).toBe('turn-limit');
    expect((await again.trial(0, 3)).reason).toBe('call-limit');
    expect(wire.requests).toHaveLength(5);
  });
});

describe('a budget of time', () => {
  const samples = Array.from({ length: 3 }, (_, at) => ({ id: `s${at}`, input: 'go', target: 'x' }));
  const slow = (delayMs: number) => ({ ...goesOn(), delayMs });

  it('is not overshot by calls that are made at once: the last is ended when it is used up', async () => {
    wire.script(() => slow(250));
    const bench = benchOf({ suite: { ...limited({}), dataset: { samples } }, budget: { timeMsMax: 1_000 } });
    await bench.submit();
    const trials = await Promise.all(samples.map((_, at) => bench.dispatch(at)));
    await Promise.all(trials.map((trialId) => bench.take(trialId)));
    const ends = await Promise.all(trials.map((trialId) => bench.finishOf(trialId)));
    expect(ends.map(({ reason, outcome }) => [reason, outcome])).toEqual(samples.map(() => ['time-limit', 'errored']));
    const called = await bench.of('crucible.trial.model-called.v2');
    const spent = called.map(({ settled }) => settled?.timeMs ?? 0).reduce((sum, each) => sum + each, 0);
    // Ended behind the last millisecond, by a timer of ours.
    expect(spent).toBeGreaterThanOrEqual(1_000);
    expect(spent).toBeLessThan(1_250);
    expect((await bench.of('crucible.trial.budget-reached.v1'))[0]).toMatchObject({
      ...{ scope: 'evaluation', kind: 'timeMs', limit: 1_000 },
    });
  });

  it.each(['team', 'platform'] as const)('of the %s holds for a day', async (scope) => {
    wire.script(() => slow(200));
    const bench = benchOf({ suite: limited({}), days: { [scope]: { timeMs: 500 } } });
    expect(await bench.trial()).toMatchObject({ reason: 'time-limit', outcome: 'errored', scores: [] });
    expect(await bench.of('crucible.trial.budget-reached.v1')).toMatchObject([{ scope, kind: 'timeMs', limit: 500 }]);
  });

  it('lets a reply that broke off be asked for again in what is left', async () => {
    const whole = say('forty-two', { pieceChars: 2 });
    wire.next({ ...whole, breakAfterBytes: 300 }, whole);
    const bench = benchOf({ suite: limited({}), budget: { timeMsMax: 5_000 } });
    expect(await bench.trial()).toMatchObject({ reason: 'completed', outcome: 'passed' });
    expect(await bench.of('crucible.trial.model-called.v2')).toMatchObject([{ attempts: 2 }]);
  });
});

describe('the budget of a day', () => {
  it.each([
    ['platform', { platform: { calls: 4 } }],
    ['team', { team: { calls: 4 } }],
  ] as const)('of the %s holds over all evaluations, with what was spent in it before', async (scope, days) => {
    wire.script(() => goesOn());
    const first = benchOf({ suite: limited({ turns: 3 }) });
    await first.trial(0, 1);
    const later = keep(new Bench({ broker: broker(), model, suite: limited({}), days }, first));
    const end = await later.trial(0, 2);
    expect(end).toMatchObject({ reason: 'call-limit', outcome: 'errored', scores: [], usage: { modelCalls: 1 } });
    expect(end.error).toContain(`the budget of the ${scope} allows 4 calls`);
    expect(await later.of('crucible.trial.budget-reached.v1')).toMatchObject([
      { scope, kind: 'calls', limit: 4, spent: 4, asked: 1, turn: 2 },
    ]);
  });
});

describe('a trial that a wider budget does not pay for', () => {
  it('is not scored: what it might have come to nobody knows', async () => {
    wire.script(() => goesOn());
    const bench = benchOf({ suite: limited({}), budget: { callsMax: 2 } });
    expect(await bench.trial()).toMatchObject({ reason: 'call-limit', outcome: 'errored', scores: [] });
    const [reached] = await bench.of('crucible.trial.budget-reached.v1');
    expect(reached).toMatchObject({ scope: 'evaluation', kind: 'calls', limit: 2, spent: 2 });
  });

  it('is not scored where its grader could not be paid either', async () => {
    wire.next(say('the end'));
    const bench = benchOf({
      suite: { ...agentSuite(), scorers: [{ kind: 'model-graded', model, rubric: 'Is it the end?' }] },
      budget: { callsMax: 1 },
    });
    const end = await bench.trial();
    expect(end).toMatchObject({ reason: 'completed', outcome: 'errored', scores: [] });
    expect(end.error).toContain('the budget of the evaluation allows 1 calls');
    expect(wire.requests).toHaveLength(1);
  });

  it('that its own limit ends is scored as it stands, and no other is kept from beginning', async () => {
    wire.script(() => goesOn());
    const bench = benchOf({ suite: limited({ tokens: 2_000 }) });
    expect(await bench.trial()).toMatchObject({ reason: 'token-limit', outcome: 'failed' });
    expect(await bench.of('crucible.trial.budget-reached.v1')).toMatchObject([{ scope: 'trial', kind: 'tokens' }]);
  });
});

describe('a provider', () => {
  it('that fails for good makes the trial errored, and fit to be tried again', async () => {
    wire.next(refuse(401, 'wrong key'));
    const end = await benchOf().trial();
    expect(end).toMatchObject({ outcome: 'errored', reason: 'model-failure', scores: [], verdict: 'unknown' });
    expect(end.error).toContain('wrong key');
    expect(end.error).not.toContain('sk-wire');
  });

  it('that breaks off is asked again, and nothing of the broken reply is acted on', async () => {
    const whole = say('', {
      toolCalls: [{ tool: 'submit', arguments: '{"answer":"forty-two"}' }],
      finishReason: 'tool-calls',
    });
    wire.next({ ...whole, breakAfterBytes: 300 }, { ...whole, pieceChars: 3 });
    const bench = benchOf();
    expect(await bench.trial()).toMatchObject({ outcome: 'passed', usage: { modelCalls: 1, toolCalls: 1 } });
    expect(await bench.of('crucible.trial.model-called.v2')).toMatchObject([{ attempts: 2 }]);
  });

  it('without a price takes no call that money bounds', async () => {
    const free = wireBroker(wire, { provider: 'openai', limits: { outputTokensMax: 100 } });
    const end = await benchOf({ broker: free, suite: limited({ cost: 1 }) }).trial();
    expect(end).toMatchObject({ reason: 'cost-limit', usage: { modelCalls: 0 } });
    expect(end.error).toContain('no price');
  });
});
