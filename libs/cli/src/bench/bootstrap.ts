import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { readSettings } from '../config.ts';
import { freePort } from '../platform/ports.ts';
import type { BenchReport, BenchRow } from './report.ts';

const UP_MS_MAX = 600_000;
const upSchema = z.object({
  type: z.literal('up'),
  ms: z.number(),
  steps: z.array(z.object({ name: z.string(), ms: z.number() })),
});

type Up = z.infer<typeof upSchema>;

/**
 * A platform of its own from nothing, once more when all is there, and once while it runs. Packages that this machine has
 * already are not installed again: on a bare machine the first row has their step too.
 */
export const benchBootstrap = async (note: (line: string) => void): Promise<BenchReport> => {
  const { repository } = readSettings();
  const home = await mkdtemp(join(tmpdir(), 'crucible-bootstrap-'));
  const env = { ...process.env, CRUCIBLE_HOME: home, CRUCIBLE_PORT: String(await freePort()) };
  const crucible = (...args: string[]): Promise<{ stdout: string }> =>
    promisify(execFile)(join(repository, 'crucible'), args, { env, timeout: UP_MS_MAX });
  const up = async (what: string): Promise<Up> => {
    const { stdout } = await crucible('up', '--json');
    const result = upSchema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
    note(`${what}: ${result.ms} ms`);
    return result;
  };
  try {
    const first = await up('first up');
    await crucible('down');
    const later = await up('later up');
    const again = await up('up while running');
    const named = (result: Up): Map<string, number> =>
      new Map([...result.steps.map(({ name, ms }) => [name, ms] as const), ['total', result.ms]]);
    const [one, two, three] = [named(first), named(later), named(again)];
    const rows: BenchRow[] = [...new Set([...one.keys(), ...two.keys(), ...three.keys()])].map((step) => ({
      step,
      firstMs: one.get(step) ?? '-',
      laterMs: two.get(step) ?? '-',
      runningMs: three.get(step) ?? '-',
    }));
    return {
      bench: 'bootstrap',
      about:
        'Times of the steps of `up`: a new home, the same home after `down`, and while running. Steps run side by side.',
      rows,
    };
  } finally {
    await crucible('down', '--purge').catch(() => undefined);
    await rm(home, { recursive: true, force: true });
  }
};
