import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';
import { readSettings, withoutCrucible } from '../config.ts';
import type { Engine } from '../platform/engine.ts';
import { PlatformFailure } from '../platform/failure.ts';
import { nodeArgv } from '../platform/services.ts';
import { withEngine } from './own-engine.ts';
import { median } from './report.ts';
import type { BenchReport, BenchRow } from './report.ts';

const FLOODING_GUESTS = [1, 4, 8];
const FLOOD_SECONDS = 5;
const MEASURE_MS_MAX = 3_600_000;
const OUTPUT_BYTES_MAX = 1024 * 1024;

const resultSchema = z.object({
  floods: z.array(
    z.object({
      guests: z.number(),
      actsPerSecond: z.number(),
      slowestPerSecond: z.number(),
      fastestPerSecond: z.number(),
      messagesPerSecond: z.number(),
      dropped: z.number(),
      malformed: z.number(),
      cores: z.number(),
      loopDelayP99Ms: z.number(),
      rssMiBMax: z.number(),
    }),
  ),
  slowDowns: z.array(
    z.object({ program: z.string(), watchedMs: z.array(z.number()), unwatchedMs: z.array(z.number()) }),
  ),
});
type Result = z.infer<typeof resultSchema>;

/** In a process of its own, as the executor is one: only its room may speak to the engine. */
const measure = (engine: Engine, image: string, rounds: number, note: (line: string) => void): Promise<Result> => {
  const [program = process.execPath, ...args] = nodeArgv(
    readSettings().repository,
    join('services', 'sandbox-executor', 'src', 'kernel-watch', 'bench-main.ts'),
  );
  const options = {
    socket: engine.socket,
    traceSocket: engine.traceSocket,
    runtime: engine.runtime,
    unwatchedRuntime: engine.unwatchedRuntime,
    image,
    rounds,
    seconds: FLOOD_SECONDS,
    guests: FLOODING_GUESTS,
  };
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, JSON.stringify(options)], {
      env: withoutCrucible(),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: MEASURE_MS_MAX,
    });
    let output = '';
    let lastNote = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-OUTPUT_BYTES_MAX)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      lastNote = text.trim();
      for (const line of lastNote.split('\n')) note(line);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) return reject(new PlatformFailure(`the measurement failed: ${lastNote}`));
      resolve(resultSchema.parse(JSON.parse(output.trim().split('\n').at(-1) ?? '')));
    });
  });
};

const NONE = '-';

const slowDownRow = ({ program, watchedMs, unwatchedMs }: Result['slowDowns'][number]): BenchRow => ({
  what: program,
  guests: 1,
  watchedMs: Math.round(median(watchedMs)),
  unwatchedMs: Math.round(median(unwatchedMs)),
  ratio: median(watchedMs.map((ms, index) => ms / (unwatchedMs[index] ?? Number.NaN))),
  callsPerSecond: NONE,
  messagesPerSecond: NONE,
  dropped: 0,
  cores: NONE,
  loopDelayP99Ms: NONE,
  rssMiBMax: NONE,
});

const floodRow = (flood: Result['floods'][number]): BenchRow => ({
  what: `opens and closes a file without end (guests: ${Math.round(flood.slowestPerSecond)} to ${Math.round(flood.fastestPerSecond)}/s each)`,
  guests: flood.guests,
  watchedMs: NONE,
  unwatchedMs: NONE,
  ratio: NONE,
  callsPerSecond: Math.round(flood.actsPerSecond),
  messagesPerSecond: Math.round(flood.messagesPerSecond),
  dropped: flood.dropped + flood.malformed,
  cores: flood.cores.toFixed(2),
  loopDelayP99Ms: flood.loopDelayP99Ms.toFixed(1),
  rssMiBMax: Math.round(flood.rssMiBMax),
});

/**
 * What the kernel trace costs a guest, in pairs of the same program watched and not, by the guest's own clock; and how
 * much of a flood the watching process reads and judges without losing any.
 */
export const benchTrace = async (
  options: { readonly rounds: number },
  note: (line: string) => void,
): Promise<BenchReport> => {
  const { floods, slowDowns } = await withEngine((engine, image) => measure(engine, image, options.rounds, note));
  return {
    bench: 'trace',
    about:
      'A guest’s time with the kernel trace on against off (ratio: median of paired rounds); and whole calls and messages read a second while guests flood, records made and judged but not stored.',
    rows: [...slowDowns.map(slowDownRow), ...floods.map(floodRow)],
  };
};
