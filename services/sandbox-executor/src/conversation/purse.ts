import { nothingSpent } from '@crucible/domain';
import type { AccountName, BudgetLimits, BudgetRefusal, Spend, Wish } from '@crucible/domain';
import { busBack } from '../trials/open-trial.ts';
import type { Ledger } from './ledger.ts';

/** Whose accounts a purse draws on: those that stay, and the team whose day it is. */
export interface Payers {
  readonly names: readonly AccountName[];
  readonly team: string;
}

/** What the calls of one trial are paid from. */
export class Purse {
  readonly #ledger: Ledger;
  readonly #names: readonly AccountName[];
  readonly #team: string;
  /** The accounts of the day that was last asked for. */
  #days: readonly AccountName[] = [];
  readonly #close: () => void;
  #closed = false;

  constructor(ledger: Ledger, { names, team }: Payers, close: () => void) {
    this.#ledger = ledger;
    this.#names = names;
    this.#team = team;
    this.#close = close;
  }

  /** As `Ledger.reserve`. Waits for a bus that is away, where it has to be asked what the day has spent. */
  async reserve(id: string, wish: Wish, signal: AbortSignal): Promise<BudgetRefusal | null> {
    return this.#ledger.reserve(id, await this.#all(), wish, signal);
  }

  /** Pays what judges a trial that is over: its own limits were for its subject. */
  forJudges(): Purse {
    const wider = this.#names.filter(({ scope }) => scope !== 'trial');
    return new Purse(this.#ledger, { names: wider, team: this.#team }, () => undefined);
  }

  /** Holds another attempt's worth at once, or says that there is no room. */
  tryReserve(id: string, wish: Wish): boolean {
    return this.#ledger.tryReserve(id, [...this.#names, ...this.#days], wish);
  }

  /** As `Ledger.unspent`. */
  async unspent(): Promise<BudgetLimits> {
    return this.#ledger.unspent(await this.#all());
  }

  settle(id: string, spent: Spend): void {
    this.#ledger.settle(id, spent);
  }

  release(id: string): void {
    this.#ledger.settle(id, nothingSpent);
  }

  /** What a program's run took; it is nothing that could be held before. @returns the limit that is used up, if one is */
  async spendTime(timeMs: number): Promise<BudgetRefusal | null> {
    return this.#ledger.spendTime(await this.#all(), timeMs);
  }

  /** As `Ledger.holdTime`, for a call that goes on. */
  holdTime(id: string, msMax: number): number | BudgetRefusal {
    // Its end is on record: nobody pays for it any more, and nobody waits for it.
    if (this.#closed) return msMax;
    return this.#ledger.holdTime(id, [...this.#names, ...this.#days], msMax);
  }

  /** Call once the trial's end is on record: what it spent is then told by the log alone. */
  close(): void {
    if (!this.#closed) this.#close();
    this.#closed = true;
  }

  async #all(): Promise<readonly AccountName[]> {
    this.#days = await busBack(() => this.#ledger.today(this.#team));
    return [...this.#names, ...this.#days];
  }
}
