import { readFileSync, readdirSync } from 'node:fs';
import type { CrucibleEvent } from '@crucible/events';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { allReady, crucible, crucibleJson, jsonLines, pidIn, pidOf, pids, startCrucible } from './support/cli.ts';
import type { Running } from './support/cli.ts';
import { containersAt, containersOfTrials } from './support/engine.ts';
import { platform } from './support/facts.ts';
import { logSoFar, queuedItems } from './support/log.ts';
import { comeToRest } from './support/rest.ts';
import { sample, sleepers, suiteOf, writeSuite } from './support/suites.ts';
import type { SampleInput } from './support/suites.ts';
import { sleep, waitFor } from './support/wait.ts';

const CONCURRENCY = 3;

interface Stopped {
  readonly stopId: string;
  readonly position: number;
  readonly by: 'gateway' | 'bus';
  readonly executors: readonly { executorId: string; killed: number; unconfirmed: number; latencyMs: number }[];
  readonly silent: readonly string[];
}

const events = async (): Promise<{ position: number; event: CrucibleEvent }[]> =>
  (await logSoFar()).flatMap((stored) => (stored.ok ? [{ position: stored.position, event: stored.event }] : []));
const of = (id: string, { event }: { event: CrucibleEvent }): boolean =>
  (event.data as { evaluationId?: string }).evaluationId === id;

/** An evaluation of which as many trials run as may. */
const startRun = async (samples: SampleInput[], output = '1MiB'): Promise<{ run: Running; id: string }> => {
  const suite = suiteOf(samples, { concurrency: CONCURRENCY, sandbox: { wallTime: '300s', output } });
  const run = startCrucible(['run', writeSuite(suite), '--no-start', '--json'], { timeoutMs: 280_000 });
  const id = String(
    await waitFor('the submission', () => run.lines().find(({ type }) => type === 'submitted')?.['evaluationId']),
  );
  await waitFor(
    'trials to run',
    async () => {
      const known = (await events()).filter((each) => of(id, each));
      return known.filter(({ event }) => event.type === 'crucible.trial.started.v2').length >= CONCURRENCY;
    },
    60_000,
    300,
  );
  return { run, id };
};

const stop = (...argv: string[]): Promise<Stopped> =>
  crucibleJson<Stopped>(['stop', ...argv, '--reason', 'a drill', '--wait', '60']);
const release = (stopId: string): Promise<object> =>
  crucibleJson(['stop', 'release', stopId, '--reason', 'the drill is over']);

/** A process and those that it made, as a service and its workers. */
const family = (pid: number): number[] => {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const text = readFileSync(`/proc/${name}/stat`, 'utf8');
        return text.slice(text.lastIndexOf(')') + 2).split(' ')[1] === String(pid);
      } catch {
        return false;
      }
    });
  return [pid, ...children.map(Number)];
};
const frozen = new Set<number>();
const freeze = async (...names: string[]): Promise<void> => {
  const running = await pids();
  for (const pid of names.flatMap((name) => family(pidIn(running, name)))) {
    process.kill(pid, 'SIGSTOP');
    frozen.add(pid);
  }
};
const thaw = (): void => {
  for (const pid of frozen) {
    try {
      process.kill(pid, 'SIGCONT');
    } catch {
      // Its keeper has put another in its place.
    }
  }
  frozen.clear();
};

beforeAll(() => comeToRest());
afterEach(async () => {
  thaw();
  await allReady();
  await comeToRest();
});

/** Nothing ran on, and every kill is on record with its latency. */
const expectKilled = async (id: string, { stopId, executors, silent }: Stopped): Promise<void> => {
  expect(silent).toEqual([]);
  expect(executors).toMatchObject([{ killed: CONCURRENCY, unconfirmed: 0 }]);
  const kills = (await events()).filter((each) => of(id, each)).map(({ event }) => event);
  const confirmed = kills.flatMap((event) => (event.type === 'crucible.sandbox.kill-confirmed.v1' ? [event.data] : []));
  expect(confirmed).toHaveLength(CONCURRENCY);
  for (const each of confirmed) expect(each).toMatchObject({ stopId, cause: 'stop', gone: true, method: 'runtime' });
  const alive = await waitFor('the engine to see it', async () => {
    const left = (await containersOfTrials()).length;
    return left === 0 ? 'none' : false;
  });
  expect(alive).toBe('none');
};

/** What the stop held back is run to its end; what it ended is not tried again. */
const expectRest = async ({ run }: { run: Running }, total: number): Promise<void> => {
  const { stdout } = await run.ended;
  const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Record<string, unknown>;
  expect(result).toMatchObject({
    status: 'completed',
    trials: { total, passed: total - CONCURRENCY, errored: CONCURRENCY },
  });
};

/** So many that are killed sleep for long, and the others behind them for a moment. */
const drill = (): SampleInput[] => [
  ...sleepers(CONCURRENCY, 280),
  ...sleepers(2, 0).map((each, index) => ({ ...each, id: `late-${index}` })),
];

describe('an emergency stop', () => {
  it.each([[[]], [['postgres']], [['scheduler']], [['gateway']], [['postgres', 'scheduler', 'gateway']]])(
    'kills what runs and holds back the rest while these do not answer: %s',
    async (away: string[]) => {
      const running = await startRun(drill());
      await freeze(...away);
      const stopped = await stop('--all');
      expect(stopped.by).toBe(away.includes('gateway') ? 'bus' : 'gateway');
      await expectKilled(running.id, stopped);
      thaw();
      await allReady();
      const before = (await events()).length;
      await release(stopped.stopId);
      await expectRest(running, CONCURRENCY + 2);
      const started = (await events()).filter(
        ({ position, event }) => position > stopped.position && event.type === 'crucible.trial.started.v2',
      );
      for (const { position } of started) expect(position).toBeGreaterThan(before);
    },
  );

  it('of one evaluation leaves others alone', async () => {
    const one = await startRun(drill());
    const other = await startRun(sleepers(CONCURRENCY, 5));
    const stopped = await stop('--evaluation', one.id);
    expect(stopped.executors).toMatchObject([{ killed: CONCURRENCY, unconfirmed: 0 }]);
    expect((await other.run.ended).code).toBe(0);
    await release(stopped.stopId);
    await expectRest(one, CONCURRENCY + 2);
  });

  it('gets through while trials flood output and system calls', async () => {
    const flood = `
import os, sys
line = b'x' * 4095 + b'\\n'
while True:
    for _ in range(64):
        os.stat('/proc/self/status')
        open('/etc/hostname').close() if os.path.exists('/etc/hostname') else None
    sys.stdout.buffer.write(line)`;
    const running = await startRun(
      Array.from({ length: CONCURRENCY }, (_, index) => sample(`flood-${index}`, flood)),
      '64MiB',
    );
    await expectKilled(running.id, await stop('--all'));
  });

  it('is known to an executor that comes back, before it does anything', async () => {
    const running = await startRun(drill());
    const stopped = await stop('--all');
    await expectKilled(running.id, stopped);
    process.kill(await pidOf('sandbox-executor'), 'SIGKILL');
    await allReady();
    const known = await events();
    expect(
      known.filter(({ position, event }) => position > stopped.position && event.type === 'crucible.trial.started.v2'),
    ).toEqual([]);
    await release(stopped.stopId);
    await expectRest(running, CONCURRENCY + 2);
  });

  it('is known to an executor that comes back to work that waits for it', async () => {
    await freeze('sandbox-executor');
    const suite = suiteOf(sleepers(CONCURRENCY, 0), { concurrency: CONCURRENCY });
    const run = startCrucible(['run', writeSuite(suite), '--no-start', '--json'], { timeoutMs: 280_000 });
    const id = String(
      await waitFor('the submission', () => run.lines().find(({ type }) => type === 'submitted')?.['evaluationId']),
    );
    const told = async (type: string) =>
      (await events()).filter((each) => of(id, each) && each.event.type === type).length;
    await waitFor('the dispatches', async () => (await told('crucible.trial.dispatched.v1')) === CONCURRENCY);
    const { code, stdout } = await crucible(['stop', '--all', '--reason', 'a drill', '--wait', '1', '--json']);
    const [stopped] = jsonLines(stdout) as unknown as Stopped[];
    if (stopped === undefined) throw new Error('the stop printed nothing');
    // Whoever could have confirmed it is frozen.
    expect([code, stopped.executors, stopped.silent.length]).toEqual([1, [], 1]);
    expect(await queuedItems()).toBe(CONCURRENCY);
    process.kill(await pidOf('sandbox-executor'), 'SIGKILL');
    await allReady();
    // Longer than the lease of what the frozen one may have been handed: all of it is there for the new one to take.
    await sleep(17_000);
    expect([await queuedItems(), await told('crucible.trial.started.v2')]).toEqual([CONCURRENCY, 0]);
    await release(stopped.stopId);
    expect((await run.ended).code).toBe(0);
    expect(await told('crucible.trial.started.v2')).toBe(CONCURRENCY);
  });

  it('of a team kills what it runs', async () => {
    const running = await startRun(drill());
    const stopped = await stop('--team', 'default');
    await expectKilled(running.id, stopped);
    await release(stopped.stopId);
    await expectRest(running, CONCURRENCY + 2);
  });

  it('is released by a second act with a reason, once', async () => {
    const stopped = await stop('--team', 'nobody');
    expect((await crucible(['stop', 'release', stopped.stopId])).code).toBe(2);
    await release(stopped.stopId);
    expect((await crucible(['stop', 'release', stopped.stopId, '--reason', 'again'])).code).toBe(1);
    expect((await crucible(['stop', '--all'])).code).toBe(2);
  });
});

describe('an executor that the bus is silent to', () => {
  it('kills what it runs by itself, and the trials are tried again', async () => {
    const { run, id } = await startRun(sleepers(CONCURRENCY, 25));
    const sandboxes = (await events()).flatMap(({ event }) =>
      event.type === 'crucible.trial.started.v2' && event.data.evaluationId === id ? [event.data.sandboxId] : [],
    );
    expect(sandboxes).toHaveLength(CONCURRENCY);
    const frozenAt = Date.now();
    await freeze('nats');
    await waitFor(
      'its sandboxes to go while nobody can reach it',
      async () => !(await containersAt(platform().dockerSocket)).some(({ Id }) => sandboxes.includes(Id)),
      14_000,
    );
    await sleep(Math.max(0, frozenAt + 14_000 - Date.now()));
    thaw();
    const { code, stdout } = await run.ended;
    expect(jsonLines(stdout).at(-1)).toMatchObject({ status: 'completed', trials: { passed: CONCURRENCY } });
    expect(code).toBe(0);
    const told = (await events()).filter((each) => of(id, each)).map(({ event }) => event);
    const kills = told.flatMap((event) => (event.type === 'crucible.sandbox.kill-confirmed.v1' ? [event.data] : []));
    expect(kills).toHaveLength(CONCURRENCY);
    for (const kill of kills) expect(kill).toMatchObject({ cause: 'lease-lost', stopId: null, gone: true });
    const lost = told.flatMap((event) =>
      event.type === 'crucible.trial.finished.v2' && event.data.outcome === 'errored' ? [event.data] : [],
    );
    expect(lost).toHaveLength(CONCURRENCY);
    for (const each of lost)
      expect(each).toMatchObject({
        reason: 'lease-lost',
        verdict: 'unknown',
        error: 'the bus was silent for longer than the lease',
      });
  });
});
