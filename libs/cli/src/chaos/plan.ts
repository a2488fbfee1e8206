import type { Chance } from '@crucible/domain/testing';

/** What chaos befalls: every service, the bus and the database of a platform of its own. */
export const victims = ['gateway', 'scheduler', 'sandbox-executor', 'audit', 'notifier', 'nats', 'postgres'] as const;
export type Victim = (typeof victims)[number];

/** `kill`: ended without a chance to say so, and started again after `downMs`. `pause`: stopped for `downMs`, then let go on. */
export interface Fault {
  readonly number: number;
  readonly victim: Victim;
  readonly kind: 'kill' | 'pause';
  /** Milliseconds to wait before it strikes, from the fault before. */
  readonly afterMs: number;
  readonly downMs: number;
}

const KILL_DOWN_MS_MAX = 2_500;
/** Longer than an executor's lease: it must find out that its trials were taken from it. */
const LONG_PAUSE_MS = [11_000, 20_000] as const;
const PAUSE_MS_MAX = 3_000;

/** The next fault of a seeded run. Two in three are kills; one pause in eight outlasts the leases. */
export const nextFault = (chance: Chance, number: number, everyMs: number): Fault => {
  const victim = chance.pick(victims) ?? 'nats';
  const kind = chance.next() < 2 / 3 ? 'kill' : 'pause';
  const afterMs = chance.between(0, 2 * everyMs);
  const long = kind === 'pause' && chance.oneIn(8);
  const downMs = long
    ? chance.between(...LONG_PAUSE_MS)
    : chance.between(0, kind === 'kill' ? KILL_DOWN_MS_MAX : PAUSE_MS_MAX);
  return { number, victim, kind, afterMs, downMs };
};
