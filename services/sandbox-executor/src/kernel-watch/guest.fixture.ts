import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import type { Act } from './acts.ts';
import { guestOptions } from './bench-guest.ts';
import type { WatchReport } from './session.ts';
import type { AttachOptions } from './watch.ts';
import { KernelWatch } from './watch.ts';

/** An engine with a traced runtime, and a watch that listens to it. */
export interface Ground {
  readonly docker: Docker;
  readonly watch: KernelWatch;
  readonly image: string;
  /** The runtime that reports to the watch, and the same without report. */
  readonly runtime: string;
  readonly unwatchedRuntime: string;
}

const variable = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: this spec needs a traced engine. Run it with ./crucible test`);
  return value;
};

export const openGround = (): Ground => {
  const watch = new KernelWatch();
  watch.listen(variable('CRUCIBLE_TEST_TRACE_SOCKET'));
  return {
    docker: new Docker({ socketPath: variable('CRUCIBLE_TEST_DOCKER_SOCKET') }),
    watch,
    image: variable('CRUCIBLE_TEST_IMAGE'),
    runtime: variable('CRUCIBLE_TEST_RUNTIME'),
    unwatchedRuntime: variable('CRUCIBLE_TEST_RUNTIME_UNWATCHED'),
  };
};

export const containerOf = ({ docker, image, runtime }: Ground, program: string): Promise<Docker.Container> =>
  docker.createContainer(guestOptions(image, runtime, program));

export type RecordLine = Act & { readonly n: number; readonly at: number };

export interface Run {
  readonly report: WatchReport;
  readonly exitCode: number;
  readonly lines: string[];
}

export const recordsOf = ({ lines }: Run): RecordLine[] => lines.map((line) => JSON.parse(line) as RecordLine);

/** Runs a Python program as the guest of a new sandbox, watched from its first instruction to its end. */
export const runGuest = async (
  ground: Ground,
  program: string,
  killAfterMs = 60_000,
  options: AttachOptions = {},
): Promise<Run> => {
  const container = await containerOf(ground, program);
  try {
    const pieces: string[] = [];
    const attachment = ground.watch.attach(container.id, {
      onRecords: ({ lines }) => void pieces.push(lines),
      ...options,
    });
    await container.start();
    const timer = setTimeout(() => void container.kill().catch(() => undefined), killAfterMs);
    const { StatusCode: exitCode } = (await container.wait()) as { StatusCode: number };
    clearTimeout(timer);
    return { report: await attachment.close(), exitCode, lines: pieces.join('').trim().split('\n') };
  } finally {
    await container.remove({ force: true });
  }
};

/** How late this process's timers are at the 99th percentile, in milliseconds, while something is done. */
export const loopDelayDuring = async <T>(work: () => Promise<T>): Promise<{ result: T; p99Ms: number }> => {
  const delay = monitorEventLoopDelay({ resolution: 2 });
  delay.enable();
  const result = await work();
  delay.disable();
  return { result, p99Ms: delay.percentile(99) / 1e6 };
};

/** The same while nothing is done: what the machine and its other users cost by themselves. */
export const idleLoopDelayP99Ms = async (): Promise<number> => (await loopDelayDuring(() => sleep(1_000))).p99Ms;
