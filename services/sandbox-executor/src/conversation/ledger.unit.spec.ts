import { randomUUID } from 'node:crypto';
import { nothingSpent } from '@crucible/domain';
import { InMemoryEventLog } from '@crucible/event-log';
import { evaluationIdSchema, noBudget, subjects, trialIdSchema } from '@crucible/events';
import type { Budget, EventData, TrialId } from '@crucible/events';
import { refuse, say, wireBroker } from '@crucible/models/testing';
import type { WireServer } from '@crucible/models/testing';
import { createLogger } from '@crucible/service-kit';
import { describe, expect, it } from 'vitest';
import { spentInDay } from './day.ts';
import type { DayLimits } from './days.ts';
import { Ledger } from './ledger.ts';
import { ModelCaller } from './model-caller.ts';
import type { Purse } from './purse.ts';
import { onWire } from './wire.fixture.ts';
import { WorkClock } from './work-clock.ts';

const evaluationId = evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f');
const trial = (at: number): TrialId => trialIdSchema.parse(`${at}-1-1`);
const origin = { source: 'sandbox-executor', team: 'red', actor: 'service:x', correlationId: evaluationId };
const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
const signal = new AbortController().signal;
const call = { tokens: 40, costMicroUsd: 4, calls: 1, timeMs: 0 };

const modelCalled = (trialId: TrialId, tokens: number | null): EventData<'crucible.trial.model-called.v2'> => ({
  evaluationId,
  trialId,
  callId: randomUUID(),
  turn: 1,
  role: 'subject',
  model: 'm',
  provider: 'p',
  providerModel: 'm',
  parameters: { temperature: null, topP: null, outputTokensMax: 50, seed: null, stop: [] },
  result: { status: 'replied', finishReason: 'stop' },
  usage: { inputTokens: tokens, outputTokens: tokens, cachedInputTokens: null, reasoningTokens: null },
  costMicroUsd: tokens,
  latencyMs: 12.4,
  firstTokenMs: 1,
  waitedMs: 0,
  attempts: 1,
  records: { request: null, reply: null },
  requestSha256: 'a'.repeat(64),
  // As version 1 told it: what was settled has to be made out.
  settled: null,
});

const ground = (days: Partial<DayLimits> = {}) => {
  let nowMs = Date.parse('2026-11-30T12:00:00Z');
  const log = new InMemoryEventLog({ now: () => nowMs, newId: () => randomUUID() });
  const told = (trialId: TrialId, tokens: number | null, team = 'red') =>
    log.append({
      subject: subjects.trial(evaluationId, trialId),
      event: { type: 'crucible.trial.model-called.v2', data: modelCalled(trialId, tokens) },
      origin: { ...origin, team },
    });
  /** Of an executor: what it knows of another it knows by the log alone. */
  const opener = () => {
    const ledger = new Ledger({
      log,
      history: log,
      days: { platform: {}, team: {}, ...days },
      now: () => nowMs,
      logger: createLogger('sandbox-executor', 'silent'),
    });
    return (at: number, budget: number | null | Partial<Budget>, team = 'red') =>
      ledger.open({
        evaluationId,
        trialId: trial(at),
        team,
        budget: { ...noBudget, ...(typeof budget === 'object' ? budget : { tokensMax: budget }) },
        limits: {},
        spent: nothingSpent,
      });
  };
  return { log, told, opener, open: opener(), at: (time: string) => void (nowMs = Date.parse(time)) };
};

describe('a ledger', () => {
  it('waits for what others hold, and refuses what is spent', async () => {
    const { open } = ground();
    const [one, two] = [await open(1, 100), await open(2, 100)];
    expect(await one.reserve('a', call, signal)).toBeNull();
    expect(await one.reserve('b', call, signal)).toBeNull();
    const waiting = two.reserve('c', call, signal);
    one.settle('a', { ...call, tokens: 10 });
    expect(await waiting).toBeNull();
    one.settle('b', call);
    two.settle('c', call);
    expect(await two.reserve('d', call, signal)).toMatchObject({ scope: 'evaluation', kind: 'tokens', settled: 90 });
  });

  it('knows what was spent before it, also where nobody counted', async () => {
    const { told, open } = ground();
    await told(trial(7), 30);
    await told(trial(7), null);
    const purse = await open(1, 200);
    // 60 were counted; of the other call the longest reply is taken, and as much read as ever before: 50 and 30.
    expect((await purse.unspent()).tokens).toBe(60);
  });

  it('hears what other executors spend, and counts its own once', async () => {
    const { told, open } = ground();
    const purse = await open(1, 200);
    await purse.reserve('a', call, signal);
    purse.settle('a', { ...call, tokens: 20 });
    await told(trial(1), 10);
    await told(trial(9), 25);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await purse.unspent()).tokens).toBe(130);
  });

  it('writes down all the time that tools took, also what is beyond the limit', async () => {
    const purse = await ground().open(1, { timeMsMax: 100 });
    expect(await purse.spendTime(80)).toBeNull();
    expect(await purse.reserve('a', { ...call, timeMs: 20 }, signal)).toBeNull();
    // What a call holds may come back: nobody is at the end for it.
    expect(await purse.spendTime(40)).toBeNull();
    purse.settle('a', { ...call, timeMs: 5 });
    expect(await purse.spendTime(7)).toMatchObject({ scope: 'evaluation', kind: 'timeMs', limit: 100, settled: 125 });
    expect(await purse.reserve('b', call, signal)).toMatchObject({ kind: 'timeMs', settled: 132 });
  });

  it('lets go of an evaluation with its last trial, and reads it anew with the next', async () => {
    const { told, open } = ground();
    const purse = await open(1, 200);
    await told(trial(1), 10);
    purse.close();
    purse.close();
    expect((await (await open(2, 200)).unspent()).tokens).toBe(180);
  });
});

describe('a ledger that is opened anew', () => {
  let wire: WireServer;
  onWire((server) => (wire = server));
  const most = { tokensMax: 1_000_000, costMicroUsdMax: 9_000_000, callsMax: 1_000, timeMsMax: 900_000 };
  const most4 = { tokens: 1_000_000, costMicroUsd: 9_000_000, calls: 1_000, timeMs: 900_000 };

  /** Calls as an executor makes them, told in the log. */
  const callsOn = (purse: Purse, { log }: ReturnType<typeof ground>) => {
    const limits = { outputTokensMax: 100, attemptsMax: 2, idleMsMax: 300 };
    const broker = wireBroker(wire, { provider: 'openai', price: { input: 2, output: 8 }, limits });
    const place = { evaluationId, trialId: trial(1) };
    const caller = new ModelCaller(place, {
      broker,
      purse,
      clock: new WorkClock(
        () => performance.now(),
        Infinity,
        () => undefined,
      ),
      note: (event) => log.append({ subject: subjects.trial(evaluationId, trial(1)), event, origin }),
      newId: () => randomUUID(),
      live: null,
    });
    const parameters = { temperature: null, topP: null, outputTokensMax: null, seed: null, stop: [] };
    const asking = { role: 'subject', model: 'wire/openai', turn: 1, tools: [], parameters, signal } as const;
    return async (message = 'go') => {
      const asked = await caller.ask(
        { ...asking, messages: [{ role: 'user', content: message }], requestRecord: null },
        () => 1,
      );
      return asked.kind === 'ended' && asked.end;
    };
  };
  const whole = say('well done, all of it', { pieceChars: 2 });
  const broken = { ...whole, breakAfterBytes: 500 };
  const uncounted = { ...whole, usage: null };

  it.each([
    ['counted', [whole], { ok: true, attempts: 1 }],
    ['that nobody counted', [uncounted], { ok: true, attempts: 1 }],
    ['that broke off and was whole the second time', [broken, whole], { ok: true, abandonedAttempts: 1 }],
    ['that broke off, and that nobody counted', [broken, uncounted], { ok: true, abandonedAttempts: 1 }],
    ['that broke off twice', [broken, broken], { ok: false, abandonedAttempts: 1 }],
    ['that was refused before', [refuse(429, 'slow down', { 'retry-after-ms': '1' }), whole], { attempts: 2 }],
    ['that never began', [refuse(401, 'wrong key')], { ok: false, firstTokenMs: null }],
  ] as const)('knows of a reply %s what the old one knew', async (_what, replies, expected) => {
    const here = ground({ team: most4, platform: most4 });
    const purse = await here.open(1, most);
    const elsewhere = await here.opener()(2, most);
    wire.next(...replies);
    expect(await callsOn(purse, here)('go '.repeat(40))).toMatchObject(expected);
    await nextTurn();
    const known = await purse.unspent();
    expect(known.calls).toBe(999);
    expect(await (await here.opener()(3, most)).unspent()).toEqual(known);
    // Without the evaluation's account, what the day knows.
    expect(await (await here.opener()(3, null)).unspent()).toEqual(known);
    expect(await elsewhere.unspent()).toEqual(known);
  });

  it('gives no money back for what nobody counted, and none for attempts that broke off', async () => {
    const here = ground();
    const purse = await here.open(1, most);
    const ask = callsOn(purse, here);
    wire.next(uncounted, broken, uncounted);
    await ask();
    await nextTurn();
    const once = 9_000_000 - ((await (await here.opener()(3, most)).unspent()).costMicroUsd ?? 0);
    // The longest reply alone is 800.
    expect(once).toBeGreaterThan(800);
    await ask();
    await nextTurn();
    expect((await (await here.opener()(3, most)).unspent()).costMicroUsd).toBe(9_000_000 - 3 * once);
  });
});

describe('the accounts of a day', () => {
  it('hold what a team spent before, and what other executors spend', async () => {
    const { told, open } = ground({ team: { tokens: 100 }, platform: { tokens: 1_000 } });
    await told(trial(7), 10);
    await told(trial(8), 200, 'blue');
    const purse = await open(1, null);
    expect((await purse.unspent()).tokens).toBe(80);
    await told(trial(9), 15);
    await told(trial(9), 100, 'blue');
    await nextTurn();
    expect((await purse.unspent()).tokens).toBe(50);
    await purse.reserve('a', { ...call, tokens: 50 }, signal);
    purse.settle('a', { ...call, tokens: 30 });
    // Our own is not counted again when it is told.
    await told(trial(1), 15);
    await nextTurn();
    expect((await purse.unspent()).tokens).toBe(20);
    expect(await purse.reserve('b', call, signal)).toMatchObject({ scope: 'team', kind: 'tokens', settled: 80 });
  });

  it('are each team’s own, and all of them the platform’s', async () => {
    const { open } = ground({ team: { calls: 2 }, platform: { calls: 3 } });
    const [red, blue] = [await open(1, null, 'red'), await open(2, null, 'blue')];
    for (const id of ['a', 'b']) {
      expect(await red.reserve(id, call, signal)).toBeNull();
      red.settle(id, call);
    }
    expect(await red.reserve('c', call, signal)).toMatchObject({ scope: 'team', kind: 'calls', limit: 2 });
    expect(await blue.reserve('d', call, signal)).toBeNull();
    blue.settle('d', call);
    expect(await blue.reserve('e', call, signal)).toMatchObject({ scope: 'platform', kind: 'calls', limit: 3 });
  });

  it('bound a reply that broke off as well', async () => {
    const { open } = ground({ team: { tokens: 60 } });
    const purse = await open(1, null);
    expect(await purse.reserve('a', call, signal)).toBeNull();
    expect(purse.tryReserve('a 2', { ...call, calls: 0 })).toBe(false);
  });

  it('begin anew at midnight', async () => {
    const { open, at } = ground({ team: { calls: 1 } });
    const purse = await open(1, null);
    await purse.reserve('a', call, signal);
    purse.settle('a', call);
    expect(await purse.reserve('b', call, signal)).toMatchObject({ scope: 'team' });
    at('2026-12-01T00:00:05Z');
    expect(await purse.reserve('c', call, signal)).toBeNull();
  });
});

describe('what a day has spent', () => {
  it('is what stands in the log since it began', async () => {
    const { log, told, at } = ground();
    at('2026-11-29T23:00:00Z');
    for (let index = 0; index < 5; index += 1) await told(trial(index), 100);
    log.inject('crucible.events.platform.executor', Buffer.from('no event'));
    at('2026-11-30T00:00:01Z');
    await told(trial(8), 3);
    await told(trial(9), 4, 'blue');
    const { whole, byTeam } = await spentInDay({ log, history: log }, '2026-11-30');
    expect(whole).toMatchObject({ tokens: 14, calls: 2, costMicroUsd: 7 });
    expect([...byTeam].map(([team, { tokens }]) => [team, tokens])).toEqual([
      ['red', 6],
      ['blue', 8],
    ]);
    expect((await spentInDay({ log, history: log }, '2026-12-01')).whole).toEqual(nothingSpent);
  });
});

describe('working time', () => {
  it('stands still while it waits for anything, and rings when it is over', async () => {
    let now = 0;
    let rings = 0;
    const clock = new WorkClock(
      () => now,
      100,
      () => (rings += 1),
    );
    now = 40;
    const [one, two] = [clock.wait(), clock.wait()];
    now = 1_000;
    one();
    one();
    now = 2_000;
    two();
    now = 2_050;
    expect([clock.workedMs, clock.waitedMs, clock.leftMs]).toEqual([90, 1_960, 10]);
    now = 2_060;
    await new Promise((resolve) => setTimeout(resolve, 90));
    expect(rings).toBe(1);
    clock.stop();
    now = 9_000;
    expect(clock.workedMs).toBe(100);
  });
});
