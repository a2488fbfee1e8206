import {
  accountOf,
  addSpend,
  closeAccount,
  leftIn,
  leftInAll,
  noBudgets,
  nothingSpent,
  openAccount,
  reserve,
  settle,
  spendElsewhere,
  spentUpIn,
} from '@crucible/domain';
import type {
  AccountName,
  BudgetAccount,
  BudgetKind,
  BudgetLimits,
  BudgetRefusal,
  Budgets,
  Spend,
  Wish,
} from '@crucible/domain';
import type { EventHistory, EventLog } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { Budget, EvaluationId, TrialId } from '@crucible/events';
import type { Logger } from '@crucible/service-kit';
import { Days, isBounded } from './days.ts';
import type { DayLimits } from './days.ts';
import { Purse } from './purse.ts';
import { hearSpending, spentOnEvent } from './spending.ts';
import type { Estimates } from './spending.ts';

export interface LedgerPorts {
  readonly log: Pick<EventLog, 'head' | 'follow'>;
  readonly history: Pick<EventHistory, 'readEvaluation' | 'readAt'>;
  readonly days: DayLimits;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly logger: Logger;
}

interface OpenEvaluation {
  readonly name: AccountName;
  /** Trials of ours, also those that ended: what they spend is written here, not heard from the log. */
  readonly own: Set<TrialId>;
  readonly ready: Promise<void>;
  readonly stop: AbortController;
  users: number;
}

const limitsOf = ({ tokensMax, costMicroUsdMax, callsMax, timeMsMax }: Budget): BudgetLimits => ({
  ...(tokensMax === null ? {} : { tokens: tokensMax }),
  ...(costMicroUsdMax === null ? {} : { costMicroUsd: costMicroUsdMax }),
  ...(callsMax === null ? {} : { calls: callsMax }),
  ...(timeMsMax === null ? {} : { timeMs: timeMsMax }),
});

/** What is asked for a trial. */
export interface PurseWish {
  readonly evaluationId: EvaluationId;
  readonly trialId: TrialId;
  readonly team: string;
  readonly budget: Budget;
  readonly limits: BudgetLimits;
  /** By an earlier attempt that this one goes on behind. */
  readonly spent: Spend;
}

/**
 * The accounts that calls are paid from: of each running trial, of its evaluation, of its team and the platform for a day.
 * What an evaluation has spent is read from the log when its first trial begins here, so no restart gives it back, and what
 * other executors spend on it is heard from there.
 */
export class Ledger {
  readonly #ports: LedgerPorts;
  readonly #evaluations = new Map<EvaluationId, OpenEvaluation>();
  readonly #days: Days;
  #budgets: Budgets = noBudgets;
  #settled = Promise.withResolvers<void>();

  constructor(ports: LedgerPorts) {
    this.#ports = ports;
    this.#days = new Days(ports, ports.days, {
      isOpen: (name) => accountOf(this.#budgets, name) !== undefined,
      open: (name, limits, spent) => (this.#budgets = openAccount(this.#budgets, name, limits, spent)),
      spendElsewhere: (name, spent) => (this.#budgets = spendElsewhere(this.#budgets, name, spent)),
    });
  }

  /** @throws BusUnavailable when what was spent before cannot be known: then nothing may be spent */
  async open(wish: PurseWish): Promise<Purse> {
    const { evaluationId, trialId, team } = wish;
    const evaluation = this.#evaluationOf(wish);
    evaluation.users += 1;
    evaluation.own.add(trialId);
    this.#days.own(evaluationId, trialId);
    try {
      await evaluation.ready;
    } catch (error) {
      this.#leave(evaluationId, evaluation);
      throw error;
    }
    const trial: AccountName = { scope: 'trial', id: `${evaluationId}/${trialId}` };
    this.#budgets = openAccount(this.#budgets, trial, wish.limits, wish.spent);
    return new Purse(this, { names: [trial, evaluation.name], team }, () => {
      this.#budgets = closeAccount(this.#budgets, trial);
      this.#leave(evaluationId, evaluation);
    });
  }

  onModuleDestroy(): void {
    for (const { stop } of this.#evaluations.values()) stop.abort();
    this.#days.close();
  }

  /** The accounts of this day, a team's and the platform's, with what was spent in it before. @throws BusUnavailable */
  today(team: string): Promise<readonly AccountName[]> {
    return this.#days.accountsOf(team);
  }

  /** What all of these accounts together have not spent; of that, others may hold a part for now. */
  unspent(names: readonly AccountName[]): BudgetLimits {
    const free = names.map((name) => ({ ...this.#account(name), reserved: nothingSpent }));
    const least: Partial<Record<BudgetKind, number>> = {};
    for (const account of free)
      for (const [kind, amount] of Object.entries(leftIn(account)) as [BudgetKind, number][])
        least[kind] = Math.min(least[kind] ?? Infinity, amount);
    return least;
  }

  /** Writes down what nothing was held for. @returns the account whose time was used up before, if one was */
  spendTime(names: readonly AccountName[], timeMs: number): BudgetRefusal | null {
    const usedUp = spentUpIn(this.#budgets, names, 'timeMs') ?? null;
    for (const name of names) this.#budgets = spendElsewhere(this.#budgets, name, { ...nothingSpent, timeMs });
    return usedUp;
  }

  /** Holds as much working time as nobody else does, up to a bound. @returns how much, or which account has none */
  holdTime(id: string, names: readonly AccountName[], msMax: number): number | BudgetRefusal {
    const free = leftInAll(this.#budgets, names).timeMs ?? msMax;
    const timeMs = Math.max(1, Math.min(msMax, free));
    const reserved = reserve(this.#budgets, id, names, { ...nothingSpent, timeMs });
    if (!reserved.ok) return reserved.refusal;
    this.#budgets = reserved.budgets;
    return timeMs;
  }

  /**
   * Holds what a call may come to. What others hold may come back, so it is waited for; what is spent does not.
   * @returns which account does not take it; null when it is held
   */
  async reserve(
    id: string,
    names: readonly AccountName[],
    wish: Wish,
    signal: AbortSignal,
  ): Promise<BudgetRefusal | null> {
    for (;;) {
      const reserved = reserve(this.#budgets, id, names, wish);
      if (reserved.ok) {
        this.#budgets = reserved.budgets;
        return null;
      }
      if (reserved.refusal.reserved === 0 || reserved.refusal.asked === null || signal.aborted) return reserved.refusal;
      await Promise.race([this.#settled.promise, aborted(signal)]);
    }
  }

  /** The same, now or not at all. */
  tryReserve(id: string, names: readonly AccountName[], wish: Wish): boolean {
    const reserved = reserve(this.#budgets, id, names, wish);
    if (reserved.ok) this.#budgets = reserved.budgets;
    return reserved.ok;
  }

  settle(id: string, spent: Spend): void {
    this.#budgets = settle(this.#budgets, id, spent);
    this.#settled.resolve();
    this.#settled = Promise.withResolvers();
  }

  #account(name: AccountName): BudgetAccount {
    const account = accountOf(this.#budgets, name);
    if (account === undefined) throw new RangeError(`there is no account ${name.scope} ${name.id}`);
    return account;
  }

  #evaluationOf({ evaluationId, budget }: PurseWish): OpenEvaluation {
    const known = this.#evaluations.get(evaluationId);
    if (known !== undefined) return known;
    const name: AccountName = { scope: 'evaluation', id: evaluationId };
    const stop = new AbortController();
    const limits = limitsOf(budget);
    const own = new Set<TrialId>();
    const opened: OpenEvaluation = { name, own, stop, users: 0, ready: this.#refold(evaluationId, limits, own, stop) };
    this.#evaluations.set(evaluationId, opened);
    return opened;
  }

  async #refold(
    evaluationId: EvaluationId,
    limits: BudgetLimits,
    own: ReadonlySet<TrialId>,
    stop: AbortController,
  ): Promise<void> {
    const name: AccountName = { scope: 'evaluation', id: evaluationId };
    if (!isBounded(limits)) {
      this.#budgets = openAccount(this.#budgets, name, limits);
      return;
    }
    const { log, history } = this.#ports;
    const upTo = await log.head();
    const estimates: Estimates = new Map();
    let spent = nothingSpent;
    for await (const stored of history.readEvaluation(evaluationId, { upTo }))
      if (stored.ok) spent = addSpend(spent, spentOnEvent(stored.event, estimates));
    this.#budgets = openAccount(this.#budgets, name, limits, spent);
    void this.#hear(
      name,
      { from: upTo + 1, subject: subjects.trialsOf(evaluationId), signal: stop.signal },
      own,
      estimates,
    );
  }

  /** What other executors spend on an evaluation that is open here. */
  async #hear(
    name: AccountName,
    options: { readonly from: number; readonly subject: string; readonly signal: AbortSignal },
    own: ReadonlySet<TrialId>,
    estimates: Estimates,
  ): Promise<void> {
    try {
      await hearSpending(this.#ports.log, options, estimates, {
        leavesOut: ({ data }) => 'trialId' in data && own.has(data.trialId as TrialId),
        told: (_event, spent) => (this.#budgets = spendElsewhere(this.#budgets, name, spent)),
      });
    } catch (error) {
      this.#ports.logger.error(
        { err: error, account: name },
        'what others spend on this evaluation is not heard any more',
      );
    }
  }

  #leave(evaluationId: EvaluationId, evaluation: OpenEvaluation): void {
    evaluation.users -= 1;
    if (evaluation.users > 0) return;
    evaluation.stop.abort();
    this.#evaluations.delete(evaluationId);
    this.#budgets = closeAccount(this.#budgets, evaluation.name);
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
