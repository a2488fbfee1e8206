import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { readSettings, withoutCrucible } from '../config.ts';
import type { Engine } from '../platform/engine.ts';
import { nodeArgv } from '../platform/services.ts';
import { withEngine } from './own-engine.ts';
import { median, percentile } from './report.ts';
import type { BenchRow } from './report.ts';

const CONCURRENCIES = [1, 4, 8];
const RUN_MS_MAX = 600_000;
/** What the executor lets wait on two cores. */
const IDLE_MAX = 8;
const DISPATCHES_IDLE = 4;
const NONE = '-';

const resultSchema = z.object({
  wallMs: z.number(),
  firstByteMs: z.array(z.number()).default([]),
  firstInstructionMs: z.array(z.number()).default([]),
});
type Result = z.infer<typeof resultSchema>;

/** A measurement of the executor's, in a process of its own: only its room may speak to the engine. */
export const inExecutor = async (entry: string, options: object): Promise<Result> => {
  const [program = process.execPath, ...args] = nodeArgv(
    readSettings().repository,
    join('services', 'sandbox-executor', 'src', entry),
  );
  const settings = { timeout: RUN_MS_MAX, env: withoutCrucible() };
  const { stdout } = await promisify(execFile)(program, [...args, JSON.stringify(options)], settings);
  return resultSchema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
};

interface Rounds {
  readonly trials: number;
  readonly rounds: number;
}
type Note = (line: string) => void;

/** The runtimes of an engine, as the options of a measurement: with its trace, and without. */
const sides = (engine: Engine, image: string) => {
  const common = { socket: engine.socket, image };
  const untraced = { ...common, runtime: engine.unwatchedRuntime };
  return { traced: { ...common, runtime: engine.runtime, traceSocket: engine.traceSocket }, untraced };
};

const dispatchRow = (what: string, values: readonly number[]): BenchRow => ({
  what,
  concurrency: 1,
  trials: values.length,
  rounds: 1,
  perSecond: NONE,
  floorPerSecond: NONE,
  ofFloor: NONE,
  p50Ms: percentile(values, 0.5),
  p99Ms: percentile(values, 0.99),
});

/** One trial at a time, each begun when the pool is full and at rest: what a person waits who finds the machine idle. */
const dispatchRows = async (engine: Engine, image: string, trials: number, note: Note): Promise<BenchRow[]> => {
  const { traced, untraced } = sides(engine, image);
  const options = { trials, concurrency: 1, idleMax: DISPATCHES_IDLE, full: true, argv: ['/bin/echo', 'ready'] };
  const watched = await inExecutor('pool/bench-main.ts', { ...traced, ...options });
  const unwatched = await inExecutor('pool/bench-main.ts', { ...untraced, ...options });
  note(`dispatch: first instruction after ${median(watched.firstInstructionMs).toFixed(1)} ms (median)`);
  return [
    dispatchRow('warm dispatch to first guest instruction, traced', watched.firstInstructionMs),
    dispatchRow('warm dispatch to first byte of echo, traced', watched.firstByteMs),
    dispatchRow('warm dispatch to first byte of echo, untraced', unwatched.firstByteMs),
  ];
};

/** A pool that begins empty and is kept filled while trials come without a pause. */
const sustainedRows = async (engine: Engine, image: string, wish: Rounds, note: Note): Promise<BenchRow[]> => {
  const { traced, untraced } = sides(engine, image);
  const rows: BenchRow[] = [];
  for (const concurrency of CONCURRENCIES) {
    const wall = { traced: [] as number[], untraced: [] as number[], floor: [] as number[] };
    for (let round = 0; round <= wish.rounds; round += 1) {
      const options = { trials: wish.trials, concurrency };
      const pool = { ...options, idleMax: IDLE_MAX, full: false };
      const [ours, blind, bare] = [
        (await inExecutor('pool/bench-main.ts', { ...traced, ...pool })).wallMs,
        (await inExecutor('pool/bench-main.ts', { ...untraced, ...pool })).wallMs,
        (await inExecutor('floor-main.ts', { ...untraced, ...options })).wallMs,
      ];
      const name = round === 0 ? 'warm-up' : `round ${round}`;
      note(
        `concurrency ${concurrency}, ${name}: pool ${Math.round(ours)} ms, untraced ${Math.round(blind)} ms, floor ${Math.round(bare)} ms`,
      );
      if (round === 0) continue;
      wall.traced.push(ours);
      wall.untraced.push(blind);
      wall.floor.push(bare);
    }
    for (const side of ['traced', 'untraced'] as const)
      rows.push(throughputRow(`pool, ${side}`, concurrency, wish, wall[side], wall.floor));
  }
  return rows;
};

/** Trials a second beside the floor's in the same rounds. */
export const throughputRow = (
  what: string,
  concurrency: number,
  { trials, rounds }: Rounds,
  wallMs: readonly number[],
  floorMs: readonly number[],
): BenchRow => ({
  what,
  concurrency,
  trials,
  rounds,
  perSecond: (trials / (median(wallMs) / 1_000)).toFixed(2),
  floorPerSecond: (trials / (median(floorMs) / 1_000)).toFixed(2),
  ofFloor: median(wallMs.map((ms, index) => (floorMs[index] ?? Number.NaN) / ms)).toFixed(2),
  p50Ms: NONE,
  p99Ms: NONE,
});

/** The executor's warm pool alone, on an engine of its own. */
export const poolRows = (wish: Rounds, note: Note): Promise<BenchRow[]> =>
  withEngine(async (engine, image) => [
    ...(await dispatchRows(engine, image, wish.trials * wish.rounds, note)),
    ...(await sustainedRows(engine, image, wish, note)),
  ]);
