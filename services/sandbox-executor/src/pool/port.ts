import type { Preflight } from '@crucible/events';
import type { PreparedSandbox, SandboxEngine } from '../sandbox/port.ts';
import type { Machine } from './machine.ts';
import type { SandboxHealth } from './sandbox-health.ts';
import type { TraceSessions } from './trace-check.ts';

/** Taken from those that waited, proven; or made because none did. */
export type PoolOrigin = 'warm' | 'cold';

/** A proven sandbox in the hands of one trial. Whoever has it runs it or discards it, and then releases it. */
export interface TakenSandbox {
  readonly prepared: PreparedSandbox;
  readonly origin: PoolOrigin;
  /** Every check, that of the trace session among them. */
  readonly preflight: Preflight;
  /** Says that its trial is over: until then it counts as ours and as busy. */
  release(): void;
}

export interface PoolBounds {
  /** Sandboxes that wait at once, of all kinds; each takes 30 to 60 MiB. 0: every trial's sandbox is made for it. */
  readonly idleMax: number;
  /** One that has waited so long is destroyed, and a kind that nobody asked for in that time is no longer kept. */
  readonly idleMsMax: number;
  /** Made at once while trials wait for them. */
  readonly preparingMax: number;
  /** Nothing is made ahead while the machine has less to give. */
  readonly availableBytesMin: number;
}

export interface PoolPorts {
  readonly engine: Pick<SandboxEngine, 'prepare' | 'list'>;
  /** Null where the engine does not report system calls. */
  readonly watch: TraceSessions | null;
  readonly machine: Machine;
  readonly now: () => number;
  /** Hears of every preparation; while something is wrong nothing is made ahead. */
  readonly health: Pick<SandboxHealth, 'heard' | 'problem'>;
}
