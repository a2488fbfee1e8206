import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { alertListSchema } from '@crucible/api';
import type { AlertView, TrialView } from '@crucible/domain';
import { loadSuite } from '@crucible/suite/load';
import type { Suite } from '@crucible/suite';
import { beforeAll, describe, expect, it } from 'vitest';
import { request, trialsOf } from './support/api.ts';
import { allReady, crucible, crucibleJson, jsonLines, pids } from './support/cli.ts';
import { dataHint, findData, repository } from './support/config.ts';
import { hostState, tracesOf, watchedEntries } from './support/host-state.ts';
import { scratch } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

const HUMANEVAL = 'HumanEval.jsonl.gz';
const PROBLEMS = 40;
const LOUD = new Set(['medium', 'high', 'critical']);

/** One program of a corpus, as it ended. */
interface Ran {
  readonly trial: TrialView;
  /** Rules of severity medium and above that raised an alert. */
  readonly raised: readonly string[];
  /** Null where the corpus leaves them open, because they depend on the machine. */
  readonly expected: readonly string[] | null;
}

const alertsOf = async (id: string): Promise<AlertView[]> => {
  const alerts: AlertView[] = [];
  for (let cursor = ''; ;) {
    const answer = await request(`/api/v1/alerts?evaluation=${id}&limit=500${cursor}`);
    const page = alertListSchema.parse(await answer.json());
    alerts.push(...page.items);
    if (page.nextCursor === null) return alerts;
    cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`;
  }
};

const suiteAt = async (folder: string): Promise<Suite> => {
  const loaded = await loadSuite(folder);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.suite;
};

const run = async (folder: string): Promise<Ran[]> => {
  const suite = await suiteAt(folder);
  const { stdout, stderr } = await crucible(['run', folder, '--no-start', '--json'], { timeoutMs: 280_000 });
  const result = jsonLines(stdout).at(-1);
  if (result?.['status'] !== 'completed') throw new Error(`${folder} did not complete: ${stderr}`);
  const id = String(result['evaluationId']);
  const [trials, alerts] = await Promise.all([trialsOf(id), alertsOf(id)]);
  return trials.map((trial) => ({
    trial,
    raised: alerts.flatMap((alert) => (alert.trialId === trial.id && LOUD.has(alert.severity) ? alert.rule.id : [])),
    expected: suite.dataset.samples.find(({ id: sample }) => sample === trial.sampleId)?.expectation?.alerts ?? null,
  }));
};

const failures = (ran: readonly Ran[]): unknown[] =>
  ran
    .filter(({ trial }) => trial.outcome !== 'passed')
    .map(({ trial }) => [
      trial.sampleId,
      trial.reason,
      trial.verdict,
      trial.error,
      ...trial.scores.map(({ explanation }) => explanation),
      ...trial.findings,
    ]);

/**
 * A program that did not end as stated gets a second try, and is named: on a machine that stands still for seconds wall
 * times come early and leases end. A breach is never tried again.
 */
const runFairly = async (folder: string): Promise<Ran[]> => {
  const first = await run(folder);
  const isOdd = ({ trial }: Ran): boolean => trial.outcome !== 'passed' && trial.verdict !== 'breached';
  if (!first.some(isOdd)) return first;
  process.stdout.write(`corpus: tried a second time: ${JSON.stringify(failures(first.filter(isOdd)))}\n`);
  const second = await run(folder);
  return first.map((ran) =>
    isOdd(ran) ? (second.find(({ trial }) => trial.sampleId === ran.trial.sampleId) ?? ran) : ran,
  );
};

/** The first problems of HumanEval with their canonical solutions, as a suite. */
const humanEval = async (file: string): Promise<string> => {
  const [whole, part] = [join(scratch(), 'humaneval'), join(scratch(), 'first')];
  await crucibleJson(['import', 'humaneval', file, '--out', whole]);
  mkdirSync(part);
  copyFileSync(join(whole, 'suite.yaml'), join(part, 'suite.yaml'));
  const lines = readFileSync(join(whole, 'samples.jsonl'), 'utf8').split('\n').slice(0, PROBLEMS);
  writeFileSync(join(part, 'samples.jsonl'), `${lines.join('\n')}\n`);
  return part;
};

/** Lines that only one of the two has. */
const changed = (before: readonly string[], after: readonly string[]): string[] => {
  const [old, now] = [new Set(before), new Set(after)];
  return [
    ...before.filter((line) => !now.has(line)).map((line) => `before: ${line}`),
    ...after.filter((line) => !old.has(line)).map((line) => `after: ${line}`),
  ];
};

const share = (part: number, whole: number): string => (whole === 0 ? 'none' : (part / whole).toFixed(3));

/**
 * Of programs, not of alerts. Recall is told twice: of the programs whose attack the rules claim to see, and of all,
 * whether or not there is anything in them that a rule could see.
 */
const scorecard = (hostile: readonly Ran[], honest: readonly Ran[]): string => {
  const claimed = hostile.filter(({ expected }) => expected !== null && expected.length > 0);
  const found = claimed.filter(({ expected, raised }) => expected?.every((rule) => raised.includes(rule)));
  const falsely = honest.filter(({ raised }) => raised.length > 0);
  return [
    `${hostile.length} hostile and ${honest.length} honest programs`,
    `precision ${share(found.length, found.length + falsely.length)}`,
    `recall ${share(found.length, claimed.length)} of the ${claimed.length} that the rules claim`,
    `${share(found.length, hostile.length)} of all`,
    `${falsely.length} false alarms`,
  ].join(', ');
};

describe('the corpus', () => {
  let hostBefore: Awaited<ReturnType<typeof hostState>>;
  let entriesBefore: readonly string[];
  let pidsBefore: Record<string, number>;
  let hostile: Ran[];
  let honest: Ran[];
  beforeAll(async () => {
    await allReady();
    // One after the other: asking for the second runs a program of the platform's own.
    hostBefore = await hostState();
    entriesBefore = watchedEntries();
    pidsBefore = await pids();
    hostile = await runFairly(join(repository, 'suites/hostile'));
    honest = await runFairly(join(repository, 'suites/honest'));
  }, 1_200_000);

  it('is as large as it says, in seven groups', async () => {
    const { dataset } = await suiteAt(join(repository, 'suites/hostile'));
    const groups = new Set(dataset.samples.map(({ metadata }) => metadata?.['group']));
    expect([...groups].sort()).toEqual(
      ['escape', 'exhaustion', 'interference', 'network', 'persistence', 'secrets', 'tampering'].sort(),
    );
    expect(hostile.length).toBeGreaterThanOrEqual(60);
    expect(honest.length).toBeGreaterThanOrEqual(40);
  });

  it('ends as each hostile program states: reason, verdict, alerts', () => {
    expect(failures(hostile)).toEqual([]);
    expect(hostile.filter(({ trial }) => trial.verdict === 'breached').map(({ trial }) => trial.sampleId)).toEqual([]);
  });

  it('ends as each honest program states: contained, without an alert', () => {
    expect(failures(honest)).toEqual([]);
    expect(honest.filter(({ raised }) => raised.length > 0)).toEqual([]);
  });

  it('gives the shipped rules their precision and recall, HumanEval among the honest', async ({ skip }) => {
    const file = findData(HUMANEVAL);
    const problems = file === undefined ? [] : await run(await humanEval(file));
    expect(failures(problems)).toEqual([]);
    const line = scorecard(hostile, [...honest, ...problems]);
    process.stdout.write(`corpus: ${line}\n`);
    expect(line).toMatch(/precision 1\.000, recall 1\.000 .* 0 false alarms$/);
    if (file === undefined) skip(`${HUMANEVAL} is ${dataHint}`);
  });

  it('leaves nothing of its sandboxes on the host', async () => {
    const ids = [...hostile, ...honest].flatMap(({ trial }) => trial.sandboxId ?? []);
    expect(ids.length).toBe(hostile.length + honest.length);
    const left = () => tracesOf(ids);
    await waitFor('the last sandbox to go', () => left().length === 0, 60_000).catch(() => undefined);
    expect(left()).toEqual([]);
  });

  it('leaves the host and the platform as they were', async () => {
    const same = async () => JSON.stringify(await hostState()) === JSON.stringify(hostBefore);
    await waitFor('the host to come to rest', same, 60_000).catch(() => undefined);
    // First by name: of a folder that is not as it was, a fingerprint does not say what.
    expect(changed(entriesBefore, watchedEntries())).toEqual([]);
    expect(await hostState()).toEqual(hostBefore);
    expect(await pids()).toEqual(pidsBefore);
  });
});
