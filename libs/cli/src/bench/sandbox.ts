import { ApiClient } from '../client/api-client.ts';
import type { PlatformInfo } from '../platform/platform.ts';
import type { BenchReport, BenchRow } from './report.ts';
import { runToEnd } from './runs.ts';
import { inExecutor, poolRows, throughputRow } from './sandbox-pool.ts';

const CONCURRENCIES = [1, 4, 8];

/** The same containers by bare engine calls. */
const floor = async (info: PlatformInfo, trials: number, concurrency: number): Promise<number> => {
  const { dockerSocket, unwatchedRuntime, images } = info;
  const options = { socket: dockerSocket, runtime: unwatchedRuntime, image: images['python'], trials, concurrency };
  return (await inExecutor('floor-main.ts', options)).wallMs;
};

interface Options {
  readonly trials: number;
  readonly rounds: number;
}

/** Trials through all of the platform: submitted, scheduled, traced, evidence and events stored, scored, shown. */
const platformRows = async (
  info: PlatformInfo,
  options: Options,
  note: (line: string) => void,
): Promise<BenchRow[]> => {
  const client = new ApiClient(info);
  const rows: BenchRow[] = [];
  for (const concurrency of CONCURRENCIES) {
    const platformMs: number[] = [];
    const floorMs: number[] = [];
    for (let round = 0; round <= options.rounds; round += 1) {
      const ours = (await runToEnd(client, options.trials, concurrency)).wallMs;
      const bare = await floor(info, options.trials, concurrency);
      note(
        `concurrency ${concurrency}, ${round === 0 ? 'warm-up' : `round ${round}`}: platform ${Math.round(ours)} ms, floor ${Math.round(bare)} ms, ${(bare / ours).toFixed(2)} of the floor's throughput`,
      );
      if (round === 0) continue;
      platformMs.push(ours);
      floorMs.push(bare);
    }
    rows.push(throughputRow('whole platform, traced', concurrency, options, platformMs, floorMs));
  }
  return rows;
};

/**
 * The warm pool and the whole platform against the floor, alternating, so that a slow minute of the machine falls on all.
 */
export const benchSandbox = async (
  platform: () => Promise<PlatformInfo>,
  options: Options,
  note: (line: string) => void,
): Promise<BenchReport> => {
  // First alone: a platform at rest still takes some of a small machine.
  const pool = await poolRows(options, note);
  return {
    bench: 'sandbox',
    about:
      'Trials a second by the warm pool and by the whole platform, beside cold containers by bare dockerode without trace in the same rounds (ofFloor: median of paired rounds); and how soon a program begins in a sandbox that waits.',
    rows: [...pool, ...(await platformRows(await platform(), options, note))],
  };
};
