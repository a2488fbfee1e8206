import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { strict } from '@crucible/domain';
import type Docker from 'dockerode';
import type { SandboxLimits } from '@crucible/events';
import { engineClient } from '../sandbox/engine-client.ts';
import { encodeProbe, encodeProgram } from '../sandbox/header.ts';
import { containerOptionsOf, hostConfigOf } from '../sandbox/host-config.ts';
import { hostProcess, killProcess, processesOf } from './host-process.ts';
import { goneAt } from './shot.ts';

export interface StopFloorOptions {
  /** Path of the engine's socket. */
  readonly socket: string;
  readonly runtime: string;
  readonly image: string;
  readonly sandboxes: number;
  readonly memoryBytesMax: number;
}

export interface StopFloorResult {
  /** From the first signal to the last process gone, signals sent to the processes themselves. */
  readonly directMs: number;
  /** The same by the engine's kill of every container at once. */
  readonly engineMs: number;
}

const MADE_AT_ONCE = 4;
const SETTLE_MS = 1_000;
const GONE_MS_MAX = 60_000;
const WALL_TIME_MS_MAX = 600_000;

/** Containers as sandboxes are, each with a sleeping program, by bare engine calls. */
const start = async (docker: Docker, options: StopFloorOptions): Promise<Docker.Container[]> => {
  const limits: SandboxLimits = {
    ...strict.default,
    memoryBytesMax: options.memoryBytesMax,
    wallTimeMsMax: WALL_TIME_MS_MAX,
  };
  const cpus = ((await docker.info()) as { NCPU: number }).NCPU;
  const hostConfig = hostConfigOf(strict, limits, options.runtime, cpus);
  const argv = ['python3', '-c', 'import time; time.sleep(600)'];
  const spec = {
    evaluationId: 'floor',
    trialId: '0',
    image: options.image,
    argv,
    stdin: null,
    files: [],
    env: {},
    limits,
  };
  const program = Buffer.concat([encodeProbe(''), encodeProgram(spec, '0'.repeat(32))]);
  const made: Docker.Container[] = [];
  let left = options.sandboxes;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const name = `crucible-floor-${randomBytes(8).toString('hex')}`;
      const labels = { 'crucible.floor': name };
      const container = await docker.createContainer(
        containerOptionsOf({ name, image: options.image, labels, userId: strict.userId, hostConfig }),
      );
      made.push(container);
      const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
      stream.on('error', () => undefined).resume();
      await container.start();
      stream.write(program);
    }
  };
  await Promise.all(Array.from({ length: MADE_AT_ONCE }, worker));
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return made;
};

const isEmpty = (containers: readonly Docker.Container[]) => (): boolean =>
  containers.every(({ id }) => (processesOf(id) ?? []).length === 0);

/** @returns milliseconds from the kill to the last process gone */
const measure = async (
  docker: Docker,
  options: StopFloorOptions,
  kill: (containers: readonly Docker.Container[]) => void,
): Promise<number> => {
  const containers = await start(docker, options);
  try {
    const beganMs = performance.now();
    kill(containers);
    const at = await goneAt(isEmpty(containers), GONE_MS_MAX);
    if (at === null) throw new Error('containers of the floor did not end');
    return at - beganMs;
  } finally {
    for (const container of containers) await container.remove({ force: true, v: true }).catch(() => undefined);
  }
};

/** How quickly as many containers can be killed at all, by their processes and by the engine. A measure to compare with. */
export const runStopFloor = async (options: StopFloorOptions): Promise<StopFloorResult> => {
  const docker = engineClient(options.socket);
  const directMs = await measure(docker, options, (containers) => {
    for (const { id } of containers)
      for (const pid of processesOf(id) ?? []) {
        const found = hostProcess(pid);
        if (found !== null) killProcess(found);
      }
  });
  const engineMs = await measure(docker, options, (containers) => {
    for (const container of containers) void container.kill({ signal: 'SIGKILL' }).catch(() => undefined);
  });
  return { directMs, engineMs };
};
