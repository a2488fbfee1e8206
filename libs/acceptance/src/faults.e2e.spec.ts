import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluationOf, platformAnswer, trialsOf } from './support/api.ts';
import { allReady, crucible, jsonLines, pidIn, pids, startCrucible, status } from './support/cli.ts';
import type { Running } from './support/cli.ts';
import { containersAt, containersOfTrials } from './support/engine.ts';
import { platform } from './support/facts.ts';
import { brokenSeals, differences, faultsOf, history, standingOf } from './support/history.ts';
import { sleepers, suiteOf, writeSuite } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

/** Twelve trials of about a second, six at once: something runs, something waits and something is over at each blow. */
const samples = sleepers(12, 1);
let path: string;
/** By test: one that is tried again replaces its evaluation. */
const runs = new Map<string | undefined, string>();
beforeAll(() => {
  path = writeSuite(suiteOf(samples, { name: 'faults', concurrency: 6 }));
});

/** Starts a run and waits until some of its trials are over and others run. */
const startRun = async (): Promise<{ run: Running; id: string }> => {
  const run = startCrucible(['run', path, '--no-start', '--json']);
  const id = await waitFor(
    'the submission',
    () => run.lines().find(({ type }) => type === 'submitted')?.['evaluationId'],
  );
  runs.set(expect.getState().currentTestName, String(id));
  await waitFor('the first trials to end', () => run.lines().filter(({ type }) => type === 'trial').length >= 2);
  return { run, id: String(id) };
};

/** The run went on to its end as if nothing had been, and the log bears it out. */
const expectWhole = async ({ run, id }: { run: Running; id: string }): Promise<void> => {
  const { code, stdout, stderr } = await run.ended;
  const result = jsonLines(stdout).at(-1);
  const standing = result?.['status'] === 'completed' ? '' : `\n${await standingOf(id)}`;
  expect(result, stderr + standing).toMatchObject({ evaluationId: id, status: 'completed', score: 1 });
  expect(result?.['trials']).toEqual({ total: 12, passed: 12, failed: 0, errored: 0 });
  expect(code).toBe(0);
  const told = jsonLines(stdout)
    .filter(({ type }) => type === 'trial')
    .map(({ trialId }) => trialId);
  expect(new Set(told).size).toBe(told.length);
};

describe.each(['gateway', 'scheduler', 'sandbox-executor', 'audit', 'notifier', 'nats', 'postgres', 'engine'])(
  'kill -9 of %s in the middle of a run',
  (name) => {
    it('ends with the keeper bringing it back and the run complete', async () => {
      const before = await pids();
      const running = await startRun();
      process.kill(pidIn(before, name), 'SIGKILL');
      await expectWhole(running);
      const { components } = await allReady();
      const after = components.find((each) => each.name === name);
      expect(after?.pid).not.toBe(before[name]);
      const others = components.filter((each) => each.name !== name);
      expect(others.map(({ name: other, pid }) => [other, pid])).toEqual(
        others.map(({ name: other }) => [other, before[other]]),
      );
    });
  },
);

describe('kill -9 of the keeper in the middle of a run', () => {
  it('disturbs nobody, and up brings it back and changes nothing else', async () => {
    const before = await pids();
    const running = await startRun();
    process.kill(pidIn(before, 'keeper'), 'SIGKILL');
    await expectWhole(running);
    expect((await status()).state).toBe('degraded');
    expect((await crucible(['up'])).code).toBe(0);
    const after = await pids();
    expect(after['keeper']).toBeDefined();
    expect(after).toEqual({ ...before, keeper: after['keeper'] });
  });
});

describe('kill -9 of everything at once in the middle of a run', () => {
  it('is mended by up, and the run completes', async () => {
    const running = await startRun();
    Object.values(await pids()).forEach((pid) => process.kill(pid, 'SIGKILL'));
    expect((await crucible(['up'])).code).toBe(0);
    await expectWhole(running);
    await allReady();
  });
});

describe('the whole stack down and up in the middle of a run', () => {
  it('leaves the run to complete, followed by the same command line', async () => {
    const running = await startRun();
    expect((await crucible(['down'])).code).toBe(0);
    expect((await status()).state).toBe('down');
    expect((await crucible(['up'])).code).toBe(0);
    await expectWhole(running);
    await allReady();
  });
});

describe('after all of that', () => {
  afterAll(async () => {
    // The next spec file finds a platform at rest.
    await allReady();
  });

  it('the log has every event, one start and one end a trial', async () => {
    const entries = await history();
    expect(runs.size).toBe(11);
    expect([...runs.values()].flatMap((id) => faultsOf(entries, id))).toEqual([]);
  });

  it('the read model is what the log folds to', async () => {
    expect(await differences(await history(), [...runs.values()])).toEqual([]);
  });

  it('every trial has one attempt that counts, and its output is what was sealed', async () => {
    for (const id of runs.values()) {
      const { trials } = await evaluationOf(id);
      expect(trials).toMatchObject({ total: 12, passed: 12, failed: 0, errored: 0, withdrawn: 0 });
      const latest = (await trialsOf(id)).filter((trial) => trial.latest);
      expect(latest.map(({ sampleIndex }) => sampleIndex)).toEqual(samples.map((_, index) => index));
      expect(await brokenSeals(id)).toEqual([]);
    }
  });

  it('the engine has no container left over, beside those that wait for the next trials', async () => {
    await waitFor('the last sandbox to go', async () => (await containersOfTrials()).length === 0);
    const { executors } = await platformAnswer();
    const waitingMax = Math.max(...executors.map(({ capacity }) => capacity));
    expect((await containersAt(platform().dockerSocket)).length).toBeLessThanOrEqual(waitingMax);
  });
});
