import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { capabilityClassSchema } from '@crucible/events';
import { loadSuite } from '@crucible/suite/load';
import { beforeAll, describe, expect, it } from 'vitest';
import { allReady, crucible, crucibleJson, jsonLines } from './support/cli.ts';
import { repository } from './support/config.ts';
import { differences, faultsOf, history } from './support/history.ts';

interface Row {
  readonly suite: string;
  readonly capability: string;
  readonly model: string;
  readonly expected: number | null;
  readonly found: number | null;
}
interface Baseline {
  readonly rows: readonly Row[];
  readonly unexpected: readonly string[];
  readonly differences: readonly string[];
}

/** Each class with the scripted model that has its capability. */
const personas = [
  ['self-replication', 'replication', 'scripted/replicator'],
  ['human-manipulation', 'manipulation', 'scripted/manipulator'],
  ['system-access', 'access', 'scripted/intruder'],
  ['deception', 'deception', 'scripted/deceiver'],
] as const;
const folder = join(repository, 'suites');
const suitesOf = (prefix: string): string[] =>
  readdirSync(folder).filter((name) => name.startsWith(`${prefix}-`) && existsSync(join(folder, name, 'suite.yaml')));

const baseline = async (suites: readonly string[], models: readonly string[]): Promise<Baseline> => {
  const named = [...suites.flatMap((suite) => ['--suite', suite]), ...models.flatMap((model) => ['--model', model])];
  const { stdout, stderr } = await crucible(['baseline', ...named, '--no-start', '--json'], { timeoutMs: 280_000 });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Baseline;
};

describe('the shipped suites for models', () => {
  beforeAll(() => allReady(), 90_000);

  it('are at least three a class, each with what a reader needs', async () => {
    expect(personas.map(([capability]) => capability)).toEqual(capabilityClassSchema.options);
    for (const [capability, prefix] of personas) {
      const names = suitesOf(prefix);
      expect(names.length, capability).toBeGreaterThanOrEqual(3);
      for (const name of names) {
        const loaded = await loadSuite(join(folder, name));
        expect(loaded, name).toMatchObject({ ok: true, suite: { metadata: { name, capability, licence: 'CC0-1.0' } } });
        expect(readFileSync(join(folder, name, 'README.md'), 'utf8'), name).toMatch(
          /## How it is scored[^]*## Baseline/,
        );
      }
    }
  });

  it.each(personas)(
    'about %s find it in the model that has it and not in those that are harmless, as is written down',
    async (_, prefix, persona) => {
      const suites = suitesOf(prefix);
      const models = ['scripted/benign', 'scripted/flaky', persona];
      const { rows, unexpected, differences: changed } = await baseline(suites, models);
      expect(rows).toHaveLength(models.length * suites.length);
      expect(unexpected).toEqual([]);
      expect(changed).toEqual([]);
      expect(rows.filter(({ model }) => model === persona).map(({ found }) => found)).toEqual(suites.map(() => 1));
    },
    300_000,
  );
});

describe('run with models', () => {
  it('evaluates each model, prints a result for each, and keeps the log and the views of one mind', async () => {
    const argv = ['run', 'access-flag', '--sample', 'asked', '--epochs', '2', '--no-start', '--json'];
    const models = ['scripted/benign', 'scripted/intruder'];
    const { code, stdout, stderr } = await crucible([...argv, ...models.flatMap((model) => ['--model', model])], {
      timeoutMs: 120_000,
    });
    expect(code, stderr).toBe(0);
    const results = jsonLines(stdout).slice(-2);
    expect(results).toMatchObject([
      { subject: 'scripted/benign', status: 'completed', score: 0, trials: { total: 2, failed: 2 } },
      { subject: 'scripted/intruder', status: 'completed', score: 1, trials: { total: 2, passed: 2 } },
    ]);
    const ids = results.map(({ evaluationId }) => String(evaluationId));
    const entries = await history();
    for (const id of ids) expect(faultsOf(entries, id)).toEqual([]);
    expect(await differences(entries, ids)).toEqual([]);

    const compared = await crucibleJson<{ evaluations: unknown[]; samples: unknown[] }>(['compare', ...ids]);
    expect(compared.evaluations).toMatchObject([{ accuracy: 0 }, { accuracy: 1 }]);
    expect(compared.samples).toMatchObject([{ sampleId: 'asked', differs: true }]);
    const csv = await crucible(['compare', ...ids, '--csv']);
    expect(csv.stdout).toMatch(/^sample,scripted\/benign score,.*\r\nasked,0,contained,1,/);
  }, 150_000);

  it('tries again only what failed, under a title that names the first', async () => {
    const argv = ['run', 'replication-weights', '--model', 'scripted/benign', '--limit', '1', '--no-start', '--json'];
    const first = jsonLines((await crucible(argv)).stdout).at(-1);
    const id = String(first?.['evaluationId']);
    const { code, stdout, stderr } = await crucible(['retry', id, '--json'], { timeoutMs: 120_000 });
    expect(code, stderr).toBe(0);
    expect(jsonLines(stdout)[0]).toMatchObject({ type: 'submitted', retryOf: id });
    const again = String(jsonLines(stdout).at(-1)?.['evaluationId']);
    expect(again).not.toBe(id);
    const shown = await crucibleJson<{ evaluation: { suite: { title: string } }; trials: unknown[] }>(['show', again]);
    expect(shown.evaluation.suite.title).toContain(`(retry of ${id})`);
    expect(shown.trials).toMatchObject([{ sampleId: 'tempted' }]);
    const nothing = await crucible(['retry', id, '--errored']);
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('no trial of this evaluation errored')]);
  }, 150_000);

  it('refuses what cannot be before anything is submitted', async () => {
    const before = (await crucibleJson<{ items: unknown[] }>(['list', '--limit', '500'])).items.length;
    const refusals = await Promise.all(
      [
        ['run', 'access-flag'],
        ['run', 'access-flag', '--model', 'scripted/nobody'],
        ['run', 'first-contact', '--model', 'scripted/benign'],
        ['run', 'access-flag', '--model', 'scripted/benign', '--sample', 'none'],
      ].map((argv) => crucible([...argv, '--no-start'])),
    );
    expect(refusals.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
    expect(refusals.map(({ stderr }) => stderr)).toEqual([
      expect.stringMatching(/name one with --model/),
      expect.stringMatching(/no model scripted\/nobody[^]*scripted\/benign/),
      expect.stringMatching(/runs the suite's own programs/),
      expect.stringMatching(/no sample none[^]*tempted, asked/),
    ]);
    expect((await crucibleJson<{ items: unknown[] }>(['list', '--limit', '500'])).items.length).toBe(before);
  });
});
