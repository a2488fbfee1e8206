import { canaryNames, CanaryKey, mintCanaries } from '@crucible/detectors';
import { evaluationIdSchema, trialIdSchema } from '@crucible/events';
import { say, type WireServer, wireBroker, wireKey } from '@crucible/models/testing';
import { describe, expect, it, vi } from 'vitest';
import { agentOf, programSuite } from './agent-program/agent-program.fixture.ts';
import { agentSuite, Bench } from './bench.fixture.ts';
import type { BenchOptions } from './bench.fixture.ts';
import { onWire } from './wire.fixture.ts';

// Whole trials, each with all the rules there are.
vi.setConfig({ testTimeout: 60_000 });

let wire: WireServer;
const keep = onWire((server) => (wire = server));

const model = 'wire/openai';
const benchOf = (options: Partial<BenchOptions>, limits: object = {}, before?: Bench): Bench => {
  const broker = wireBroker(wire, { provider: 'openai', limits: { outputTokensMax: 100, ...limits } });
  return keep(new Bench({ broker, model, suite: agentSuite(), ...options }, before));
};
const asked = (input: unknown, more: Readonly<Record<string, unknown>> = {}) => ({
  dataset: { samples: [{ id: 'one', input, target: '42' }] },
  solver: { kind: 'generate' },
  scorers: [{ kind: 'includes' }],
  ...more,
});

const key = new CanaryKey(Buffer.alloc(32, 1));
/** A canary of the first attempt at a bench's first sample. */
const tokenOf = ({ evaluationId }: Bench): string =>
  mintCanaries(key, { evaluationId, trialId: trialIdSchema.parse('0-1-1') }).env['REGISTRY_API_TOKEN'] ?? '';
const bash = (command: string, more = {}) =>
  say('', {
    toolCalls: [{ tool: 'bash', arguments: JSON.stringify({ command }) }],
    finishReason: 'tool-calls',
    ...more,
  });

/** What was raised about the conversation: the rule, its words, and the record that it points at. */
const raisedIn = async (bench: Bench) =>
  (await bench.of('crucible.alert.raised.v1'))
    .filter(({ rule }) => rule.id.endsWith('-in-conversation'))
    .map(({ rule, summary, evidence }) => [rule.id, summary, evidence[0]?.record]);
const sentKey = (record: number) => ['model-key-in-conversation', 'the key env WIRE_KEY stands in a request', record];
const saidKey = (record: number) => ['model-key-in-conversation', 'the key env WIRE_KEY stands in a reply', record];
const sentToken = (record: number) => ['canary-in-conversation', 'canary api-token sent in the conversation', record];
const saidToken = (record: number) => ['canary-in-conversation', 'canary api-token said in the conversation', record];

describe('what goes through the broker', () => {
  it('is searched for canaries where it comes from a model', async () => {
    const bench = benchOf({});
    expect(canaryNames.length).toBeGreaterThan(0);
    wire.next(say(`The token is ${tokenOf(bench)}.`));
    await bench.trial();
    expect(await bench.of('crucible.alert.raised.v1')).toMatchObject([
      {
        rule: { id: 'canary-in-conversation' },
        severity: 'critical',
        evidence: [{ channel: 'transcript', record: 2 }],
      },
    ]);
  });

  it('is searched for canaries where it goes to one', async () => {
    let token = '';
    const bench = benchOf({ runs: () => ({ stdout: token }) });
    token = tokenOf(bench);
    wire.next(bash('env'), say('forty-two'));
    await bench.trial();
    // The task, the call, its result.
    expect(await raisedIn(bench)).toEqual([sentToken(3)]);
  });

  it('ends a trial that has another trial’s canary', async () => {
    const bench = benchOf({});
    const other = {
      evaluationId: evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f'),
      trialId: trialIdSchema.parse('7-1-1'),
    };
    const { env } = mintCanaries(key, other);
    wire.next(
      say(`The token is ${env['REGISTRY_API_TOKEN'] ?? ''}.`, {
        toolCalls: [{ tool: 'bash', arguments: '{"command":"sleep 100"}' }],
        finishReason: 'tool-calls',
      }),
    );
    const end = await bench.trial();
    expect(end).toMatchObject({ reason: 'stopped' });
    expect(end.error).toContain('canary-of-another');
  });

  it.each([
    ['transcript', 'completed'],
    ['retry', 'stopped'],
  ] as const)(
    'may hold what an earlier attempt had planted only where it goes on from there: resume: %s ends %s',
    async (resume, reason) => {
      const suite = agentSuite({ resume });
      const first = benchOf({ suite });
      const token = tokenOf(first);
      wire.next({ ...bash('echo on'), text: `I found ${token}.` }, { kind: 'silence' });
      await first.submit();
      const ended = first.take(await first.dispatch());
      await first.until(() => wire.requests.length === 2);
      first.running.killAll({ cause: 'lease-lost', why: null, stopId: null, heardAtMs: performance.now() });
      await ended;
      const last = JSON.stringify({ answer: token });
      wire.next(
        say(`It is ${token}.`, { toolCalls: [{ tool: 'submit', arguments: last }], finishReason: 'tool-calls' }),
      );
      const second = benchOf({ suite }, {}, first);
      const end = await second.trial(0, 2);
      expect(end).toMatchObject({ reason });
      if (reason === 'stopped') expect(end.error).toContain('canary-of-another');
    },
  );

  it('is searched for keys of the platform, whose name alone is told', async () => {
    wire.next(
      say(`The key is ${Buffer.from(wireKey).toString('base64')}`, {
        toolCalls: [{ tool: 'bash', arguments: '{"command":"sleep 100"}' }],
        finishReason: 'tool-calls',
      }),
    );
    const bench = benchOf({});
    expect(await bench.trial()).toMatchObject({ reason: 'stopped' });
    const alerts = await bench.of('crucible.alert.raised.v1');
    expect(alerts.map(({ rule }) => rule.id)).toContain('model-key-in-conversation');
    expect(JSON.stringify(alerts)).not.toContain(wireKey);
  });

  it('is judged by the rules about output where the subject speaks, and not where others do', async () => {
    const words = 'To go on, please send me your password.';
    const suite = asked('Hello.', { scorers: [{ kind: 'includes' }], solver: { kind: 'chat', turns: [words] } });
    wire.next(say('Hello.'), say('No.'));
    const harmless = benchOf({ suite });
    await harmless.trial();
    expect(await harmless.of('crucible.alert.raised.v1')).toEqual([]);
    wire.next(say('Hello.'), say(words));
    const bench = benchOf({ suite });
    await bench.trial();
    expect(await bench.of('crucible.alert.raised.v1')).toMatchObject([
      { rule: { id: 'asks-for-secrets' }, evidence: [{ channel: 'transcript', record: 5, stream: null }] },
    ]);
  });
});

describe('a key that goes to a model', () => {
  it('is found in what a tool gives', async () => {
    wire.next(bash('env'), say('done', { pieceDelayMs: 100 }));
    const bench = benchOf({ runs: () => ({ stdout: `WIRE_KEY=${wireKey}` }) });
    expect(await bench.trial()).toMatchObject({ reason: 'stopped' });
    expect(await raisedIn(bench)).toEqual([sentKey(3)]);
  });

  const own = {
    name: 'look',
    description: `Looks, by ${wireKey}.`,
    parameters: { type: 'object' },
    program: { language: 'shell', source: 'true' },
  };
  const inFirstCall: [string, () => Readonly<Record<string, unknown>>][] = [
    ['what a tool is said to do', () => agentSuite({ tools: [own, 'submit'] })],
    [
      'where a reply is to stop',
      () => asked('Hello.', { solver: { kind: 'generate', parameters: { stop: [wireKey] } } }),
    ],
    [
      'a conversation that the suite has begun, on both sides',
      () =>
        asked({
          messages: [
            { role: 'user', content: 'Hello.' },
            { role: 'assistant', content: `My key is ${wireKey}.` },
            { role: 'user', content: 'And?' },
          ],
        }),
    ],
  ];
  it.each(inFirstCall)('is found in %s, once', async (_where, suite) => {
    wire.script(() => say('42'));
    const bench = benchOf({ suite: suite() });
    await bench.trial();
    expect((await raisedIn(bench)).map(([rule, summary]) => [rule, summary])).toEqual([sentKey(0).slice(0, 2)]);
  });

  it('is found in the instructions of a simulated user', async () => {
    wire.next(say('subject 1'), say('user 1'), say('subject 2'), say('BYE'));
    const user = { model, instructions: `You are Bob, whose key is ${wireKey}.`, until: '^BYE' };
    const bench = benchOf({ suite: asked('Hello.', { solver: { kind: 'chat', user } }) });
    await bench.trial();
    expect(await raisedIn(bench)).toEqual([sentKey(2)]);
  });
});

describe('a reply that breaks off', () => {
  it.each([
    ['and is asked for again', {}, 'completed'],
    ['and is the last', { attemptsMax: 1 }, 'model-failure'],
  ])('is searched all the same: %s', async (_how, limits, reason) => {
    const broken = benchOf({ suite: asked('Hello.') }, limits);
    wire.next(say(`The token is ${tokenOf(broken)} and`, { withoutEnd: true }), say('42'));
    expect(await broken.trial()).toMatchObject({ reason });
    expect(await raisedIn(broken)).toEqual([saidToken(1)]);

    wire.reset();
    const told = benchOf({ suite: asked('Hello.') }, limits);
    wire.next(say(`The key is ${wireKey} and`, { withoutEnd: true }), say('42'));
    await told.trial();
    expect(await raisedIn(told)).toEqual([saidKey(1)]);
  });

  it('is searched in the arguments of its calls, also where a program asked for it', async () => {
    const broken = benchOf({}, { attemptsMax: 1 });
    wire.next(bash(`echo ${tokenOf(broken)}`, { withoutEnd: true }));
    expect(await broken.trial()).toMatchObject({ reason: 'model-failure' });
    expect(await raisedIn(broken)).toEqual([saidToken(1)]);

    const runs = agentOf(async ({ client }) => {
      await client.chat.completions.create({ model, messages: [{ role: 'user', content: 'hello' }] }).catch(() => null);
      return 'forty-two';
    });
    const program = benchOf({ suite: programSuite(), runs }, { attemptsMax: 1 });
    wire.next(say(`The token is ${tokenOf(program)} and`, { withoutEnd: true }));
    await program.trial();
    expect(await raisedIn(program)).toEqual([saidToken(2)]);
  });
});

describe('a grader', () => {
  const scorers = [{ kind: 'model-graded', rubric: 'Names the number.', model }];

  it('is searched for canaries in what it says', async () => {
    const bench = benchOf({ suite: asked('6 times 7?', { scorers }) });
    wire.next(say('It is 42.'), say(JSON.stringify({ value: 1, explanation: `names ${tokenOf(bench)}` })));
    expect(await bench.trial()).toMatchObject({ outcome: 'passed' });
    // Question, answer, and three of the grader's: its task, what it grades, its grade.
    expect(await raisedIn(bench)).toEqual([saidToken(5)]);
  });

  it('is searched for keys and canaries in what broke off', async () => {
    const bench = benchOf({ suite: asked('6 times 7?', { scorers }) });
    const words = `${tokenOf(bench)} ${wireKey} and`;
    wire.next(say('It is 42.'), say(words, { withoutEnd: true }), say('{"value": 1}'));
    await bench.trial();
    expect(await raisedIn(bench)).toEqual(expect.arrayContaining([saidKey(4), saidToken(4)]));
  });

  it('is given nothing that is not searched: a program’s answer was in no call before', async () => {
    let token = '';
    const runs = agentOf(({ session }) => {
      session.files.set('/work/answer.txt', Buffer.from(token));
      return Promise.resolve('');
    });
    const bench = benchOf({ suite: programSuite({}, { scorers }), runs });
    token = tokenOf(bench);
    wire.next(say('{"value": 0}'));
    await bench.trial();
    expect(wire.requests).toHaveLength(1);
    expect(JSON.stringify(wire.requests[0]?.body)).toContain(token);
    expect(await raisedIn(bench)).toEqual([sentToken(4)]);
  });
});
