import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accountOf,
  budgetKinds,
  budgetScopes,
  closeAccount,
  leftIn,
  leftInAll,
  noBudgets,
  nothingSpent,
  openAccount,
  refusalText,
  release,
  reserve,
  settle,
  spentUpIn,
} from './budget.ts';
import type { AccountName, BudgetLimits, Budgets, Spend, Wish } from './budget.ts';

const trial: AccountName = { scope: 'trial', id: '0-1-1' };
const team: AccountName = { scope: 'team', id: 'red' };
const call = (tokens: number, costMicroUsd: number | null = 0): Wish => ({ tokens, costMicroUsd, calls: 1, timeMs: 0 });
const open = (trialLimits: BudgetLimits, teamLimits: BudgetLimits = {}): Budgets =>
  openAccount(openAccount(noBudgets, trial, trialLimits), team, teamLimits);
const reserved = (budgets: Budgets, id: string, wish: Wish): Budgets => {
  const answer = reserve(budgets, id, [trial, team], wish);
  if (!answer.ok) throw new Error(refusalText(answer.refusal));
  return answer.budgets;
};

describe('a budget', () => {
  it('holds what a call may come to and gives back what it did not', () => {
    const held = reserved(open({ tokens: 100 }), 'a', call(80));
    expect(accountOf(held, trial)).toMatchObject({ reserved: { tokens: 80, calls: 1 }, settled: nothingSpent });
    const settled = settle(held, 'a', { ...nothingSpent, tokens: 30, calls: 1 });
    expect(accountOf(settled, trial)).toMatchObject({ reserved: nothingSpent, settled: { tokens: 30, calls: 1 } });
    expect(leftInAll(settled, [trial, team])).toEqual({ tokens: 70 });
  });

  it('refuses with the scope and the kind, and holds nothing anywhere', () => {
    const budgets = open({ tokens: 1_000 }, { calls: 1 });
    const once = reserved(budgets, 'a', call(10));
    const answer = reserve(once, 'b', [trial, team], call(10));
    expect(answer).toEqual({
      ok: false,
      refusal: { scope: 'team', id: 'red', kind: 'calls', limit: 1, settled: 0, reserved: 1, asked: 1 },
    });
    expect(accountOf(once, trial)?.reserved.tokens).toBe(10);
    expect(answer.ok ? '' : refusalText(answer.refusal)).toBe(
      'the budget of the team allows 1 calls: 0 are spent, 1 are held, 1 were asked for',
    );
  });

  it('names the narrowest scope that refuses', () => {
    const answer = reserve(open({ tokens: 5 }, { tokens: 5 }), 'a', [team, trial], call(6));
    expect(answer).toMatchObject({ ok: false, refusal: { scope: 'trial', kind: 'tokens', asked: 6 } });
  });

  it('takes no call without a price where money is limited, and any where it is not', () => {
    const limited = reserve(open({ costMicroUsd: 10 }), 'a', [trial], call(1, null));
    expect(limited).toMatchObject({ ok: false, refusal: { kind: 'costMicroUsd', asked: null } });
    expect(limited.ok ? '' : refusalText(limited.refusal)).toMatch(/has no price$/);
    expect(reserve(open({ tokens: 10 }), 'a', [trial], call(1, null)).ok).toBe(true);
  });

  it('of no money at all lets what is free be called', () => {
    expect(reserve(open({ costMicroUsd: 0 }), 'a', [trial], call(1, 0)).ok).toBe(true);
    expect(reserve(open({ costMicroUsd: 0 }), 'a', [trial], call(1, 1)).ok).toBe(false);
  });

  it('of time is at its end once it is used up, also for what asks for none', () => {
    const budgets = settle(reserved(open({ tokens: 10, timeMs: 5 }), 'a', call(0)), 'a', {
      ...nothingSpent,
      timeMs: 7,
    });
    const up = { scope: 'trial', kind: 'timeMs', settled: 7, limit: 5 };
    expect(spentUpIn(budgets, [trial, team], 'timeMs')).toMatchObject(up);
    expect(reserve(budgets, 'b', [trial], call(1)).ok).toBe(false);
    const account = accountOf(budgets, trial);
    expect(account && leftIn(account)).toEqual({ tokens: 10, timeMs: 0 });
    expect(spentUpIn(budgets, [trial, team], 'tokens')).toBeUndefined();
  });

  it('of time that others hold is not used up: it may come back', () => {
    const held = reserved(open({ timeMs: 5 }), 'a', { ...call(0), timeMs: 5 });
    expect(spentUpIn(held, [trial, team], 'timeMs')).toBeUndefined();
    expect(reserve(held, 'b', [trial], { ...call(0), timeMs: 1 })).toMatchObject({ refusal: { kind: 'timeMs' } });
    expect(reserve(held, 'b', [trial], call(0)).ok).toBe(true);
  });

  it('that is overspent takes what asks for nothing of that kind', () => {
    const over = settle(reserved(open({ tokens: 10, calls: 9 }), 'a', call(10)), 'a', { ...nothingSpent, tokens: 15 });
    expect(reserve(over, 'b', [trial], call(0)).ok).toBe(true);
    expect(reserve(over, 'b', [trial], call(1))).toMatchObject({ refusal: { kind: 'tokens', settled: 15 } });
  });

  it('may be settled twice, and is released without a trace', () => {
    const held = reserved(open({ tokens: 100 }), 'a', call(80));
    const spent = { ...nothingSpent, tokens: 5 };
    expect(settle(settle(held, 'a', spent), 'a', spent)).toEqual(settle(held, 'a', spent));
    expect(release(held, 'a')).toEqual(open({ tokens: 100 }));
  });

  it('keeps what was spent when its limits change or another account closes', () => {
    const spent = settle(reserved(open({ tokens: 100 }), 'a', call(80)), 'a', { ...nothingSpent, tokens: 50 });
    const raised = openAccount(spent, trial, { tokens: 200 }, { ...nothingSpent, tokens: 1 });
    expect(leftInAll(raised, [trial])).toEqual({ tokens: 150 });
    const closed = closeAccount(reserved(raised, 'b', call(1)), team);
    expect(accountOf(settle(closed, 'b', { ...nothingSpent, tokens: 1 }), trial)?.settled.tokens).toBe(51);
  });

  it('goes on from what the log tells was spent', () => {
    const budgets = openAccount(noBudgets, trial, { calls: 3 }, { ...nothingSpent, calls: 2 });
    expect(leftInAll(budgets, [trial])).toEqual({ calls: 1 });
  });

  it('throws for promises broken by its caller', () => {
    const budgets = open({});
    expect(() => reserve(budgets, 'a', [{ scope: 'platform', id: 'all' }], call(1))).toThrow(/no account/);
    expect(() => reserve(reserved(budgets, 'a', call(1)), 'a', [trial], call(1))).toThrow(/already/);
    for (const amount of [-1, 0.5, Number.NaN, Infinity])
      expect(() => reserve(budgets, 'a', [trial], call(amount))).toThrow(RangeError);
  });
});

/** Steps of many callers in any order: what none of them may bring about is an account over its limit. */
describe('reservations that are made at once', () => {
  const amounts = fc.record({
    tokens: fc.nat(60),
    costMicroUsd: fc.nat(60),
    calls: fc.constant(1),
    timeMs: fc.nat(60),
  });
  const limits = fc.record(
    { tokens: fc.nat(200), costMicroUsd: fc.nat(200), calls: fc.nat(8), timeMs: fc.nat(200) },
    { requiredKeys: [] },
  );
  const step = fc.record({
    settles: fc.boolean(),
    which: fc.nat(),
    wish: amounts,
    share: fc.float({ min: 0, max: 1, noNaN: true }),
    scopes: fc.subarray([...budgetScopes], { minLength: 1 }),
  });
  const nameOf = (scope: AccountName['scope']): AccountName => ({ scope, id: 'x' });

  it('never overshoot any limit of any scope, and account for every one that was granted', () => {
    fc.assert(
      fc.property(
        fc.record({ trial: limits, evaluation: limits, team: limits, platform: limits }),
        fc.array(step, { maxLength: 60 }),
        (limitsOf, steps) => {
          let budgets = budgetScopes.reduce(
            (made, scope) => openAccount(made, nameOf(scope), limitsOf[scope] as BudgetLimits),
            noBudgets,
          );
          const under: { id: string; wish: Spend; scopes: readonly AccountName['scope'][] }[] = [];
          const spent = new Map(budgetScopes.map((scope) => [scope, { ...nothingSpent } as Record<string, number>]));
          steps.forEach(({ settles, which, wish, share, scopes }, index) => {
            const call = settles && under.length > 0 ? under.splice(which % under.length, 1)[0] : undefined;
            if (call !== undefined) {
              const actual = Object.fromEntries(
                budgetKinds.map((kind) => [kind, Math.floor(call.wish[kind] * share)]),
              ) as unknown as Spend;
              budgets = settle(budgets, call.id, actual);
              for (const scope of call.scopes)
                for (const kind of budgetKinds) (spent.get(scope) as Record<string, number>)[kind]! += actual[kind];
              return;
            }
            const answer = reserve(budgets, `r${index}`, scopes.map(nameOf), wish);
            if (!answer.ok) return;
            budgets = answer.budgets;
            under.push({ id: `r${index}`, wish, scopes });
          });
          for (const scope of budgetScopes) {
            const account = accountOf(budgets, nameOf(scope));
            for (const kind of budgetKinds) {
              const held = under
                .filter(({ scopes }) => scopes.includes(scope))
                .reduce((sum, { wish }) => sum + wish[kind], 0);
              expect(account?.reserved[kind]).toBe(held);
              expect(account?.settled[kind]).toBe(spent.get(scope)?.[kind]);
              const limit = account?.limits[kind] ?? Infinity;
              expect((account?.settled[kind] ?? 0) + (account?.reserved[kind] ?? 0)).toBeLessThanOrEqual(limit);
            }
          }
        },
      ),
    );
  });

  it('are refused only where one of the scopes cannot pay', () => {
    fc.assert(
      fc.property(limits, amounts, (allowed, wish) => {
        const budgets = openAccount(noBudgets, trial, allowed as BudgetLimits);
        const answer = reserve(budgets, 'a', [trial], wish);
        const fits = budgetKinds.every(
          (kind) =>
            allowed[kind] === undefined || (wish[kind] <= allowed[kind] && (kind !== 'timeMs' || allowed[kind] > 0)),
        );
        expect(answer.ok).toBe(fits);
        if (!answer.ok) expect(allowed[answer.refusal.kind]).toBe(answer.refusal.limit);
      }),
    );
  });
});
