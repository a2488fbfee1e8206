import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { suiteSchema } from '@crucible/suite';
import type { SuiteFileInput } from '@crucible/suite';
import { ApiClient } from '../client/api-client.ts';
import { listTrials, submit } from '../client/evaluations.ts';
import { StopClient } from '../client/stops.ts';
import { readSettings } from '../config.ts';
import type { PlatformInfo } from '../platform/platform.ts';
import { nodeArgv } from '../platform/services.ts';
import { startPlatform } from '../platform/testing-platform.ts';
import { percentile } from './report.ts';
import type { BenchReport } from './report.ts';

const MEMORY_MIB = 64;
/** gVisor itself and the room around each sandbox. */
const MIB_EACH = 160;
const START_MS_MAX = 180_000;
const GONE_MS_MAX = 60_000;
const LOOK_MS = 4;
const CONFIRM_MS_MAX = 30_000;

const sleepers = (samples: number): ReturnType<typeof suiteSchema.parse> => {
  const file: SuiteFileInput = {
    apiVersion: 'crucible/v1',
    kind: 'Suite',
    metadata: { name: 'bench-stop', version: '1.0.0', title: 'Benchmark of the emergency stop' },
    sandbox: { memory: `${MEMORY_MIB}MiB`, wallTime: '10m' },
    dataset: {
      samples: Array.from({ length: samples }, (_, index) => ({
        id: `sleeper-${index}`,
        input: { language: 'python', source: 'import time\nprint("asleep", flush=True)\ntime.sleep(600)\n' },
      })),
    },
    scorers: [{ kind: 'exit-code', equals: 0 }],
    limits: { concurrency: samples },
  };
  return suiteSchema.parse(file);
};

/** Processes of a container as the host counts them; none once it is gone. */
export const processesOf = (containerId: string): readonly string[] => {
  for (const controller of ['pids/', '']) {
    for (const place of [`docker/${containerId}`, `system.slice/docker-${containerId}.scope`]) {
      try {
        return readFileSync(`/sys/fs/cgroup/${controller}${place}/cgroup.procs`, 'utf8').split('\n').filter(Boolean);
      } catch {
        // Another layout, or gone.
      }
    }
  }
  return [];
};

/** @returns ids of the containers in which the trials run */
const startSleepers = async (client: ApiClient, samples: number): Promise<readonly string[]> => {
  const { id } = await submit(client, { suite: sleepers(samples) }, randomUUID(), (ms) => pause(ms));
  for (let waitedMs = 0; waitedMs < START_MS_MAX; waitedMs += 250) {
    await pause(250);
    const ids = (await listTrials(client, id)).flatMap(({ status, sandboxId }) =>
      status === 'running' && sandboxId !== null ? [sandboxId] : [],
    );
    if (ids.length === samples && ids.every((each) => processesOf(each).length > 2)) return ids;
  }
  throw new Error(`${samples} sandboxes did not run after ${START_MS_MAX / 1_000} s: see ./crucible show ${id}`);
};

interface Round {
  /** From the command to the last process gone, seen by the host. */
  readonly stopMs: number;
  /** From the command to every executor's word that it is so. */
  readonly confirmedMs: number;
  readonly killed: number;
}

const stopAll = async (info: PlatformInfo, containers: readonly string[]): Promise<Round> => {
  const stops = new StopClient(info);
  try {
    const before = await stops.watch();
    const begin = performance.now();
    const command = stops.engage({ kind: 'platform' }, 'bench');
    let left = containers;
    while (left.length > 0 && performance.now() - begin < GONE_MS_MAX) {
      left = left.filter((id) => processesOf(id).length > 0);
      if (left.length > 0) await pause(LOOK_MS);
    }
    const stopMs = performance.now() - begin;
    if (left.length > 0) throw new Error(`${left.length} sandboxes still ran after ${GONE_MS_MAX / 1_000} s`);
    const stop = await command;
    let killed = 0;
    for await (const applied of stops.confirmations(stop, before, CONFIRM_MS_MAX)) killed += applied.killed;
    const confirmedMs = performance.now() - begin;
    await stops.release(stop.stopId, 'bench');
    return { stopMs, confirmedMs, killed };
  } finally {
    await stops.close();
  }
};

interface Options {
  readonly sandboxes: number;
  readonly rounds: number;
}

interface Floor {
  readonly directMs: number;
  readonly engineMs: number;
}

const FLOOR_MS_MAX = 600_000;

/** By the executor's room: only it may speak to the engine. */
const floorOf = async (options: object): Promise<Floor> => {
  const { repository } = readSettings();
  const [program = process.execPath, ...args] = nodeArgv(
    repository,
    join('services', 'sandbox-executor', 'src', 'stop-floor-main.ts'),
  );
  const { stdout } = await promisify(execFile)(program, [...args, JSON.stringify(options)], { timeout: FLOOR_MS_MAX });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Floor;
};

/**
 * Every sandbox of a platform killed by one command, against the same number of plain traced containers killed by their
 * processes and by the engine, round by round, so that a slow minute of the machine falls on all.
 */
export const benchStop = async (options: Options, note: (line: string) => void): Promise<BenchReport> => {
  const { sandboxes, rounds } = options;
  const neededMib = sandboxes * MIB_EACH;
  if (freemem() / 1024 ** 2 < neededMib)
    throw new Error(`${sandboxes} sandboxes need ${neededMib} MiB of free memory: ask for fewer with --trials`);
  const given = { CRUCIBLE_EXECUTOR_CAPACITY: String(sandboxes), CRUCIBLE_CONCURRENCY_MAX: String(sandboxes) };
  const platform = await startPlatform({ given });
  const ours: Round[] = [];
  const floors: Floor[] = [];
  try {
    const client = new ApiClient(platform);
    const floorOptions = {
      socket: platform.dockerSocket,
      runtime: platform.runtime,
      image: platform.images['python'],
      sandboxes,
      memoryBytesMax: MEMORY_MIB * 1024 ** 2,
    };
    for (let round = 1; round <= rounds; round += 1) {
      const stopped = await stopAll(platform, await startSleepers(client, sandboxes));
      if (stopped.killed !== sandboxes) throw new Error(`only ${stopped.killed} of ${sandboxes} kills were confirmed`);
      const floor = await floorOf(floorOptions);
      ours.push(stopped);
      floors.push(floor);
      note(
        `round ${round}: stopped in ${Math.round(stopped.stopMs)} ms, confirmed in ${Math.round(stopped.confirmedMs)} ms; floor ${Math.round(floor.directMs)} ms by signals, ${Math.round(floor.engineMs)} ms by the engine`,
      );
    }
  } finally {
    await platform.stop();
  }
  const row = (what: string, values: readonly number[], floor: readonly number[]) => ({
    what,
    sandboxes,
    rounds,
    p50Ms: Math.round(percentile(values, 0.5)),
    p99Ms: Math.round(percentile(values, 0.99)),
    ofFloor: percentile(
      values.map((ms, index) => ms / (floor[index] ?? Number.NaN)),
      0.5,
    ),
  });
  const direct = floors.map(({ directMs }) => directMs);
  return {
    bench: 'stop',
    about:
      'Emergency stop of a platform whose sandboxes all run, from the command to the last of their processes gone, beside as many plain traced containers killed in the same rounds (ofFloor: median of paired rounds against signals to their processes).',
    rows: [
      row(
        'stop: last process gone',
        ours.map(({ stopMs }) => stopMs),
        direct,
      ),
      row(
        'stop: confirmed on record',
        ours.map(({ confirmedMs }) => confirmedMs),
        direct,
      ),
      row('floor: signals to the processes', direct, direct),
      row(
        "floor: the engine's kill",
        floors.map(({ engineMs }) => engineMs),
        direct,
      ),
    ],
  };
};
