import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { SandboxLimits } from '@crucible/events';
import { strict } from '@crucible/domain';
import { engineClient } from './engine-client.ts';
import { BYE, encodeProbe, encodeProgram } from './header.ts';
import { containerOptionsOf, hostConfigOf } from './host-config.ts';

export interface FloorOptions {
  /** Path of the engine's socket. */
  readonly socket: string;
  readonly runtime: string;
  readonly image: string;
  readonly trials: number;
  readonly concurrency: number;
  /** What each container runs; `python3 -c pass` by default. */
  readonly argv?: readonly string[];
  readonly limits?: SandboxLimits;
}

const WALL_TIME_MS_MAX = 30_000;
const NONCE = '0'.repeat(32);

export interface FloorResult {
  readonly wallMs: number;
  /** From asking for a container to its removal, in the order in which they ended. */
  readonly runMs: readonly number[];
}

/**
 * What a sandbox costs without us: the same containers, with the same isolation, init and program, through bare
 * dockerode calls. Nothing is verified, bounded, read or kept. A measure to compare with, never a way to run a guest.
 * Rejects with dockerode's own error.
 */
export const runFloor = async (options: FloorOptions): Promise<FloorResult> => {
  const docker = engineClient(options.socket);
  const limits = options.limits ?? { ...strict.default, wallTimeMsMax: WALL_TIME_MS_MAX };
  const cpus = ((await docker.info()) as { NCPU: number }).NCPU;
  const hostConfig = hostConfigOf(strict, limits, options.runtime, cpus);
  const program = encodeProgram(
    {
      evaluationId: 'floor',
      trialId: '0',
      image: options.image,
      argv: options.argv ?? ['python3', '-c', 'pass'],
      stdin: null,
      files: [],
      env: {},
      limits,
    },
    NONCE,
  );
  const runOne = async (): Promise<void> => {
    const name = `crucible-floor-${randomBytes(8).toString('hex')}`;
    const labels = { 'crucible.floor': name };
    const container = await docker.createContainer(
      containerOptionsOf({ name, image: options.image, labels, userId: strict.userId, hostConfig }),
    );
    try {
      const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
      stream.resume();
      const exited = container.wait({ condition: 'next-exit' });
      await container.start();
      stream.write(Buffer.concat([encodeProbe(''), program, BYE]));
      await exited;
    } finally {
      await container.remove({ force: true, v: true });
    }
  };
  const runMs: number[] = [];
  let left = options.trials;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const beganMs = performance.now();
      await runOne();
      runMs.push(performance.now() - beganMs);
    }
  };
  const beganMs = performance.now();
  await Promise.all(Array.from({ length: options.concurrency }, worker));
  return { wallMs: performance.now() - beganMs, runMs };
};
