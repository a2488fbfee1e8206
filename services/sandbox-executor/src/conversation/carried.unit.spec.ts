import { subjects, trialIdOf } from '@crucible/events';
import type { NewEvent, TrialId } from '@crucible/events';
import { say, type WireServer, wireBroker } from '@crucible/models/testing';
import { describe, expect, it, vi } from 'vitest';
import { agentSuite, Bench } from './bench.fixture.ts';
import { onWire } from './wire.fixture.ts';

// Whole trials, each with all the rules there are.
vi.setConfig({ testTimeout: 60_000 });

let wire: WireServer;
const keep = onWire((server) => (wire = server));

const silence = { kind: 'silence' } as const;
const tool = (name: string, input: unknown) =>
  say('', { toolCalls: [{ id: 'call_0', tool: name, arguments: JSON.stringify(input) }], finishReason: 'tool-calls' });
const bash = (command: string) => tool('bash', { command });
const submit = (answer: string) => tool('submit', { answer });
const toldTo = (at: number): string => JSON.stringify(wire.requests[at]?.body.messages);

const benchOf = (solver: Readonly<Record<string, unknown>> = {}, before?: Bench): Bench => {
  const broker = wireBroker(wire, { provider: 'openai', limits: { outputTokensMax: 100 } });
  return keep(new Bench({ broker, model: 'wire/openai', suite: agentSuite({}, { solver }) }, before));
};
const agent = (more: object = {}) => ({ kind: 'agent', ...more });
const retrying = agent({ resume: 'retry' });
const resuming = agent({ resume: 'transcript' });

interface Begun {
  readonly trialId: TrialId;
  readonly ended: Promise<void>;
}
const begun = async (bench: Bench, attempt = 1): Promise<Begun> => {
  if (attempt === 1) await bench.submit();
  const trialId = await bench.dispatch(0, attempt);
  return { trialId, ended: bench.take(trialId) };
};
const untilAsked = (bench: Bench, requests: number): Promise<void> =>
  bench.until(() => wire.requests.length === requests);
const untilTold = (bench: Bench, type: NewEvent['type'], trialId: TrialId): Promise<void> =>
  bench.until((events) => events.some((event) => event.type === type && placeOf(event) === trialId));
const placeOf = ({ data }: Pick<NewEvent, 'data'>): unknown => (data as { trialId?: TrialId }).trialId;

type Word = 'pause-requested' | 'resumed' | 'termination-requested';
const word = (bench: Bench, trialId: TrialId, type: Word, reason = 'enough'): Promise<number> =>
  bench.command(trialId, {
    type: `crucible.trial.${type}.v1`,
    data: { evaluationId: bench.evaluationId, trialId, reason },
  });
const speak = (bench: Bench, trialId: TrialId, content: string): Promise<number> =>
  bench.command(trialId, {
    type: 'crucible.trial.message-sent.v1',
    data: { evaluationId: bench.evaluationId, trialId, content },
  });

/** From here on an executor hears nobody: it is as good as dead, and nothing but its end is to come. */
const deafen = (bench: Bench): void => bench.close();
const die = async (bench: Bench, { ended }: Begun): Promise<void> => {
  bench.running.killAll({ cause: 'lease-lost', why: null, stopId: null, heardAtMs: performance.now() });
  await ended;
};
/** A first attempt that is asked something which its executor does not live to heed. */
const lostBehind = async (
  solver: object,
  ask: (bench: Bench, trialId: TrialId) => Promise<unknown>,
): Promise<Bench> => {
  wire.next(silence);
  const bench = benchOf({ ...solver });
  const first = await begun(bench);
  await untilAsked(bench, 1);
  deafen(bench);
  await ask(bench, first.trialId);
  await die(bench, first);
  return bench;
};
const generate = { kind: 'generate' };
const chat = { kind: 'chat', turns: ['And then?'] };

describe('a pause that outlives the executor', () => {
  it.each([
    ['an agent that is attempted again', retrying, submit('y')],
    ['an agent that goes on', resuming, submit('y')],
    ['generate', generate, say('42')],
  ])('holds the next attempt from its beginning: %s', async (_what, solver, reply) => {
    const first = await lostBehind(solver, (bench, trialId) => word(bench, trialId, 'pause-requested'));
    wire.next(reply);
    const second = benchOf(solver, first);
    const next = await begun(second, 2);
    await untilTold(second, 'crucible.trial.paused.v1', next.trialId);
    const told = (await second.events()).filter((event) => placeOf(event) === next.trialId).map(({ type }) => type);
    expect(told).toEqual([
      'crucible.trial.dispatched.v1',
      'crucible.trial.pause-carried.v1',
      'crucible.trial.started.v2',
      'crucible.trial.paused.v1',
    ]);
    expect(await second.of('crucible.trial.pause-carried.v1')).toMatchObject([{ fromTrialId: '0-1-1' }]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(wire.requests).toHaveLength(1);
    await word(second, next.trialId, 'resumed');
    await next.ended;
    expect(await second.finishOf(next.trialId)).toMatchObject({ reason: 'completed' });
    expect(wire.requests).toHaveLength(2);
  });

  it('is over when somebody had let the trial go on before', async () => {
    const first = await lostBehind(retrying, async (bench, trialId) => {
      await word(bench, trialId, 'pause-requested');
      await word(bench, trialId, 'resumed');
    });
    wire.next(submit('y'));
    const second = benchOf(retrying, first);
    expect(await second.trial(0, 2)).toMatchObject({ reason: 'completed' });
    expect(await second.of('crucible.trial.pause-carried.v1')).toEqual([]);
    expect(await second.of('crucible.trial.paused.v1')).toEqual([]);
  });

  it('is told once, also where the executor that told it came no further', async () => {
    const first = await lostBehind(retrying, (bench, trialId) => word(bench, trialId, 'pause-requested'));
    const second = benchOf(retrying, first);
    const trialId = await second.dispatch(0, 2);
    const { evaluationId } = second;
    await second.append(subjects.trial(evaluationId, trialId), {
      type: 'crucible.trial.pause-carried.v1',
      data: { evaluationId, trialId, fromTrialId: trialIdOf({ sampleIndex: 0, epoch: 1, attempt: 1 }) },
    });
    const ended = second.take(trialId);
    await untilTold(second, 'crucible.trial.paused.v1', trialId);
    wire.next(submit('y'));
    await word(second, trialId, 'resumed');
    await ended;
    expect(await second.finishOf(trialId)).toMatchObject({ reason: 'completed' });
    expect(await second.of('crucible.trial.pause-carried.v1')).toHaveLength(1);
  });

  it('goes on from attempt to attempt, until it is over', async () => {
    const first = await lostBehind(retrying, (bench, trialId) => word(bench, trialId, 'pause-requested'));
    const second = benchOf(retrying, first);
    const held = await begun(second, 2);
    await untilTold(second, 'crucible.trial.paused.v1', held.trialId);
    await die(second, held);
    const third = benchOf(retrying, second);
    const heldAgain = await begun(third, 3);
    await untilTold(third, 'crucible.trial.paused.v1', heldAgain.trialId);
    expect(await third.of('crucible.trial.pause-carried.v1', heldAgain.trialId)).toMatchObject([
      { fromTrialId: '0-1-2' },
    ]);
    wire.next(silence);
    await word(third, heldAgain.trialId, 'resumed');
    await untilAsked(third, 2);
    await die(third, heldAgain);
    wire.next(submit('y'));
    const fourth = benchOf(retrying, third);
    expect(await fourth.trial(0, 4)).toMatchObject({ reason: 'completed' });
    expect(await fourth.of('crucible.trial.paused.v1')).toHaveLength(2);
  });
});

describe('what people said and nobody heard', () => {
  it.each([
    ['an agent that is attempted again', retrying, [submit('y')]],
    ['an agent that goes on', resuming, [submit('y')]],
    ['generate', generate, [say('42')]],
    ['chat', chat, [say('1'), say('42')]],
  ])('is heard by the next attempt: %s', async (_what, solver, replies) => {
    const first = await lostBehind(solver, (bench, trialId) => speak(bench, trialId, 'hurry up'));
    wire.next(...replies);
    const second = benchOf(solver, first);
    const end = await second.trial(0, 2);
    expect(end).toMatchObject({ reason: 'completed' });
    expect(toldTo(1)).toContain('hurry up');
    const said = (await second.transcript(end.trialId)).filter((each) => each.kind === 'message');
    expect(said.filter(({ by }) => by === 'person')).toMatchObject([{ actor: 'user:ada' }]);
  });

  it('is not said again once it was answered, in whichever attempt', async () => {
    wire.next(bash('sleep 1'), bash('echo heard'), silence);
    const first = benchOf(agent({ toolTimeout: '300ms' }));
    const lost = await begun(first);
    await untilAsked(first, 1);
    await speak(first, lost.trialId, 'answered');
    await untilAsked(first, 3);
    expect(toldTo(1)).toContain('answered');
    deafen(first);
    await speak(first, lost.trialId, 'unheard');
    await die(first, lost);
    wire.next(bash('echo again'), silence);
    const second = benchOf(agent(), first);
    const again = await begun(second, 2);
    await untilAsked(second, 5);
    expect(toldTo(3)).not.toContain('answered');
    expect(toldTo(3)).toContain('unheard');
    await die(second, again);
    wire.next(submit('y'));
    await benchOf(agent(), second).trial(0, 3);
    expect(toldTo(5)).not.toContain('heard');
  });

  it('is heard behind a reply that waited for approval when the executor died', async () => {
    const solver = agent({ resume: 'transcript', approval: [{ tool: 'bash', pattern: 'rm', action: 'ask' }] });
    wire.next(bash('echo first'), bash('rm notes.txt'));
    const first = benchOf(solver);
    const lost = await begun(first);
    await untilTold(first, 'crucible.trial.approval-requested.v1', lost.trialId);
    const [asked] = await first.of('crucible.trial.approval-requested.v1');
    deafen(first);
    await speak(first, lost.trialId, 'hurry up');
    await first.command(lost.trialId, {
      type: 'crucible.trial.approval-decided.v1',
      data: { ...asked!, decision: { kind: 'approve' }, reason: '' },
    });
    await die(first, lost);
    wire.next(submit('y'));
    const second = benchOf(solver, first);
    expect(await second.trial(0, 2)).toMatchObject({ reason: 'completed' });
    expect(second.sessions[0]?.requests.map(({ argv }) => argv[2])).toEqual(['rm notes.txt']);
    expect(wire.requests).toHaveLength(3);
    expect(toldTo(2)).toContain('hurry up');
  });
});

describe('a termination that the executor did not live to heed', () => {
  const ended = { reason: 'terminated', outcome: 'errored', scores: [], error: 'by user:ada: enough' };

  it('ends the attempt itself where it is found lost', async () => {
    wire.next(silence);
    const first = benchOf(retrying);
    const lost = await begun(first);
    await untilAsked(first, 1);
    deafen(first);
    await word(first, lost.trialId, 'termination-requested');
    await benchOf(retrying, first).take(lost.trialId);
    expect(await first.finishOf(lost.trialId)).toMatchObject({ ...ended, verdict: 'unknown' });
    await die(first, lost);
    expect(await first.of('crucible.trial.finished.v2')).toHaveLength(1);
  });

  it.each([
    ['attempted again', retrying],
    ['to go on', resuming],
    ['to be left lost', agent({ resume: 'lost' })],
    ['attempted again, of one call', generate],
  ])('ends the next attempt before anything is run: %s', async (_what, solver) => {
    const first = await lostBehind(solver, (bench, trialId) => word(bench, trialId, 'termination-requested'));
    const second = benchOf(solver, first);
    expect(await second.trial(0, 2)).toMatchObject(ended);
    expect(second.sessions).toEqual([]);
    expect(wire.requests).toHaveLength(1);
  });
});

describe('an approval that was asked for in the first turn', () => {
  it('is not asked for again, and what was decided meanwhile holds', async () => {
    const solver = agent({ resume: 'transcript', approval: [{ tool: 'bash', pattern: 'rm', action: 'ask' }] });
    wire.next(bash('rm notes.txt'));
    const first = benchOf(solver);
    const lost = await begun(first);
    await untilTold(first, 'crucible.trial.approval-requested.v1', lost.trialId);
    const [asked] = await first.of('crucible.trial.approval-requested.v1');
    deafen(first);
    await first.command(lost.trialId, {
      type: 'crucible.trial.approval-decided.v1',
      data: { ...asked!, decision: { kind: 'approve' }, reason: 'fine' },
    });
    await die(first, lost);
    wire.next(submit('y'));
    const second = benchOf(solver, first);
    expect(await second.trial(0, 2)).toMatchObject({ reason: 'completed' });
    expect(wire.requests).toHaveLength(2);
    expect(second.sessions[0]?.requests.map(({ argv }) => argv[2])).toEqual(['rm notes.txt']);
    expect(await second.of('crucible.trial.approval-requested.v1')).toHaveLength(1);
  });
});

describe('resume: lost', () => {
  it.each([
    ['generate', { ...generate, resume: 'lost' }],
    ['chat', { ...chat, resume: 'lost' }],
  ])('leaves a lost trial at that: %s', async (_kind, solver) => {
    const first = await lostBehind(solver, () => Promise.resolve());
    const second = benchOf(solver, first);
    await second.take(await second.dispatch(0, 2));
    expect(await second.of('crucible.trial.withdrawn.v1')).toMatchObject([
      { trialId: '0-1-2', reason: expect.stringContaining('resume: lost') as string },
    ]);
    expect(wire.requests).toHaveLength(1);
  });
});
