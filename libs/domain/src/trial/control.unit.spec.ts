import { evaluationIdSchema, subjects, trialIdSchema } from '@crucible/events';
import type { NewEvent } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { SimulatedLog, simulatedId } from '../testing/simulated-log.ts';
import { decideControl, evolveControl, messagesPerTrialMax, noControl } from './control.ts';
import type { Control, ControlCommand } from './control.ts';
import { evolveTrial, absentTrial, isTrialEvent } from './trial.ts';

const place = {
  evaluationId: evaluationIdSchema.parse('017f22e2-79b0-7cc3-98c4-dc0c0c07398f'),
  trialId: trialIdSchema.parse('0-1-1'),
};
const digest = 'ab'.repeat(32);
const nowMs = 1_700_000_000_000;
const approvalId = simulatedId(6, 1);

const requested: NewEvent = {
  type: 'crucible.trial.approval-requested.v1',
  data: {
    ...place,
    approvalId,
    toolCallId: 'call',
    turn: 1,
    tool: 'bash',
    argumentsDigest: digest,
    excerpt: '{}',
    record: 3,
    expiresAt: new Date(nowMs + 1_000).toISOString(),
  },
};
const decided = (kind: 'approve' | 'reject' | 'expired'): NewEvent => ({
  type: 'crucible.trial.approval-decided.v1',
  data: { ...place, approvalId, decision: { kind }, reason: '' },
});
const pauseAsked: NewEvent = { type: 'crucible.trial.pause-requested.v1', data: { ...place, reason: '' } };
const paused: NewEvent = { type: 'crucible.trial.paused.v1', data: { ...place, turn: 4 } };
const carried: NewEvent = {
  type: 'crucible.trial.pause-carried.v1',
  data: { ...place, fromTrialId: place.trialId },
};
const resumed: NewEvent = { type: 'crucible.trial.resumed.v1', data: { ...place, reason: '' } };
const terminated: NewEvent = { type: 'crucible.trial.termination-requested.v1', data: { ...place, reason: 'enough' } };
const dispatched: NewEvent = {
  type: 'crucible.trial.dispatched.v1',
  data: { ...place, sampleId: 's', sampleIndex: 0, epoch: 1, attempt: 1, suiteDigest: digest, pool: 'default' },
};
const started = { type: 'crucible.trial.started.v2', data: { ...place, executorId: 'e' } } as unknown as NewEvent;
const finished = { type: 'crucible.trial.finished.v2', data: place } as unknown as NewEvent;

const logOf = (...events: NewEvent[]): SimulatedLog => {
  const log = new SimulatedLog();
  const subject = subjects.trial(place.evaluationId, place.trialId);
  for (const event of events) log.append(subject, event, log.lastOf(subject), { nowMs, seen: 0 });
  return log;
};
const after = (...events: NewEvent[]): Control => logOf(...events).entries.reduce(evolveControl, noControl);
const running = (...events: NewEvent[]): Control => after(dispatched, started, ...events);

const commands = {
  pause: { type: 'pause', reason: 'r' },
  resume: { type: 'resume', reason: 'r' },
  terminate: { type: 'terminate', reason: 'r' },
  send: { type: 'send-message', content: 'hello' },
  decide: { type: 'decide-approval', approvalId, decision: { kind: 'approve' }, reason: 'r' },
} as const satisfies Record<string, ControlCommand>;

const outcomeOf = (command: ControlCommand, state: Control, at = nowMs): string => {
  const decision = decideControl(command, state, place, at);
  return decision.accepted ? `+${decision.event.type.replace(/^crucible\.trial\./, '')}` : decision.refusal;
};

describe('decideControl', () => {
  it.each([
    ['pause', '+pause-requested.v1'],
    ['resume', 'not-paused'],
    ['terminate', '+termination-requested.v1'],
    ['send', '+message-sent.v1'],
    ['decide', 'no-such-approval'],
  ] as const)('%s while it runs: %s', (name, expected) => {
    expect(outcomeOf(commands[name], running())).toBe(expected);
    expect(outcomeOf(commands[name], after())).toBe('not-found');
    expect(outcomeOf(commands[name], after(dispatched))).toBe('not-running');
    expect(outcomeOf(commands[name], running(finished))).toBe('not-running');
  });

  it('is asked once for what it does once', () => {
    expect(outcomeOf(commands.pause, running(pauseAsked))).toBe('already-pausing');
    expect(outcomeOf(commands.pause, running(pauseAsked, paused))).toBe('already-pausing');
    expect(outcomeOf(commands.pause, running(pauseAsked, resumed))).toBe('+pause-requested.v1');
    expect(outcomeOf(commands.resume, running(pauseAsked))).toBe('+resumed.v1');
    expect(outcomeOf(commands.terminate, running(terminated))).toBe('already-terminating');
  });

  it('takes a decision while the request waits, and none behind another or behind its time', () => {
    expect(outcomeOf(commands.decide, running(requested))).toBe('+approval-decided.v1');
    expect(outcomeOf(commands.decide, running(requested), nowMs + 999)).toBe('+approval-decided.v1');
    expect(outcomeOf(commands.decide, running(requested), nowMs + 1_000)).toBe('approval-expired');
    expect(outcomeOf(commands.decide, running(requested, decided('reject')))).toBe('already-decided');
    expect(outcomeOf(commands.decide, running(requested, decided('expired')))).toBe('already-decided');
  });

  it('bounds the messages that one subject has to hear', () => {
    const message: NewEvent = { type: 'crucible.trial.message-sent.v1', data: { ...place, content: 'x' } };
    const many = Array.from({ length: messagesPerTrialMax }, () => message);
    expect(outcomeOf(commands.send, running(...many.slice(1)))).toBe('+message-sent.v1');
    expect(outcomeOf(commands.send, running(...many))).toBe('too-many-messages');
  });
});

describe('evolveControl', () => {
  it.each([
    [['expired', 'approve'], 'expired'],
    [['approve', 'expired'], 'approve'],
    [['reject', 'approve'], 'reject'],
  ] as const)('of decisions %s the first in the log counts', (kinds, counted) => {
    const { approvals } = running(requested, ...kinds.map(decided));
    expect(approvals.get(approvalId)).toMatchObject({ status: 'decided', decision: { kind: counted } });
  });

  it('knows no decision on what nobody requested, and no request twice', () => {
    expect(running(decided('approve')).approvals.size).toBe(0);
    expect(running(requested, decided('approve'), requested).approvals.get(approvalId)?.status).toBe('decided');
  });

  it('is held from the turn it was paused before until it is let go on, and not by a pause told too late', () => {
    expect(running(pauseAsked)).toMatchObject({ isPauseAsked: true, pausedAtTurn: null });
    expect(running(pauseAsked, paused)).toMatchObject({ isPauseAsked: true, pausedAtTurn: 4 });
    expect(running(pauseAsked, paused, resumed)).toMatchObject({ isPauseAsked: false, pausedAtTurn: null });
    expect(running(pauseAsked, resumed, paused)).toMatchObject({ isPauseAsked: false, pausedAtTurn: null });
  });

  it('is held as its lost attempt was, from before it began until it is let go on', () => {
    const begun = after(dispatched, carried, started);
    expect(begun).toMatchObject({ status: 'running', isPauseAsked: true, pausedAtTurn: null });
    expect(outcomeOf(commands.resume, begun)).toBe('+resumed.v1');
    expect(outcomeOf(commands.pause, begun)).toBe('already-pausing');
    const held = after(dispatched, carried, started, paused);
    expect(held).toMatchObject({ isPauseAsked: true, pausedAtTurn: 4 });
    expect(after(dispatched, carried, started, paused, resumed)).toMatchObject({ isPauseAsked: false });
  });

  it('keeps who ended it first, and messages in their order with their places', () => {
    const message = (content: string): NewEvent => ({
      type: 'crucible.trial.message-sent.v1',
      data: { ...place, content },
    });
    const state = running(message('a'), terminated, message('b'), terminated);
    expect(state.termination).toEqual({ by: 'user:simulated', reason: 'enough' });
    expect(state.messages.map(({ content, position }) => [content, position])).toEqual([
      ['a', 3],
      ['b', 5],
    ]);
  });

  it('moves no trial', () => {
    const events = [requested, decided('approve'), pauseAsked, paused, resumed, terminated];
    const log = logOf(dispatched, started, ...events);
    const course = log.entries.flatMap(({ event }) => (isTrialEvent(event) ? [event] : []));
    expect(course).toHaveLength(2);
    expect(course.reduce(evolveTrial, absentTrial).status).toBe('running');
  });
});
