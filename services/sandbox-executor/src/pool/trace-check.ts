import type { Preflight } from '@crucible/events';
import { PreflightMiss } from '../sandbox/engine-error.ts';
import type { PreparedSandbox } from '../sandbox/port.ts';

/** Who knows which sandboxes report to us: the kernel watch. */
export interface TraceSessions {
  connected(containerId: string): boolean;
}

const CONNECT_MS_MAX = 10_000;
const LOOK_EVERY_MS = 5;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * The last check before a sandbox may be given to a trial, made from our side: that its gVisor reports to us. It connects
 * before it runs anything, but what it sent is read in rounds.
 * @returns the preflight with this check in it, or as it was where the engine does not report system calls
 * @throws PreflightMiss when it has not connected; the sandbox is destroyed
 */
export const traceCheck = async (
  watch: TraceSessions | null,
  prepared: PreparedSandbox,
  now: () => number,
): Promise<Preflight> => {
  const { preflight, containerId } = prepared;
  if (watch === null) return preflight;
  const deadlineMs = now() + CONNECT_MS_MAX;
  let connected = watch.connected(containerId);
  while (!connected && now() < deadlineMs) {
    await pause(LOOK_EVERY_MS);
    connected = watch.connected(containerId);
  }
  const seen = connected ? 'session connected' : `no session of its gVisor within ${CONNECT_MS_MAX} ms`;
  const checks = [...preflight.checks, { name: 'trace', held: connected, seen }];
  if (connected) return { ...preflight, checks };
  void prepared.discard();
  throw new PreflightMiss(checks);
};
