import { createHash } from 'node:crypto';
import type { EventData, EventType } from '@crucible/events';
import { say, WireServer } from '@crucible/models/testing';
import type { WireReply, WireRequest } from '@crucible/models/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endOf, submit, trialsOf } from './support/api.ts';
import { allReady, crucible, crucibleJson } from './support/cli.ts';
import { platform } from './support/facts.ts';
import { history } from './support/history.ts';
import { sleep, waitFor } from './support/wait.ts';
import { askedIn, bash, tool } from './support/wire-model.ts';

let wire: WireServer;
/** What each task is answered, turn by turn. */
const replies = new Map<string, readonly WireReply[]>();
beforeAll(async () => {
  await allReady();
  wire = await WireServer.start(platform().modelPort);
  wire.script((request) => {
    const { task, turns } = askedIn(request);
    return replies.get(task)?.[turns] ?? say('no more is scripted');
  });
}, 90_000);
afterAll(() => wire?.stop());

const submitted = tool('submit', { answer: 'done' });
/** Longer than all that is done meanwhile. */
const slowly = say('x'.repeat(500), { pieceDelayMs: 400, pieceChars: 1 });

const requestsOf = (task: string): WireRequest[] => wire.requests.filter((each) => askedIn(each).task === task);
/** What the model was told when it was asked for a turn; the first is 0. */
const untilAsked = (task: string, turns: number): Promise<string> =>
  waitFor(
    `${task} to be asked for turn ${turns + 1}`,
    () =>
      requestsOf(task)
        .map(askedIn)
        .find((asked) => asked.turns === turns)?.text,
  );

/** The task names its evaluation, so that the stand-in knows whose conversation it is asked to go on with. */
const start = async (task: string, turns: readonly WireReply[]): Promise<string> => {
  replies.set(task, turns);
  // A second try of a test counts its own requests only.
  wire.requests.splice(0, Infinity, ...wire.requests.filter((each) => askedIn(each).task !== task));
  const approval = [{ tool: 'bash', pattern: 'dangerous', action: 'ask' as const, timeout: '10m' }];
  const { id } = await submit({
    suite: {
      apiVersion: 'crucible/v1',
      kind: 'Suite',
      metadata: { name: `steering-${task}`, version: '1.0.0', title: task },
      dataset: { samples: [{ id: 'one', input: `This is ${task}.`, target: 'done' }] },
      solver: { kind: 'agent', tools: ['bash', 'submit'], approval },
      scorers: [{ kind: 'exact' }],
      limits: { attempts: 3 },
    },
    subject: { kind: 'model', model: 'wire/slow' },
  });
  return id;
};

const eventsOf = async <T extends EventType>(id: string, type: T): Promise<(EventData<T> & { actor: string })[]> =>
  (await history()).flatMap(({ event }) =>
    event.type === type && 'evaluationId' in event.data && event.data.evaluationId === id
      ? [{ ...(event.data as EventData<T>), actor: event.actor }]
      : [],
  );

/** A verb as a person gives it, which must do what it was asked. @returns what it printed */
const verb = async (...argv: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await crucible(argv);
  expect(code, `${argv.join(' ')}: ${stderr}`).toBe(0);
  return stdout;
};

interface Waiting {
  readonly approvalId: string;
  readonly evaluationId: string;
  readonly argumentsDigest: string;
}
const question = (id: string, but = ''): Promise<Waiting> =>
  waitFor('the question', async () =>
    (await crucibleJson<{ items: Waiting[] }>(['approvals'])).items.find(
      ({ evaluationId, approvalId }) => evaluationId === id && approvalId !== but,
    ),
  );
const ended = async (id: string) => {
  await endOf(id);
  return (await trialsOf(id)).toSorted((one, other) => one.attempt - other.attempt);
};

describe('pause, message and resume', () => {
  it('hold a trial before its next turn, tell its model, and let it go on', async () => {
    const id = await start('held', [bash('echo dangerous'), submitted]);
    // While somebody is asked it is in the middle of a turn, for as long as it takes.
    const { approvalId } = await question(id);
    expect(await verb('pause', id, '--reason', 'a closer look')).toMatch(/^trial 0-1-1 of \S+ is held before/);
    expect(await eventsOf(id, 'crucible.trial.paused.v1')).toEqual([]);
    expect(await verb('approvals', 'approve', approvalId)).toContain('approved');
    const paused = () => eventsOf(id, 'crucible.trial.paused.v1');
    await waitFor('the pause', async () => (await paused()).length === 1);
    expect(await paused()).toMatchObject([{ trialId: '0-1-1', turn: 2 }]);
    const again = await crucible(['pause', id, '--trial', 'one']);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('paused already')]);
    expect(await verb('message', id, '--trial', 'one', 'Stop, and tell', 'me more.')).toContain('hears it before its');
    // Nobody can wait for nothing to happen: so long a turn that is not held would have begun many times.
    await sleep(1_000);
    expect(requestsOf('held')).toHaveLength(1);

    expect(JSON.parse(await verb('resume', id, '--json'))).toMatchObject({ position: expect.any(Number) as number });
    expect(await untilAsked('held', 1)).toContain('Stop, and tell me more.');
    expect(await ended(id)).toMatchObject([{ outcome: 'passed', reason: 'completed' }]);
    expect(await eventsOf(id, 'crucible.trial.pause-requested.v1')).toMatchObject([
      { trialId: '0-1-1', reason: 'a closer look', actor: expect.stringMatching(/^user:/) as string },
    ]);
    const late = await crucible(['resume', id]);
    expect([late.code, late.stderr]).toEqual([2, expect.stringContaining('no trial of this evaluation is running')]);
  }, 180_000);
});

describe('approvals', () => {
  const command = `echo dangerous > first.txt\n# ${'so it goes on '.repeat(400)}\necho the last line, \u202ehidden`;

  it('show a call whole with its digest; modify and reject decide what becomes of it', async () => {
    const id = await start('decided', [bash(command), bash('echo dangerous again'), submitted]);
    const first = await question(id);
    const listed = await verb('approvals');
    expect(listed).toContain(first.argumentsDigest);
    expect(listed).not.toContain('the last line');

    const shown = await verb('approvals', 'show', first.approvalId.slice(0, 23));
    expect(shown.replaceAll('\n  │ ', '\n')).toContain(command.replace('\u202e', '\\u202e'));
    expect(shown).toMatch(new RegExp(`SHA-256 +${first.argumentsDigest}\n +✓ computed anew`));
    const exact = await crucibleJson<{ arguments: string }>(['approvals', 'show', first.approvalId]);
    expect(exact).toMatchObject({ arguments: JSON.stringify({ command }), isProven: true });
    expect(createHash('sha256').update(exact.arguments).digest('hex')).toBe(first.argumentsDigest);

    const instead = JSON.stringify({ command: 'echo something else' });
    expect(
      await verb('approvals', 'modify', first.approvalId, '--input', instead, '--reason', 'not as it stands'),
    ).toContain('approved with other arguments');
    const told = await untilAsked('decided', 1);
    expect(told).toContain('something else\\n');

    const second = await question(id, first.approvalId);
    expect(await verb('approvals', 'reject', second.approvalId, '--reason', 'never that')).toContain('rejected');
    expect(await untilAsked('decided', 2)).toContain('never that');
    expect(await ended(id)).toMatchObject([{ outcome: 'passed', reason: 'completed' }]);
    expect(await eventsOf(id, 'crucible.trial.approval-decided.v1')).toMatchObject([
      { approvalId: first.approvalId, decision: { kind: 'modify', inputText: instead }, reason: 'not as it stands' },
      { approvalId: second.approvalId, decision: { kind: 'reject' }, reason: 'never that' },
    ]);
    expect(await eventsOf(id, 'crucible.trial.tool-called.v1')).toMatchObject([
      { status: 'ok', approvalId: first.approvalId },
      { status: 'denied', approvalId: second.approvalId },
      { status: 'ok', tool: 'submit' },
    ]);
    const gone = await crucible(['approvals', 'show', first.approvalId]);
    expect([gone.code, gone.stderr]).toEqual([2, expect.stringContaining('nothing that waits begins with')]);
  }, 240_000);

  it('terminate a trial: its call is not run, and it comes to no result', async () => {
    const id = await start('ended', [bash('echo dangerous'), submitted]);
    const { approvalId } = await question(id);
    await verb('approvals', 'terminate', approvalId, '--reason', 'enough');
    expect(await ended(id)).toMatchObject([{ attempt: 1, outcome: 'errored', reason: 'terminated', scores: [] }]);
    expect(requestsOf('ended')).toHaveLength(1);
    expect(await eventsOf(id, 'crucible.trial.tool-called.v1')).toMatchObject([{ status: 'denied', approvalId }]);
  }, 120_000);
});

interface Accounts {
  readonly accounts: readonly object[];
}

describe('a reply that is on its way', () => {
  it('is seen in how many calls its provider takes at once, and terminate ends it', async () => {
    const id = await start('slow', [slowly]);
    await untilAsked('slow', 0);
    const account = {
      provider: 'openai-compatible',
      // All that are served at the same place share its account.
      models: expect.arrayContaining(['wire/slow']) as string[],
      inFlight: 1,
      waiting: 0,
      effective: expect.any(Number) as number,
    };
    const { accounts } = await crucibleJson<Accounts>(['models', 'list']);
    expect(accounts).toContainEqual(expect.objectContaining(account));
    const { models } = await crucibleJson<{ models: readonly object[] }>(['status']);
    expect(models).toContainEqual(expect.objectContaining(account));
    expect(await verb('models', 'list')).toMatch(/^wire\/slow .*\d+ of \d+, 1 under way *$/m);
    expect(await verb('status')).toMatch(
      /^openai-compatible \(wire\/slow[^)]*\): \d+ of \d+, 1 under way calls at once$/m,
    );

    expect(await verb('terminate', id, '--reason', 'no more')).toMatch(/^trial 0-1-1 of \S+ is being ended$/m);
    expect(await ended(id)).toMatchObject([{ attempt: 1, outcome: 'errored', reason: 'terminated', scores: [] }]);
    await waitFor('the reply to be given up', () => requestsOf('slow')[0]?.aborted);
    expect(await eventsOf(id, 'crucible.trial.termination-requested.v1')).toMatchObject([{ reason: 'no more' }]);
    const after = await crucibleJson<Accounts>(['models', 'list']);
    expect(after.accounts).toContainEqual(expect.objectContaining({ ...account, inFlight: 0 }));
  }, 180_000);
});
