import type { TrialView } from '@crucible/domain';
import type { EventData, EventType } from '@crucible/events';
import { WireServer } from '@crucible/models/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endOf, submit, trialsOf } from './support/api.ts';
import { allReady, crucible, crucibleJson, pidIn, pids } from './support/cli.ts';
import { platform } from './support/facts.ts';
import { brokenSeals, differences, faultsOf, history } from './support/history.ts';
import { waitFor } from './support/wait.ts';
import { askedIn, bash, tool } from './support/wire-model.ts';
import type { Asked } from './support/wire-model.ts';

/** An executor's death is noticed when its work comes back, after a quarter of a minute; then the trial is attempted again. */
const ATTEMPT_MS_MAX = 120_000;
const services = ['gateway', 'scheduler', 'sandbox-executor', 'audit', 'notifier'];

let wire: WireServer;
beforeAll(async () => {
  await allReady();
  wire = await WireServer.start(platform().modelPort);
}, 90_000);
afterAll(() => wire?.stop());

type Resume = 'transcript' | 'retry' | 'lost';
interface Wish {
  readonly resume: Resume;
  readonly calls?: number;
  readonly approval?: readonly { tool: string; pattern: string; action: 'ask'; timeout: string }[];
}

/** The task names its evaluation, so that the stand-in knows whose conversation it is asked to go on with. */
const start = async (task: string, { resume, calls, approval = [] }: Wish): Promise<string> => {
  const { id } = await submit({
    suite: {
      apiVersion: 'crucible/v1',
      kind: 'Suite',
      metadata: { name: `kill-${task}`, version: '1.0.0', title: task },
      dataset: { samples: [{ id: 'one', input: `This is ${task}.`, target: 'done' }] },
      solver: { kind: 'agent', tools: ['bash', 'submit'], resume, approval: [...approval] },
      scorers: [{ kind: 'exact' }],
      limits: { attempts: 3, ...(calls === undefined ? {} : { calls }) },
    },
    subject: { kind: 'model', model: 'wire/slow' },
  });
  return id;
};

const slowly = { pieceDelayMs: 400, pieceChars: 1 };

const askedOf = (task: string): Asked[] => wire.requests.map(askedIn).filter((asked) => asked.task === task);
const untilAsked = (task: string, turns: number): Promise<unknown> =>
  waitFor(
    `${task} to be asked for turn ${turns + 1}`,
    () => askedOf(task).some((asked) => asked.turns === turns),
    60_000,
  );

const eventsOf = async <T extends EventType>(id: string, type: T): Promise<EventData<T>[]> =>
  (await history()).flatMap(({ event }) =>
    event.type === type && 'evaluationId' in event.data && event.data.evaluationId === id
      ? [event.data as EventData<T>]
      : [],
  );
const attemptsOf = async (id: string): Promise<TrialView[]> =>
  (await trialsOf(id)).toSorted((one, other) => one.attempt - other.attempt);
const kill = (running: Readonly<Record<string, number>>, names: readonly string[]): void =>
  names.forEach((name) => process.kill(pidIn(running, name), 'SIGKILL'));

const expectSound = async (ids: readonly string[]): Promise<void> => {
  const entries = await history();
  for (const id of ids) {
    expect(faultsOf(entries, id)).toEqual([]);
    expect(await brokenSeals(id)).toEqual([]);
  }
  expect(await differences(entries, ids)).toEqual([]);
  const { code, stdout, stderr } = await crucible(['audit', 'verify', '--json']);
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ ok: true });
};

describe('kill -9 of the executor in the middle of a reply', () => {
  const ids: Record<string, string> = {};
  const id = (task: string): string => ids[task] ?? '';

  beforeAll(async () => {
    let isBefore = true;
    wire.script((request) => {
      const { turns } = askedIn(request);
      if (turns === 0) return bash('echo first > one.txt; echo the first is done');
      if (turns === 1) return bash('echo the second is done');
      // The reply that is on its way when the executor dies comes slowly; the same one goes on as usual behind it.
      if (turns === 2) return bash('ls; echo the third is done', isBefore ? slowly : {});
      return tool('submit', { answer: 'done' });
    });
    ids['onward'] = await start('onward', { resume: 'transcript' });
    ids['bounded'] = await start('bounded', { resume: 'transcript', calls: 3 });
    ids['again'] = await start('again', { resume: 'retry' });
    ids['left'] = await start('left', { resume: 'lost' });
    await Promise.all(Object.keys(ids).map((task) => untilAsked(task, 2)));
    // Every reply has begun to come, and no one is whole.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const before = await pids();
    isBefore = false;
    kill(before, ['sandbox-executor']);
    await Promise.all(Object.values(ids).map((each) => endOf(each, ATTEMPT_MS_MAX)));
  }, ATTEMPT_MS_MAX + 120_000);

  it('ends each attempt that was under way as lost with its executor', async () => {
    for (const each of Object.values(ids)) {
      const [first] = await attemptsOf(each);
      expect(first).toMatchObject({ status: 'finished', outcome: 'errored', reason: 'lease-lost', verdict: 'unknown' });
    }
  });

  it('goes on behind the last whole turn with resume: transcript', async () => {
    const [, second, ...more] = await attemptsOf(id('onward'));
    expect(more).toEqual([]);
    expect(second).toMatchObject({ attempt: 2, outcome: 'passed', reason: 'completed' });
    // Each turn was asked for once, and the one that was cut off twice.
    expect(askedOf('onward').map(({ turns }) => turns)).toEqual([0, 1, 2, 2, 3]);
    expect(askedOf('onward')[3]?.text).toContain('the second is done');
    const called = await eventsOf(id('onward'), 'crucible.trial.model-called.v2');
    expect(called.map(({ trialId, turn }) => `${trialId} ${turn}`)).toEqual([
      '0-1-1 1',
      '0-1-1 2',
      '0-1-2 3',
      '0-1-2 4',
    ]);
    // What earlier calls had made is gone with their sandbox.
    expect(askedOf('onward').at(-1)?.text).not.toContain('one.txt\\n');
  });

  it('counts on what was used before', async () => {
    const [, second] = await attemptsOf(id('bounded'));
    expect(second).toMatchObject({ attempt: 2, reason: 'call-limit' });
    expect(askedOf('bounded').map(({ turns }) => turns)).toEqual([0, 1, 2, 2]);
  });

  it('begins again with resume: retry', async () => {
    const [, second] = await attemptsOf(id('again'));
    expect(second).toMatchObject({ attempt: 2, outcome: 'passed', reason: 'completed' });
    expect(askedOf('again').map(({ turns }) => turns)).toEqual([0, 1, 2, 0, 1, 2, 3]);
  });

  it('leaves it at that with resume: lost', async () => {
    expect((await attemptsOf(id('left'))).map(({ status }) => status)).toEqual(['finished', 'withdrawn']);
    expect(askedOf('left').map(({ turns }) => turns)).toEqual([0, 1, 2]);
    const [withdrawn] = await eventsOf(id('left'), 'crucible.trial.withdrawn.v1');
    expect(withdrawn?.reason).toContain('resume: lost');
  });

  it('leaves a log that verifies, and views that are what it folds to', async () => {
    await allReady();
    await expectSound(Object.values(ids));
  }, 60_000);
});

interface Waiting {
  readonly approvalId: string;
  readonly evaluationId: string;
  readonly trialId: string;
}
const waitingOf = async (id: string): Promise<Waiting | undefined> => {
  const { items } = await crucibleJson<{ items: Waiting[] }>(['approvals']);
  return items.find(({ evaluationId }) => evaluationId === id);
};

describe('kill -9 of every service while somebody is asked', () => {
  it('leaves the question, once it is asked for again, and runs the call once it is approved', async () => {
    wire.reset();
    wire.script((request) => {
      const { turns } = askedIn(request);
      if (turns === 0) return bash('echo the first is done');
      if (turns === 1) return bash('touch dangerous; echo it was run');
      return tool('submit', { answer: 'done' });
    });
    const approval = [{ tool: 'bash', pattern: 'dangerous', action: 'ask' as const, timeout: '10m' }];
    const asking = await start('asking', { resume: 'transcript', approval });
    const first = await waitFor('the question', () => waitingOf(asking), 60_000);
    expect(first.trialId).toBe('0-1-1');
    kill(await pids(), services);
    await allReady(90_000);
    const again = await waitFor(
      'the question of the next attempt',
      async () => {
        const waiting = await waitingOf(asking);
        return waiting?.trialId === '0-1-2' && waiting;
      },
      ATTEMPT_MS_MAX,
    );
    const { code, stderr } = await crucible(['approvals', 'approve', again.approvalId, '--reason', 'it may']);
    expect(code, stderr).toBe(0);
    await endOf(asking, 60_000);
    const [, second] = await attemptsOf(asking);
    expect(second).toMatchObject({ outcome: 'passed', reason: 'completed' });
    // The reply that asked for it stands: nobody asked the model for it again.
    expect(askedOf('asking').map(({ turns }) => turns)).toEqual([0, 1, 2]);
    expect(askedOf('asking').at(-1)?.text).toContain('it was run');
    const requests = await eventsOf(asking, 'crucible.trial.approval-requested.v1');
    expect(requests.map(({ trialId }) => trialId)).toEqual(['0-1-1', '0-1-2']);
    expect(new Set(requests.map(({ argumentsDigest, expiresAt }) => `${argumentsDigest} ${expiresAt}`)).size).toBe(1);
    await expectSound([asking]);
  }, 300_000);
});

describe('kill -9 of the executor while a trial is paused', () => {
  it('leaves it paused: the next attempt waits until somebody lets it go on', async () => {
    let isBefore = true;
    wire.reset();
    wire.script((request) => {
      const { turns } = askedIn(request);
      if (turns === 0) return bash('echo the first is done');
      // The reply that is on its way when the executor dies comes slowly: the pause is asked for and not heeded yet.
      if (turns === 1) return bash('echo the second is done', isBefore ? slowly : {});
      return tool('submit', { answer: 'done' });
    });
    const held = await start('held', { resume: 'retry' });
    await untilAsked('held', 1);
    const first = await crucible(['pause', held, '--reason', 'to look']);
    expect(first.code, first.stderr).toBe(0);
    const before = await pids();
    isBefore = false;
    kill(before, ['sandbox-executor']);
    const next = await waitFor(
      'the next attempt to be held',
      async () => (await attemptsOf(held)).find(({ attempt, pause }) => attempt === 2 && pause === 'paused'),
      ATTEMPT_MS_MAX,
    );
    expect(next).toMatchObject({ id: '0-1-2', status: 'running', turn: 1 });
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    // Nobody has asked the model again.
    expect(askedOf('held').map(({ turns }) => turns)).toEqual([0, 1]);
    const { code, stderr } = await crucible(['resume', held, '--trial', '0-1-2', '--reason', 'seen']);
    expect(code, stderr).toBe(0);
    await endOf(held, 60_000);
    const [lost, second, ...more] = await attemptsOf(held);
    expect(more).toEqual([]);
    expect(lost).toMatchObject({ reason: 'lease-lost', pause: null });
    expect(second).toMatchObject({ outcome: 'passed', reason: 'completed', pause: null });
    expect(askedOf('held').map(({ turns }) => turns)).toEqual([0, 1, 0, 1, 2]);
    const carried = await eventsOf(held, 'crucible.trial.pause-carried.v1');
    expect(carried).toMatchObject([{ trialId: '0-1-2', fromTrialId: '0-1-1' }]);
    await allReady();
    await expectSound([held]);
  }, 300_000);
});
