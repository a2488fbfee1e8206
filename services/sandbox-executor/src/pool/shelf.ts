import type { Preflight } from '@crucible/events';
import type { PreparedSandbox, SandboxWish } from '../sandbox/port.ts';
import { Demand } from './demand.ts';

/** A proven sandbox that waits for a trial. */
export interface Waiting {
  readonly prepared: PreparedSandbox;
  /** Every check, that of the trace session among them. */
  readonly preflight: Preflight;
}

/** A trial that waits for a sandbox. */
export interface Waiter {
  readonly sinceMs: number;
  readonly give: (waiting: Waiting) => void;
  readonly fail: (error: Error) => void;
}

/** One kind of sandbox: those that wait for trials, oldest first, and the trials that wait for them. Never both. */
export class Shelf {
  readonly wish: SandboxWish;
  readonly demand: Demand;
  readonly ready: Waiting[] = [];
  readonly waiters: Waiter[] = [];
  preparing = 0;
  /** Wait here whatever the demand. */
  standing = 0;

  constructor(wish: SandboxWish, idleMsMax: number) {
    this.wish = wish;
    this.demand = new Demand(idleMsMax);
  }

  wanted(nowMs: number): number {
    return Math.max(this.standing, this.demand.wanted(nowMs));
  }

  isForgotten(nowMs: number): boolean {
    return this.ready.length + this.waiters.length + this.preparing + this.wanted(nowMs) === 0;
  }
}

const first = <T>(items: readonly T[], order: (one: T, other: T) => number): T | undefined => items.toSorted(order)[0];

/** The kind whose first trial waits longest for a sandbox that nobody makes yet. */
export const mostWaitedFor = (shelves: readonly Shelf[]): Shelf | undefined =>
  first(
    shelves.filter(({ waiters, preparing }) => waiters.length > preparing),
    (one, other) => (one.waiters[0]?.sinceMs ?? 0) - (other.waiters[0]?.sinceMs ?? 0),
  );

/** The kind that lacks most of what it should have waiting, of `idleMax` at most. */
export const emptiest = (shelves: readonly Shelf[], idleMax: number, nowMs: number): Shelf | undefined => {
  const lackOf = (shelf: Shelf): number =>
    Math.min(idleMax, shelf.wanted(nowMs)) - shelf.ready.length - shelf.preparing;
  return first(
    shelves.filter((shelf) => lackOf(shelf) > 0),
    (one, other) => lackOf(other) - lackOf(one),
  );
};

/** Of the kinds that have more waiting than they are asked for, the one that was not asked for the longest. */
export const mostSpare = (shelves: readonly Shelf[], nowMs: number): Shelf | undefined =>
  first(
    shelves.filter((shelf) => shelf.ready.length > shelf.wanted(nowMs)),
    (one, other) => one.demand.lastTakeMs - other.demand.lastTakeMs,
  );
