import { randomUUID } from 'node:crypto';
import type { EventData, TrialId } from '@crucible/events';
import { say, type WireServer, wireBroker } from '@crucible/models/testing';
import { describe, expect, it, vi } from 'vitest';
import { agentSuite, Bench, type BenchOptions } from './bench.fixture.ts';
import { argumentsDigest } from './approvals.ts';
import { resumeFrom } from './resume.ts';
import { onWire } from './wire.fixture.ts';

// Whole trials, each with all the rules there are.
vi.setConfig({ testTimeout: 60_000 });

let wire: WireServer;
const keep = onWire((server) => (wire = server));

const model = 'wire/openai';
const benchOf = (
  solver: Readonly<Record<string, unknown>> = {},
  more: Pick<BenchOptions, 'policies'> = {},
  on?: Bench,
): Bench => {
  const broker = wireBroker(wire, { provider: 'openai', limits: { outputTokensMax: 100 } });
  return keep(new Bench({ broker, model, suite: agentSuite(solver), ...more }, on));
};
const tool = (name: string, input: unknown) =>
  say('', { toolCalls: [{ id: 'call_0', tool: name, arguments: JSON.stringify(input) }], finishReason: 'tool-calls' });
const bash = (command: string) => tool('bash', { command });
const submit = (answer: string) => tool('submit', { answer });
const toldTo = (at: number): string => JSON.stringify(wire.requests[at]?.body.messages);

const begun = async (bench: Bench): Promise<{ trialId: TrialId; ended: Promise<void> }> => {
  await bench.submit();
  const trialId = await bench.dispatch();
  return { trialId, ended: bench.take(trialId) };
};
const requested = async (bench: Bench): Promise<EventData<'crucible.trial.approval-requested.v1'>> => {
  await bench.until((events) => events.some(({ type }) => type === 'crucible.trial.approval-requested.v1'));
  return (await bench.of('crucible.trial.approval-requested.v1')).at(-1)!;
};

const asking = { approval: [{ tool: 'bash', pattern: 'rm', action: 'ask', timeout: '1m' }] };

describe('approval', () => {
  it('is not asked for what no rule fits, and refused at once where the rules say so', async () => {
    wire.next(bash('echo a'), bash('rm -r x'), submit('y'));
    const bench = benchOf({ approval: [{ tool: '*', pattern: 'rm', action: 'deny' }] });
    await bench.trial();
    const statuses = (await bench.of('crucible.trial.tool-called.v1')).map(({ status }) => status);
    expect(statuses).toEqual(['ok', 'denied', 'ok']);
    expect(bench.sessions[0]?.requests).toHaveLength(1);
    expect(toldTo(2)).toContain('do not allow this call');
  });

  it('reads arguments in one spelling, however a model writes them', async () => {
    wire.next(
      say('', {
        toolCalls: [{ tool: 'bash', arguments: '{"command":"\\u0072m -r x"}' }],
        finishReason: 'tool-calls',
      }),
      submit('y'),
    );
    const bench = benchOf({ approval: [{ tool: '*', pattern: 'rm', action: 'deny' }] });
    await bench.trial();
    expect(bench.sessions[0]?.requests).toEqual([]);
  });

  it('waits for a person, and what was approved is run', async () => {
    wire.next(bash('rm notes.txt'), submit('y'));
    const bench = benchOf(asking);
    const { trialId, ended } = await begun(bench);
    const request = await requested(bench);
    expect(request).toMatchObject({
      tool: 'bash',
      toolCallId: 'call_0',
      turn: 1,
      record: 2,
      excerpt: '{"command":"rm notes.txt"}',
      argumentsDigest: argumentsDigest('{"command":"rm notes.txt"}'),
    });
    expect(bench.sessions[0]?.requests).toEqual([]);
    const place = { evaluationId: bench.evaluationId, trialId };
    const { approvalId } = request;
    const decision = { ...place, approvalId, decision: { kind: 'approve' as const }, reason: 'fine' };
    await bench.command(trialId, { type: 'crucible.trial.approval-decided.v1', data: decision });
    await ended;
    expect(bench.sessions[0]?.requests.map(({ argv }) => argv[2])).toEqual(['rm notes.txt']);
    expect((await bench.of('crucible.trial.tool-called.v1'))[0]).toMatchObject({ status: 'ok', approvalId });
  });

  it('may be given to other arguments, refused, or end the trial', async () => {
    const place = { evaluationId: '', trialId: '' };
    const decide = async (decision: EventData<'crucible.trial.approval-decided.v1'>['decision']): Promise<Bench> => {
      wire.reset();
      wire.next(bash('rm notes.txt'), submit('y'));
      const bench = benchOf(asking);
      const { trialId, ended } = await begun(bench);
      const { approvalId } = await requested(bench);
      const data = { ...place, evaluationId: bench.evaluationId, trialId, approvalId, decision, reason: 'because' };
      await bench.command(trialId, { type: 'crucible.trial.approval-decided.v1', data });
      await ended;
      return bench;
    };
    const inputText = '{"command":"echo instead"}';
    const modified = await decide({ kind: 'modify', inputText, argumentsDigest: argumentsDigest(inputText) });
    expect(modified.sessions[0]?.requests.map(({ argv }) => argv[2])).toEqual(['echo instead']);
    expect((await modified.of('crucible.trial.tool-called.v1'))[0]?.argumentsDigest).toBe(argumentsDigest(inputText));
    const rejected = await decide({ kind: 'reject' });
    expect(rejected.sessions[0]?.requests).toEqual([]);
    expect(toldTo(1)).toContain('a person rejected this call: because');
    const [end] = await (await decide({ kind: 'terminate' })).of('crucible.trial.finished.v2');
    expect(end).toMatchObject({ reason: 'terminated', outcome: 'errored' });
    expect(wire.requests).toHaveLength(1);
  });

  it.each([
    ['the team’s where the suite lets it pass', [], [{ tool: 'bash', pattern: 'rm ', action: 'deny' }]],
    ['the suite’s where the team lets it pass', [{ tool: 'bash', action: 'deny' }], [{ tool: 'bash', action: 'auto' }]],
    ['refusal where the other would ask', [{ tool: 'bash', action: 'ask' }], [{ tool: 'bash', action: 'deny' }]],
  ] as const)('is by the strictest of all policies: %s', async (_what, approval, team) => {
    wire.next(bash('rm notes.txt'), submit('y'));
    const bench = benchOf({ approval }, { policies: new Map([['red', team]]) });
    await bench.trial();
    expect((await bench.of('crucible.trial.tool-called.v1'))[0]?.status).toBe('denied');
    expect(bench.sessions[0]?.requests).toEqual([]);
    expect(await bench.of('crucible.trial.approval-requested.v1')).toEqual([]);
  });

  it('is not asked for by the policy of another team', async () => {
    wire.next(bash('rm notes.txt'), submit('y'));
    const bench = benchOf({}, { policies: new Map([['blue', [{ tool: '*', action: 'deny' }]]]) });
    await bench.trial();
    expect(bench.sessions[0]?.requests).toHaveLength(1);
  });

  it('that nobody gives in time is a refusal, on record', async () => {
    wire.next(bash('rm notes.txt'), submit('y'));
    const bench = benchOf({ approval: [{ tool: 'bash', action: 'ask', timeout: '3s' }] });
    await bench.trial();
    expect(await bench.of('crucible.trial.approval-decided.v1')).toMatchObject([{ decision: { kind: 'expired' } }]);
    expect((await bench.of('crucible.trial.tool-called.v1'))[0]?.status).toBe('denied');
    expect(bench.sessions[0]?.requests).toEqual([]);
    expect((await bench.of('crucible.trial.finished.v2'))[0]?.usage?.workingMs).toBeLessThan(2_900);
  });
});

describe('people', () => {
  it('pause a trial before its next turn, and let it go on', async () => {
    wire.next(bash('sleep 1'), submit('y'));
    const bench = benchOf({ toolTimeout: '300ms' });
    const { trialId, ended } = await begun(bench);
    const data = { evaluationId: bench.evaluationId, trialId, reason: 'let me look' };
    await bench.until(() => wire.requests.length === 1);
    await bench.command(trialId, { type: 'crucible.trial.pause-requested.v1', data });
    await bench.until((events) => events.some(({ type }) => type === 'crucible.trial.paused.v1'));
    expect(await bench.of('crucible.trial.paused.v1')).toMatchObject([{ turn: 2 }]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(wire.requests).toHaveLength(1);
    await bench.command(trialId, { type: 'crucible.trial.resumed.v1', data });
    await ended;
    expect(await bench.finishOf(trialId)).toMatchObject({ reason: 'completed' });
  });

  it('are heard by the model before its next turn', async () => {
    wire.next(bash('sleep 1'), submit('y'));
    const bench = benchOf({ toolTimeout: '300ms' });
    const { trialId, ended } = await begun(bench);
    await bench.until(() => wire.requests.length === 1);
    const data = { evaluationId: bench.evaluationId, trialId, content: 'hurry up' };
    await bench.command(trialId, { type: 'crucible.trial.message-sent.v1', data });
    await ended;
    const messages = wire.requests[1]?.body.messages as { role: string; content: unknown }[];
    expect(messages.at(-1)).toMatchObject({ role: 'user' });
    expect(JSON.stringify(messages.at(-1))).toContain('hurry up');
    const record = (await bench.transcript(trialId)).find((each) => each.kind === 'message' && each.by === 'person');
    expect(record).toMatchObject({ actor: 'user:ada' });
  });

  it('end a trial in the middle of a call to a model', async () => {
    wire.next({ kind: 'silence' });
    const bench = benchOf();
    const { trialId, ended } = await begun(bench);
    await bench.until(() => wire.requests.length === 1);
    const data = { evaluationId: bench.evaluationId, trialId, reason: 'enough' };
    await bench.command(trialId, { type: 'crucible.trial.termination-requested.v1', data });
    await ended;
    const end = await bench.finishOf(trialId);
    expect(end).toMatchObject({ reason: 'terminated', outcome: 'errored', scores: [] });
    expect(end.error).toBe('by user:ada: enough');
  });
});

const die = (bench: Bench): void =>
  void bench.running.killAll({ cause: 'lease-lost', why: null, stopId: null, heardAtMs: performance.now() });

describe('an executor that dies', () => {
  const resuming = { resume: 'transcript', ...asking };

  it('is followed by one that goes on behind the last whole turn', async () => {
    wire.next(bash('echo first'), { kind: 'silence' });
    const first = benchOf(resuming);
    const { trialId, ended } = await begun(first);
    await first.until(() => wire.requests.length === 2);
    first.running.killAll({ cause: 'lease-lost', why: null, stopId: null, heardAtMs: performance.now() });
    await ended;
    expect(await first.finishOf(trialId)).toMatchObject({ reason: 'lease-lost', outcome: 'errored' });
    wire.next(submit('forty-two'));
    const second = benchOf(resuming, {}, first);
    const end = await second.trial(0, 2);
    expect(end).toMatchObject({ reason: 'completed', outcome: 'passed', usage: { modelCalls: 1 } });
    expect(wire.requests).toHaveLength(3);
    expect(toldTo(2)).toContain('first');
    expect((await second.of('crucible.trial.model-called.v2')).at(-1)?.turn).toBe(2);
  });

  it('while somebody is asked leaves the question, and what was said of it meanwhile holds', async () => {
    wire.next(bash('echo first'), bash('rm notes.txt'));
    const first = benchOf(resuming);
    const { trialId, ended } = await begun(first);
    const { approvalId } = await requested(first);
    const data = { evaluationId: first.evaluationId, trialId, approvalId, reason: 'fine' };
    first.running.killAll({ cause: 'lease-lost', why: null, stopId: null, heardAtMs: performance.now() });
    await ended;
    expect((await first.of('crucible.trial.tool-called.v1')).map(({ tool }) => tool)).toEqual(['bash']);
    // Decided before the end was on record, and heard by nobody.
    await first.command(trialId, {
      type: 'crucible.trial.approval-decided.v1',
      data: { ...data, decision: { kind: 'approve' } },
    });
    wire.next(submit('y'));
    const second = benchOf(resuming, {}, first);
    await second.trial(0, 2);
    expect(wire.requests).toHaveLength(3);
    expect(second.sessions[0]?.requests.map(({ argv }) => argv[2])).toEqual(['rm notes.txt']);
    expect(await second.of('crucible.trial.approval-requested.v1')).toHaveLength(1);
  });

  it('is followed as well when the next dies before its first turn is whole, and all that was used counts on', async () => {
    wire.next(bash('echo first'), { kind: 'silence' });
    const first = benchOf(resuming);
    const { ended } = await begun(first);
    await first.until(() => wire.requests.length === 2);
    die(first);
    await ended;
    wire.next({ kind: 'silence' });
    const second = benchOf(resuming, {}, first);
    const takenTwice = second.take(await second.dispatch(0, 2));
    await second.until(() => wire.requests.length === 3);
    die(second);
    await takenTwice;
    wire.next(submit('forty-two'));
    const third = benchOf(resuming, {}, second);
    const dispatch = { sampleIndex: 0, epoch: 1, attempt: 3 } as Parameters<typeof resumeFrom>[2];
    const place = { evaluationId: third.evaluationId, trialId: '0-1-3' as TrialId };
    // Of three calls two were ended with their executors, before anything came.
    expect(await resumeFrom(third, place, dispatch, third.suite)).toMatchObject({
      turns: 1,
      spent: { calls: 3, tokens: 18 },
    });
    expect(await third.trial(0, 3)).toMatchObject({ reason: 'completed', outcome: 'passed' });
    expect(toldTo(3)).toContain('first');
    expect((await third.of('crucible.trial.model-called.v2')).at(-1)?.turn).toBe(2);
  });

  it('leaves no word of a person that would let a later call run', async () => {
    wire.next(bash('echo first'), bash('rm notes.txt'));
    const first = benchOf(resuming);
    const { trialId, ended } = await begun(first);
    const { approvalId } = await requested(first);
    const data = { evaluationId: first.evaluationId, trialId, approvalId, reason: 'fine' };
    die(first);
    await ended;
    await first.command(trialId, {
      type: 'crucible.trial.approval-decided.v1',
      data: { ...data, decision: { kind: 'approve' } },
    });
    // The same call by the same name, one turn later.
    wire.next(bash('rm notes.txt'), submit('y'));
    const second = benchOf(resuming, {}, first);
    const again = await second.dispatch(0, 2);
    const takenAgain = second.take(again);
    await second.until(
      (events) => events.filter(({ type }) => type === 'crucible.trial.approval-requested.v1').length === 2,
    );
    const asked = (await second.of('crucible.trial.approval-requested.v1', again)).at(-1)!;
    expect(asked.turn).toBe(3);
    await second.command(again, {
      type: 'crucible.trial.approval-decided.v1',
      data: { ...data, trialId: again, approvalId: asked.approvalId, decision: { kind: 'reject' } },
    });
    await takenAgain;
    expect(second.sessions[0]?.requests).toHaveLength(1);
  });

  it('is begun anew where its transcript is not proven whole', async () => {
    wire.next(bash('echo first'), { kind: 'silence' });
    const first = benchOf(resuming);
    const { trialId, ended } = await begun(first);
    await first.until(() => wire.requests.length === 2);
    first.running.killAll({ cause: 'lease-lost', why: null, stopId: null, heardAtMs: performance.now() });
    await ended;
    const place = { evaluationId: first.evaluationId, trialId, channel: 'transcript' as const };
    const [chunk] = await first.evidence.read(place, 0, 1);
    await first.evidence.erase(place);
    const forged = Buffer.from(Buffer.from(chunk!.body).toString('utf8').replace('notes.txt', 'other.txt'));
    await first.evidence.append(place, randomUUID(), {}, forged);
    wire.next(submit('y'));
    const second = benchOf(resuming, {}, first);
    await second.trial(0, 2);
    expect(toldTo(2)).not.toContain('first');
  });
});
