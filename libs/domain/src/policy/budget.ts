import { budgetKindSchema, budgetScopeSchema } from '@crucible/events';
import type { BudgetKind, BudgetScope, EventData } from '@crucible/events';

export type { BudgetKind, BudgetScope } from '@crucible/events';
/** What is bounded. */
export const budgetKinds: readonly BudgetKind[] = budgetKindSchema.options;
/** From the narrowest to the widest: where several refuse, the narrowest is named. */
export const budgetScopes: readonly BudgetScope[] = budgetScopeSchema.options;

/** Whole numbers of each kind, none below zero. */
export type Spend = Readonly<Record<BudgetKind, number>>;
/** The most that may be spent; a kind that is left out has no limit. */
export type BudgetLimits = Readonly<Partial<Record<BudgetKind, number>>>;
/** What a call may come to. Its cost is null when nobody knows the price: then no account with a limit on money takes it. */
export type Wish = Omit<Spend, 'costMicroUsd'> & { readonly costMicroUsd: number | null };

export const nothingSpent: Spend = { tokens: 0, costMicroUsd: 0, calls: 0, timeMs: 0 };

/** Whose money it is: the trial's, the evaluation's, the team's, the platform's. */
export interface AccountName {
  readonly scope: BudgetScope;
  readonly id: string;
}

export interface BudgetAccount extends AccountName {
  readonly limits: BudgetLimits;
  /** Spent for good. Beyond a limit only where a call came to more than was reserved for it. */
  readonly settled: Spend;
  /** Held for calls that are under way. */
  readonly reserved: Spend;
}

interface Reservation {
  readonly accounts: readonly string[];
  readonly amount: Spend;
}

/** Every open account, and what is held in them. A value: each step gives the next one. */
export interface Budgets {
  readonly accounts: ReadonlyMap<string, BudgetAccount>;
  readonly reservations: ReadonlyMap<string, Reservation>;
}

export const noBudgets: Budgets = { accounts: new Map(), reservations: new Map() };

/** Which account did not let a call be made, and for what. */
export interface BudgetRefusal extends AccountName {
  readonly kind: BudgetKind;
  readonly limit: number;
  readonly settled: number;
  readonly reserved: number;
  /** Null: what the call costs cannot be known, and this account has a limit on money. */
  readonly asked: number | null;
}

export type Reserved =
  { readonly ok: true; readonly budgets: Budgets } | { readonly ok: false; readonly refusal: BudgetRefusal };

const keyOf = ({ scope, id }: AccountName): string => `${scope}:${id}`;

const combine = (one: Spend, other: Spend, sum: (a: number, b: number) => number): Spend => ({
  tokens: sum(one.tokens, other.tokens),
  costMicroUsd: sum(one.costMicroUsd, other.costMicroUsd),
  calls: sum(one.calls, other.calls),
  timeMs: sum(one.timeMs, other.timeMs),
});
export const addSpend = (one: Spend, other: Spend): Spend => combine(one, other, (a, b) => a + b);
const takeAway = (one: Spend, other: Spend): Spend => combine(one, other, (a, b) => Math.max(0, a - b));

/** What is no whole number, or below zero, would make room out of nothing. */
const whole = (amount: number): number => {
  if (!Number.isSafeInteger(amount) || amount < 0) throw new RangeError(`${amount} is no amount of anything`);
  return amount;
};
const wholes = (spend: Spend): Spend => combine(spend, spend, (amount) => whole(amount));

/**
 * Opens an account, or gives an open one new limits; what was spent and is held in it stays.
 * @param settled what was spent before it was opened here, such as what the log tells of it
 */
export const openAccount = (
  budgets: Budgets,
  name: AccountName,
  limits: BudgetLimits,
  settled: Spend = nothingSpent,
): Budgets => {
  const before = budgets.accounts.get(keyOf(name));
  const account: BudgetAccount = {
    scope: name.scope,
    id: name.id,
    limits,
    settled: before?.settled ?? wholes(settled),
    reserved: before?.reserved ?? nothingSpent,
  };
  return { ...budgets, accounts: new Map(budgets.accounts).set(keyOf(name), account) };
};

/** Closes an account. What calls under way come to is not written there any more. */
export const closeAccount = (budgets: Budgets, name: AccountName): Budgets => {
  const accounts = new Map(budgets.accounts);
  accounts.delete(keyOf(name));
  return { ...budgets, accounts };
};

export const accountOf = (budgets: Budgets, name: AccountName): BudgetAccount | undefined =>
  budgets.accounts.get(keyOf(name));

const left = (account: BudgetAccount, kind: BudgetKind): number =>
  (account.limits[kind] ?? Infinity) - account.settled[kind] - account.reserved[kind];

/** What one account still lets be reserved, of the kinds that it limits; zero where it is overspent. */
export const leftIn = (account: BudgetAccount): BudgetLimits =>
  Object.fromEntries(
    budgetKinds
      .filter((kind) => account.limits[kind] !== undefined)
      .map((kind) => [kind, Math.max(0, left(account, kind))]),
  );

/** What all of these accounts together still let be reserved: a caller asks for no longer a reply than this pays for. */
export const leftInAll = (budgets: Budgets, names: readonly AccountName[]): BudgetLimits => {
  const least: Partial<Record<BudgetKind, number>> = {};
  for (const account of accountsOf(budgets, names))
    for (const kind of budgetKinds) {
      if (account.limits[kind] === undefined) continue;
      least[kind] = Math.min(least[kind] ?? Infinity, Math.max(0, left(account, kind)));
    }
  return least;
};

/** @throws RangeError when an account was never opened: a call that nobody pays for must not be made */
const accountsOf = (budgets: Budgets, names: readonly AccountName[]): BudgetAccount[] =>
  [...new Set(names.map(keyOf))]
    .map((key) => {
      const account = budgets.accounts.get(key);
      if (account === undefined) throw new RangeError(`there is no account ${key}`);
      return account;
    })
    .sort((a, b) => budgetScopes.indexOf(a.scope) - budgetScopes.indexOf(b.scope));

const refused = (account: BudgetAccount, kind: BudgetKind, limit: number, asked: number | null): BudgetRefusal => ({
  scope: account.scope,
  id: account.id,
  kind,
  limit,
  settled: account.settled[kind],
  reserved: account.reserved[kind],
  asked,
});

const refusalOf = (account: BudgetAccount, wish: Wish): BudgetRefusal | undefined => {
  for (const kind of budgetKinds) {
    const limit = account.limits[kind];
    if (limit === undefined) continue;
    const asked = wish[kind];
    // Who asks for nothing takes nothing, also where an account is overspent. But of time nobody knows who will need some:
    // when it is spent for good there is none to give.
    const tooMuch = asked === null || (asked > 0 && asked > left(account, kind));
    const usedUp = kind === 'timeMs' && account.settled.timeMs >= limit;
    if (tooMuch || usedUp) return refused(account, kind, limit, asked);
  }
  return undefined;
};

/**
 * Holds what a call may come to in every account it is paid from, or in none. As all that is held counts as spent, calls
 * that are made at once cannot spend more together than one after the other.
 * @param id names the reservation; taken until it is settled
 * @throws RangeError for an id that is taken, an account that is not open, or an amount that is none
 */
export const reserve = (budgets: Budgets, id: string, names: readonly AccountName[], wish: Wish): Reserved => {
  if (budgets.reservations.has(id)) throw new RangeError(`there already is a reservation ${id}`);
  const amount = wholes({ ...wish, costMicroUsd: wish.costMicroUsd ?? 0 });
  const accounts = accountsOf(budgets, names);
  for (const account of accounts) {
    const refusal = refusalOf(account, wish);
    if (refusal !== undefined) return { ok: false, refusal };
  }
  const after = new Map(budgets.accounts);
  for (const account of accounts)
    after.set(keyOf(account), { ...account, reserved: addSpend(account.reserved, amount) });
  const reservations = new Map(budgets.reservations).set(id, { accounts: accounts.map(keyOf), amount });
  return { ok: true, budgets: { accounts: after, reservations } };
};

/**
 * Writes down what a call came to and gives back the rest of what was held for it. A reservation that is not there was
 * settled before: settling is safe to repeat.
 */
export const settle = (budgets: Budgets, id: string, spent: Spend): Budgets => {
  const reservation = budgets.reservations.get(id);
  if (reservation === undefined) return budgets;
  const amount = wholes(spent);
  const accounts = new Map(budgets.accounts);
  for (const key of reservation.accounts) {
    const account = accounts.get(key);
    if (account === undefined) continue;
    const reserved = takeAway(account.reserved, reservation.amount);
    accounts.set(key, { ...account, reserved, settled: addSpend(account.settled, amount) });
  }
  const reservations = new Map(budgets.reservations);
  reservations.delete(id);
  return { accounts, reservations };
};

/** Writes down what was spent elsewhere on an open account: nothing was held for it here. */
export const spendElsewhere = (budgets: Budgets, name: AccountName, spent: Spend): Budgets => {
  const account = budgets.accounts.get(keyOf(name));
  if (account === undefined) return budgets;
  const settled = addSpend(account.settled, wholes(spent));
  return { ...budgets, accounts: new Map(budgets.accounts).set(keyOf(name), { ...account, settled }) };
};

/** Gives back all that was held for a call that was not made. */
export const release = (budgets: Budgets, id: string): Budgets => settle(budgets, id, nothingSpent);

/** The narrowest of these accounts in which all that it allows of a kind is spent for good. What is held may come back. */
export const spentUpIn = (
  budgets: Budgets,
  names: readonly AccountName[],
  kind: BudgetKind,
): BudgetRefusal | undefined => {
  for (const account of accountsOf(budgets, names)) {
    const limit = account.limits[kind];
    if (limit !== undefined && account.settled[kind] >= limit) return refused(account, kind, limit, 0);
  }
  return undefined;
};

const units: Readonly<Record<BudgetKind, string>> = {
  tokens: 'tokens',
  costMicroUsd: 'micro-USD',
  calls: 'calls',
  timeMs: 'ms of working time',
};

/** A refusal in words: `the budget of the trial allows 1000 tokens: 900 are spent, 50 are held, 200 were asked for`. */
export const refusalText = ({ scope, kind, limit, settled, reserved, asked }: BudgetRefusal): string => {
  const unit = units[kind];
  if (asked === null) return `the budget of the ${scope} limits ${unit}, and the model has no price`;
  return `the budget of the ${scope} allows ${limit} ${unit}: ${settled} are spent, ${reserved} are held, ${asked} were asked for`;
};

type Reached = EventData<'crucible.trial.budget-reached.v1'>;

/** What a refusal says in the log. */
export const budgetFacts = ({
  scope,
  kind,
  limit,
  settled,
  asked,
}: BudgetRefusal): Pick<Reached, 'scope' | 'kind' | 'limit' | 'spent' | 'asked'> => ({
  scope,
  kind,
  limit,
  spent: settled,
  asked,
});

/** Why no other trial of an evaluation begins: `the budget of the team allows 1000 tokens, and 980 are spent`. */
export const budgetReachedText = ({
  scope,
  kind,
  limit,
  spent,
  asked,
}: Pick<Reached, 'scope' | 'kind' | 'limit' | 'spent' | 'asked'>): string =>
  asked === null
    ? `the budget of the ${scope} limits ${units[kind]}, and the model has no price`
    : `the budget of the ${scope} allows ${limit} ${units[kind]}, and ${spent} are spent`;
