import { randomUUID } from 'node:crypto';
import { evaluationIdSchema, trialIdSchema } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DockerSandboxEngine } from '../sandbox/engine.ts';
import type { Sandbox } from '../sandbox/port.ts';
import { CuttableEngine, limits, pythonSpec, testEngine } from '../sandbox/sandbox.fixture.ts';
import type { TrialNote } from '../trials/open-trial.ts';
import { isAlive, hostProcess, isSentryOf, processesOf } from './host-process.ts';
import { Killer, killOrder } from './killer.ts';
import type { Target } from './killer.ts';
import { Shot } from './shot.ts';

const executorId = `test-${randomUUID()}`;
const stopId = '019ab3f2-0a4d-7c51-8e2f-3b4c5d6e7f80';
const forks = `
import os, time
for _ in range(4):
    if os.fork() == 0:
        time.sleep(60)
print('up', flush=True)
time.sleep(60)`;

let engine: DockerSandboxEngine;
let cuttable: CuttableEngine;
let cut: DockerSandboxEngine;
beforeAll(async () => {
  const { socketPath, runtime } = testEngine();
  engine = new DockerSandboxEngine({ socketPath, runtime, executorId });
  cuttable = new CuttableEngine(socketPath);
  await cuttable.listen();
  cut = new DockerSandboxEngine({ socketPath: cuttable.socketPath, runtime, executorId });
});
afterAll(async () => {
  await engine.drain();
  await engine.reap();
});

/** A sandbox whose program has said that it runs. */
const running = async (by: DockerSandboxEngine): Promise<Sandbox> => {
  const up = Promise.withResolvers<void>();
  const spec = pythonSpec(forks, { limits: { ...limits, wallTimeMsMax: 60_000 } });
  const sandbox = await by.start(spec, () => up.resolve());
  await up.promise;
  return sandbox;
};

const targetOf = (sandbox: Sandbox, notes: (TrialNote | null)[] = []): Target => ({
  evaluationId: evaluationIdSchema.parse(randomUUID()),
  trialId: trialIdSchema.parse('0-1-1'),
  sandbox,
  shot: new Shot(sandbox.containerId, sandbox.processId),
  pen: { note: async (note) => (notes.push(await note), 1) },
});

const sentryOf = ({ containerId }: Sandbox): number =>
  (processesOf(containerId) ?? []).find((pid) => isSentryOf(pid, containerId)) ?? 0;

describe('a kill', () => {
  it('ends every process of several sandboxes at once, and each is confirmed and noted', async () => {
    const sandboxes = await Promise.all([running(engine), running(engine), running(engine)]);
    const processes = sandboxes.flatMap(({ containerId }) =>
      (processesOf(containerId) ?? []).flatMap((pid) => hostProcess(pid) ?? []),
    );
    expect(processes.length).toBeGreaterThan(3 * 4);
    const notes: (TrialNote | null)[] = [];
    const killed = await Promise.all(
      new Killer('one').kill(
        sandboxes.map((sandbox) => targetOf(sandbox, notes)),
        killOrder('stop', { stopId }),
      ),
    );
    expect(processes.filter(isAlive)).toEqual([]);
    for (const each of killed) expect(each).toMatchObject({ gone: true, method: 'runtime' });
    const ends = await Promise.all(sandboxes.map(({ ended }) => ended));
    expect(ends.map(({ reason }) => reason)).toEqual(['stopped', 'stopped', 'stopped']);
    expect(notes).toHaveLength(3);
    expect(notes[0]).toMatchObject({
      type: 'crucible.sandbox.kill-confirmed.v1',
      data: { executorId: 'one', stopId, cause: 'stop', gone: true, method: 'runtime' },
    });
  });

  it('of a runtime that hangs needs no answer from it', async () => {
    const sandbox = await running(engine);
    process.kill(sentryOf(sandbox), 'SIGSTOP');
    const [killed] = await Promise.all(new Killer('one').kill([targetOf(sandbox)], killOrder('cancel')));
    expect(killed).toMatchObject({ gone: true, method: 'runtime' });
    expect(await sandbox.ended).toMatchObject({ reason: 'stopped' });
  });

  it('needs no engine', async () => {
    const sandbox = await running(cut);
    const target = targetOf(sandbox);
    cuttable.cut();
    const [killed] = await Promise.all(new Killer('one').kill([target], killOrder('lease-lost')));
    expect(killed).toMatchObject({ gone: true, method: 'runtime' });
    expect(processesOf(sandbox.containerId) ?? []).toEqual([]);
    await sandbox.ended;
  });

  it('of what has ended already is none, and nothing is noted', async () => {
    const sandbox = await running(engine);
    const target = targetOf(sandbox);
    process.kill(sentryOf(sandbox), 'SIGKILL');
    await sandbox.ended;
    const notes: (TrialNote | null)[] = [];
    const killed = await Promise.all(
      new Killer('one').kill([{ ...target, pen: targetOf(sandbox, notes).pen }], killOrder('cancel')),
    );
    expect(killed).toEqual([null]);
    expect(notes).toEqual([null]);
  });
});

describe('a process of the host', () => {
  it('is not taken for an earlier one of the same number', () => {
    const self = hostProcess(process.pid);
    if (self === null) throw new Error('there is no such process');
    expect(isAlive(self)).toBe(true);
    expect(isAlive({ ...self, startTicks: '1' })).toBe(false);
  });

  it('is looked for under ids of containers only', () => {
    for (const id of ['', '..', 'a'.repeat(63), `${'a'.repeat(64)}/..`]) expect(processesOf(id)).toBeNull();
    expect(new Shot('').fire()).toBe('blind');
  });
});
