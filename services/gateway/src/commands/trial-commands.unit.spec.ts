import { decisionRequestSchema } from '@crucible/api';
import type { ControlCommand } from '@crucible/domain';
import { InMemoryEventLog } from '@crucible/event-log';
import { evaluationIdSchema, examples, subjects, trialIdSchema } from '@crucible/events';
import type { NewEvent } from '@crucible/events';
import { beforeEach, describe, expect, it } from 'vitest';
import { ProblemException } from '../problem.ts';
import type { Caller } from './caller.ts';
import { decisionOf, TrialCommands } from './trial-commands.ts';

const NOW_MS = Date.UTC(2026, 0, 14, 9, 30);
const evaluationId = evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f');
const trialId = trialIdSchema.parse('3-1-1');
const place = { evaluationId, trialId };
const caller: Caller = {
  team: 'default',
  actor: 'user:ada',
  authMethod: 'token',
  clientAddress: '192.0.2.7',
} as Caller;
const approvalId = examples['crucible.trial.approval-requested.v1'].data.approvalId;

let log: InMemoryEventLog;
let commands: TrialCommands;
let ids = 0;
beforeEach(() => {
  const newId = (): string => `00000000-0000-7000-8000-${String((ids += 1)).padStart(12, '0')}`;
  log = new InMemoryEventLog({ now: () => NOW_MS, newId });
  commands = new TrialCommands({ log, now: () => NOW_MS });
});

const origin = { source: 'test', team: 'default', actor: 'service:test', correlationId: evaluationId };
const tell = async (subject: string, type: NewEvent['type'], data: object = {}): Promise<void> => {
  const event = { type, data: { ...examples[type].data, ...data } } as NewEvent;
  const result = await log.append({ subject, event, origin });
  if (!result.ok) throw new Error(result.failure);
};
const running = async (subject: object = { kind: 'model', model: 'sonnet', provider: null }): Promise<void> => {
  await tell(subjects.evaluation(evaluationId), 'crucible.evaluation.submitted.v2', { subject });
  await tell(subjects.trial(evaluationId, trialId), 'crucible.trial.dispatched.v1');
  await tell(subjects.trial(evaluationId, trialId), 'crucible.trial.started.v2');
};
const typesOf = async (subject: string): Promise<string[]> =>
  (await log.readSubject(subject)).events.map((stored) => (stored.ok ? stored.event.type : 'unreadable'));
const problemOf = async (command: ControlCommand, who = caller): Promise<unknown> => {
  try {
    return await commands.ask(place, command, who);
  } catch (error) {
    return error instanceof ProblemException
      ? `${error.problem.status} ${error.problem.type.split(/[:/]/).at(-1)}`
      : error;
  }
};
const pause: ControlCommand = { type: 'pause', reason: 'to read' };
const approve: ControlCommand = { type: 'decide-approval', approvalId, decision: { kind: 'approve' }, reason: 'fine' };

describe('what people ask of a trial', () => {
  it('stands on a subject of its own, with who asked, and moves the trial’s own nowhere', async () => {
    await running();
    const before = await typesOf(subjects.trial(evaluationId, trialId));
    await commands.ask(place, pause, caller);
    await commands.ask(place, { type: 'send-message', content: 'hello' }, caller);
    await commands.ask(place, { type: 'resume', reason: '' }, caller);
    await commands.ask(place, { type: 'terminate', reason: '' }, caller);
    const { events } = await log.readSubject(subjects.trialCommand(evaluationId, trialId));
    expect(events.map((stored) => stored.ok && [stored.event.type, stored.event.actor])).toEqual([
      ['crucible.trial.pause-requested.v1', 'user:ada'],
      ['crucible.trial.message-sent.v1', 'user:ada'],
      ['crucible.trial.resumed.v1', 'user:ada'],
      ['crucible.trial.termination-requested.v1', 'user:ada'],
    ]);
    expect(await typesOf(subjects.trial(evaluationId, trialId))).toEqual(before);
  });

  it('is refused where there is nothing to ask of', async () => {
    expect(await problemOf(pause)).toContain('404');
    await running();
    expect(await problemOf(pause, { ...caller, team: 'other' })).toContain('404');
    expect(await problemOf({ type: 'resume', reason: '' })).toContain('409');
    await tell(subjects.trial(evaluationId, trialId), 'crucible.trial.finished.v2');
    expect(await problemOf(pause)).toContain('409');
  });

  it('is nothing to a program', async () => {
    await running({ kind: 'program' });
    expect(await problemOf(pause)).toContain('409');
    expect(await typesOf(subjects.trialCommand(evaluationId, trialId))).toEqual([]);
  });

  it('can hold and end an agent that drives itself, and not speak to it', async () => {
    const agent = { kind: 'agent', name: 'tiny', model: 'sonnet', provider: null, image: null, programDigest: null };
    await running(agent);
    expect(await problemOf({ type: 'send-message', content: 'hello' })).toContain('409');
    expect(await problemOf(pause)).toBeTypeOf('number');
    expect(await problemOf({ type: 'terminate', reason: '' })).toBeTypeOf('number');
  });

  it('decides a request once, however many decide at the same time', async () => {
    await running();
    expect(await problemOf(approve)).toContain('404');
    await tell(subjects.trial(evaluationId, trialId), 'crucible.trial.approval-requested.v1');
    const answers = await Promise.all([1, 2, 3].map(() => problemOf(approve)));
    expect(answers.filter((answer) => typeof answer === 'number')).toHaveLength(1);
    expect(await typesOf(subjects.trialCommand(evaluationId, trialId))).toEqual(['crucible.trial.approval-decided.v1']);
  });

  it('does not decide what has run out', async () => {
    await running();
    const expiresAt = new Date(NOW_MS).toISOString();
    await tell(subjects.trial(evaluationId, trialId), 'crucible.trial.approval-requested.v1', { expiresAt });
    expect(await problemOf(approve)).toContain('409');
  });
});

describe('a decision', () => {
  it('that modifies holds the arguments and their digest', () => {
    const asked = decisionRequestSchema.parse({ decision: 'modify', inputText: '{"command":"ls"}' });
    expect(decisionOf(asked)).toEqual({
      kind: 'modify',
      inputText: '{"command":"ls"}',
      argumentsDigest: '4cf29611a66934862f29acfcc817e30b905c1ab73d5e65831413eb6b454d49db',
    });
    expect(decisionOf(decisionRequestSchema.parse({ decision: 'reject' }))).toEqual({ kind: 'reject' });
  });

  it.each([
    { decision: 'modify' },
    { decision: 'modify', inputText: 'rm' },
    { decision: 'modify', inputText: '[]' },
    { decision: 'approve', inputText: '{}' },
    { decision: 'expired' },
  ])('is none when it is %j', (body) => {
    expect(decisionRequestSchema.safeParse(body).success).toBe(false);
  });
});
