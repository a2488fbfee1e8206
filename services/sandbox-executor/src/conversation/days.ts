import { addSpend, nothingSpent } from '@crucible/domain';
import type { AccountName, BudgetLimits, Spend } from '@crucible/domain';
import { subjects } from '@crucible/events';
import type { CrucibleEvent, EvaluationId, TrialId } from '@crucible/events';
import type { Logger } from '@crucible/service-kit';
import { addTo, spentInDay } from './day.ts';
import type { DayPorts } from './day.ts';
import { hearSpending } from './spending.ts';
import type { Estimates } from './spending.ts';

/** What may be spent in one day, in UTC. */
export interface DayLimits {
  /** By all teams together. */
  readonly platform: BudgetLimits;
  /** By each team. */
  readonly team: BudgetLimits;
}

export interface DaysPorts extends DayPorts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly logger: Logger;
}

/** The accounts that a day's spending is written in. */
export interface DayAccounts {
  isOpen(name: AccountName): boolean;
  open(name: AccountName, limits: BudgetLimits, spent: Spend): void;
  spendElsewhere(name: AccountName, spent: Spend): void;
}

interface Day {
  readonly name: string;
  /** By team, without what this executor has spent since it looked: that is written in the accounts. */
  readonly ready: Promise<Map<string, Spend>>;
  readonly stop: AbortController;
  /** Trials of ours, also those that ended. */
  readonly own: Set<string>;
}

export const isBounded = (limits: BudgetLimits): boolean => Object.keys(limits).length > 0;

const dayOf = (nowMs: number): string => new Date(nowMs).toISOString().slice(0, 10);
const keyOf = (evaluationId: EvaluationId, trialId: TrialId): string => `${evaluationId}/${trialId}`;
const platformOf = (day: string): AccountName => ({ scope: 'platform', id: day });
const teamOf = (day: string, team: string): AccountName => ({ scope: 'team', id: `${day} ${team}` });

/**
 * The accounts of a day: each team's and the platform's. What was spent before is read from the log when a day is first
 * needed, and what other executors spend is heard from there.
 */
export class Days {
  readonly #ports: DaysPorts;
  readonly #limits: DayLimits;
  readonly #accounts: DayAccounts;
  #day: Day | undefined;
  /** Of the trials that go on over midnight, calls are still ours. */
  #before: ReadonlySet<string> = new Set();

  constructor(ports: DaysPorts, limits: DayLimits, accounts: DayAccounts) {
    this.#ports = ports;
    this.#limits = limits;
    this.#accounts = accounts;
  }

  /** What this trial spends is written in the accounts, and not heard from the log. */
  own(evaluationId: EvaluationId, trialId: TrialId): void {
    this.#today().own.add(keyOf(evaluationId, trialId));
  }

  /** The open accounts of this day that a team's calls are paid from. @throws BusUnavailable */
  async accountsOf(team: string): Promise<readonly AccountName[]> {
    const day = this.#today();
    const byTeam = await day.ready;
    const names = [teamOf(day.name, team), platformOf(day.name)] as const;
    const [ofTeam, ofPlatform] = names;
    if (!this.#accounts.isOpen(ofTeam))
      this.#accounts.open(ofTeam, this.#limits.team, byTeam.get(team) ?? nothingSpent);
    if (!this.#accounts.isOpen(ofPlatform))
      this.#accounts.open(ofPlatform, this.#limits.platform, [...byTeam.values()].reduce(addSpend, nothingSpent));
    return names;
  }

  close(): void {
    this.#day?.stop.abort();
  }

  #today(): Day {
    const name = dayOf(this.#ports.now());
    if (this.#day?.name === name) return this.#day;
    this.#day?.stop.abort();
    this.#before = this.#day?.own ?? new Set();
    const stop = new AbortController();
    const day: Day = { name, stop, own: new Set(), ready: this.#read(name, stop.signal) };
    day.ready.catch(() => {
      // Asked again by whoever needs it next; whose trials they are is known all the same.
      if (this.#day === day) this.#day = { ...day, name: '' };
    });
    this.#day = day;
    return day;
  }

  async #read(name: string, signal: AbortSignal): Promise<Map<string, Spend>> {
    if (!isBounded(this.#limits.platform) && !isBounded(this.#limits.team)) return new Map();
    const estimates: Estimates = new Map();
    const { byTeam, upTo } = await spentInDay(this.#ports, name, estimates);
    const known = new Map(byTeam);
    void this.#hear(name, known, { from: upTo + 1, signal, estimates });
    return known;
  }

  async #hear(
    name: string,
    byTeam: Map<string, Spend>,
    { from, signal, estimates }: { readonly from: number; readonly signal: AbortSignal; readonly estimates: Estimates },
  ): Promise<void> {
    try {
      await hearSpending(this.#ports.log, { from, subject: subjects.everyTrial, signal }, estimates, {
        leavesOut: (event) => !event.time.startsWith(name) || this.#isOurs(event),
        told: ({ team }, spent) => {
          addTo(byTeam, team, spent);
          this.#accounts.spendElsewhere(teamOf(name, team), spent);
          this.#accounts.spendElsewhere(platformOf(name), spent);
        },
      });
    } catch (error) {
      this.#ports.logger.error({ err: error, day: name }, 'what others spend in this day is not heard any more');
    }
  }

  #isOurs({ data }: CrucibleEvent): boolean {
    if (!('evaluationId' in data && 'trialId' in data)) return false;
    const key = keyOf(data.evaluationId as EvaluationId, data.trialId as TrialId);
    return this.#day?.own.has(key) === true || this.#before.has(key);
  }
}
