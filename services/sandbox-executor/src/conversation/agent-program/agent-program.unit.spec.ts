import { say, type WireServer, wireBroker } from '@crucible/models/testing';
import OpenAI from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { Bench } from '../bench.fixture.ts';
import type { BenchOptions } from '../bench.fixture.ts';
import { agentOf, programSuite } from './agent-program.fixture.ts';
import type { Inside } from './agent-program.fixture.ts';
import { onWire } from '../wire.fixture.ts';

// Whole trials, each with all the rules there are.
vi.setConfig({ testTimeout: 60_000 });

let wire: WireServer;
const keep = onWire((server) => (wire = server));

const model = 'wire/openai';
const benchOf = (
  program: Parameters<typeof agentOf>[0],
  solver: Readonly<Record<string, unknown>> = {},
  options: Partial<BenchOptions> & { readonly limits?: object } = {},
  before?: Bench,
): Bench => {
  const broker = wireBroker(wire, {
    provider: 'openai',
    price: { input: 1, output: 1 },
    limits: { outputTokensMax: 100, attemptsMax: 1, ...options.limits },
  });
  return keep(new Bench({ broker, model, suite: programSuite(solver), runs: agentOf(program), ...options }, before));
};
const errorOf = async (call: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> => {
  try {
    await call;
  } catch (error) {
    if (error instanceof OpenAI.APIError) return error as InstanceType<typeof OpenAI.APIError>;
    throw error;
  }
  throw new Error('it was answered');
};
const ask = ({ client, env }: Inside, content = 'hello', more: object = {}) =>
  client.chat.completions.create({ model: env['OPENAI_MODEL'] ?? '', messages: [{ role: 'user', content }], ...more });
const textIn = async (asked: ReturnType<typeof ask>): Promise<string> =>
  (await asked).choices[0]?.message.content ?? '';

const tools = [
  {
    type: 'function' as const,
    function: {
      name: 'look',
      description: 'Looks into a file.',
      parameters: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
    },
  },
];

describe('an agent program', () => {
  it('drives itself with the public client, streamed and not, and everything of it is on record', async () => {
    const look = { id: 'call_0', tool: 'look', arguments: '{"path":"notes.txt"}' };
    wire.next(
      say('I look.', { toolCalls: [look], finishReason: 'tool-calls' }),
      say('It says 🔥 forty-two.', { pieceChars: 3 }),
    );
    const bench = benchOf(async (inside) => {
      const { client, env, task } = inside;
      const messages: OpenAI.ChatCompletionMessageParam[] = [
        { role: 'developer', content: 'Be careful.' },
        { role: 'user', content: [{ type: 'text', text: task }] },
      ];
      const first = await client.chat.completions.create({ model, messages, tools, temperature: 0.5, stop: ['END'] });
      expect(first).toMatchObject({
        object: 'chat.completion',
        model,
        choices: [{ finish_reason: 'tool_calls', message: { content: 'I look.' } }],
        usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
      });
      const said = first.choices[0]!.message;
      messages.push(said, { role: 'tool', tool_call_id: said.tool_calls![0]!.id, content: 'forty-two' });
      const stream = await client.chat.completions.create({
        model: env['OPENAI_MODEL']!,
        messages,
        tools,
        stream: true,
        stream_options: { include_usage: true },
      });
      const pieces: string[] = [];
      let usage: unknown;
      for await (const chunk of stream) {
        pieces.push(chunk.choices[0]?.delta.content ?? '');
        usage = chunk.usage ?? usage;
      }
      expect(usage).toMatchObject({ prompt_tokens: 11, completion_tokens: 7 });
      expect(pieces.filter((piece) => piece !== '').length).toBeGreaterThan(2);
      expect((await client.models.list()).data).toMatchObject([{ id: model, object: 'model' }]);
      expect(await client.models.retrieve(model)).toMatchObject({ id: model });
      return pieces.join('');
    });
    const end = await bench.trial();
    expect(end).toMatchObject({
      outcome: 'passed',
      reason: 'exit',
      exitCode: 0,
      error: null,
      answer: { excerpt: 'It says 🔥 forty-two.' },
      usage: { modelCalls: 2, toolCalls: 0, inputTokens: 22, outputTokens: 14, costMicroUsd: 36 },
    });
    const [request] = bench.sessions[0]!.requests;
    expect(request).toMatchObject({
      argv: ['python3', 'agent.py'],
      env: { OPENAI_BASE_URL: 'http://127.0.0.1:8377/v1' },
    });
    expect(bench.sessions[0]!.files.get('/work/agent.py')?.toString()).toBe('print()');
    const asked = wire.requests.map(({ body }) => body);
    expect(asked[0]).toMatchObject({ temperature: 0.5, stop: ['END'], tools: [{ function: { name: 'look' } }] });
    expect((asked[1]?.messages as { role: string }[]).map(({ role }) => role)).toEqual([
      'system',
      'user',
      'assistant',
      'tool',
    ]);
    const records = await bench.transcript((await bench.of('crucible.trial.dispatched.v1'))[0]!.trialId);
    const told = records.map((record) => record.kind === 'message' && [record.turn, record.by, record.message.role]);
    // The task; what the program wrote; the reply; what it added to that; the second reply; and its answer.
    expect(told).toEqual([
      [0, 'suite', 'user'],
      [1, 'subject', 'system'],
      [1, 'subject', 'user'],
      [1, 'subject', 'assistant'],
      [2, 'tool', 'tool'],
      [2, 'subject', 'assistant'],
      [2, 'subject', 'assistant'],
    ]);
    const called = await bench.of('crucible.trial.model-called.v2');
    expect(called).toMatchObject([
      { role: 'subject', turn: 1, model, records: { request: 3, reply: 4 }, parameters: { temperature: 0.5 } },
      { role: 'subject', turn: 2, records: { request: 5, reply: 6 } },
    ]);
  });

  it('is told in the words of the API what is wrong, and goes on', async () => {
    const bench = benchOf(async (inside) => {
      const { client, env, url } = inside;
      const other = new OpenAI({ baseURL: url, apiKey: 'sk-other', maxRetries: 0 });
      expect(await errorOf(other.models.list())).toBeInstanceOf(OpenAI.AuthenticationError);
      const missing = await errorOf(ask(inside, 'x', { model: 'gpt-9' }));
      expect(missing).toBeInstanceOf(OpenAI.NotFoundError);
      expect(missing).toMatchObject({ code: 'model_not_found', param: 'model' });
      const bad = await errorOf(ask(inside, 'x', { temperature: 9 }));
      expect(bad).toBeInstanceOf(OpenAI.BadRequestError);
      expect(bad).toMatchObject({ param: 'temperature', code: 'out_of_range', type: 'invalid_request_error' });
      expect(await errorOf(client.responses.create({ model, input: 'x' }))).toMatchObject({
        status: 404,
        code: 'unknown_url',
      });
      expect(await errorOf(client.models.retrieve('other'))).toMatchObject({ status: 404, code: 'model_not_found' });
      const wrong = await fetch(`${url}/models`, { method: 'DELETE', headers: authorized(env) });
      expect(wrong.status).toBe(405);
      return (await ask(inside, 'still there?')).choices[0]?.message.content ?? '';
    });
    expect(await bench.trial()).toMatchObject({ reason: 'exit', answer: { excerpt: 'ok' }, usage: { modelCalls: 1 } });
  });

  it('may leave its answer in a file, and says by its exit code what it makes of itself', async () => {
    const bench = benchOf(
      (inside) => {
        inside.session.files.set('/work/answer.txt', Buffer.from('forty-two\n'));
        return Promise.resolve({ stdout: 'much that is no answer', code: 3 });
      },
      {},
      { suite: programSuite({}, { scorers: [{ kind: 'exact' }, { kind: 'exit-code', equals: 3 }] }) },
    );
    expect(await bench.trial()).toMatchObject({ outcome: 'passed', reason: 'exit', exitCode: 3 });
  });
});

const authorized = (env: Readonly<Record<string, string>>) => ({ authorization: `Bearer ${env['OPENAI_API_KEY']}` });

describe('what a program may use', () => {
  it('ends at its turns: the call that is one too many is refused, and it may still say what it has', async () => {
    const bench = benchOf(
      async (inside) => {
        const first = await textIn(ask(inside));
        const refused = await errorOf(ask(inside, 'more'));
        expect(refused).toBeInstanceOf(OpenAI.RateLimitError);
        expect(refused).toMatchObject({ code: 'insufficient_quota' });
        // A client's own retries are told to be in vain.
        expect(refused.headers?.get('x-should-retry')).toBe('false');
        return `${first} forty-two`;
      },
      { limits: { turns: 1 } },
    );
    const end = await bench.trial();
    expect(end).toMatchObject({ reason: 'turn-limit', outcome: 'passed', error: '1 turns', exitCode: 0 });
    expect(wire.requests).toHaveLength(1);
  });

  it('ends at its budget, and is ended when it does not end by itself', async () => {
    const codes: (string | null | undefined)[] = [];
    const bench = benchOf(
      async (inside) => {
        await ask(inside);
        codes.push((await errorOf(ask(inside, 'more'))).code);
        await new Promise(() => undefined);
        return '';
      },
      {},
      { budget: { callsMax: 1 } },
    );
    const end = await bench.trial();
    expect(end).toMatchObject({ reason: 'call-limit', outcome: 'errored', usage: { modelCalls: 1 } });
    expect(codes).toEqual(['insufficient_quota']);
  });

  it('is time, with what it left by then for an answer', async () => {
    const bench = benchOf(
      async (inside) => {
        inside.session.files.set('/work/answer.txt', Buffer.from('forty-two so far'));
        await new Promise(() => undefined);
        return '';
      },
      { limits: { time: '300ms' } },
    );
    expect(await bench.trial()).toMatchObject({ reason: 'time-limit', outcome: 'passed', exitCode: null });
  });

  it('is so many calls at once: one more is told to come again', async () => {
    wire.script(() => say('slow', { delayMs: 2_000 }));
    const bench = benchOf(async (inside) => {
      const all = await Promise.allSettled(Array.from({ length: 9 }, (_, at) => textIn(ask(inside, `call ${at}`))));
      const [refused] = all.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
      expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(8);
      expect(refused).toBeInstanceOf(OpenAI.RateLimitError);
      expect(refused).toMatchObject({ code: 'rate_limit_exceeded' });
      return textIn(ask(inside, 'again'));
    });
    expect(await bench.trial()).toMatchObject({ reason: 'exit', usage: { modelCalls: 9 } });
  });
});

describe('a provider that fails', () => {
  it('is told to the program, whose trial is nobody’s result when it ends behind that', async () => {
    wire.next({ kind: 'raw', status: 503, body: '{"error":{"message":"down at host-7.internal"}}' });
    const bench = benchOf(async (inside) => {
      const failed = await errorOf(ask(inside));
      expect(failed).toMatchObject({ status: 503, code: 'provider_unavailable' });
      expect(failed.message).not.toContain('host-7');
      return { code: 5 };
    });
    const end = await bench.trial();
    expect(end).toMatchObject({ reason: 'model-failure', outcome: 'errored', scores: [], exitCode: 5 });
  });

  it('is nothing more to it when a later call is answered', async () => {
    wire.next({ kind: 'raw', status: 503, body: '{}' });
    const bench = benchOf(async (inside) => {
      await errorOf(ask(inside));
      return textIn(ask(inside, 'again'));
    });
    expect(await bench.trial()).toMatchObject({ reason: 'exit', usage: { modelCalls: 2 } });
  });

  it('in the middle of a stream ends that stream with an error, and is not asked again', async () => {
    wire.next(say('half of what was to come', { breakAfterBytes: 400 }));
    const bench = benchOf(
      async (inside) => {
        const pieces: string[] = [];
        const reading = async (): Promise<void> => {
          const stream = await inside.client.chat.completions.create({
            model,
            messages: [{ role: 'user', content: 'x' }],
            stream: true,
          });
          for await (const chunk of stream) pieces.push(chunk.choices[0]?.delta.content ?? '');
        };
        const failed = await errorOf(reading());
        expect(failed.message).not.toBe('');
        expect(pieces.join('')).not.toBe('');
        return 'x';
      },
      {},
      { limits: { attemptsMax: 3 } },
    );
    expect(await bench.trial()).toMatchObject({ exitCode: 0 });
    expect(wire.requests).toHaveLength(1);
  });
});

describe('what goes through its endpoint', () => {
  const canaryOf = (bench: Bench): string => bench.specs[0]?.canaries?.env['REGISTRY_API_TOKEN'] ?? '';
  const alertsOf = async (bench: Bench): Promise<string[]> =>
    (await bench.of('crucible.alert.raised.v1')).map(({ rule }) => rule.id);

  it.each<[string, (secret: string) => object]>([
    ['a message', (secret) => ({ messages: [{ role: 'user', content: secret }] })],
    [
      'what it says a model had said',
      (secret) => ({
        messages: [
          { role: 'user', content: 'x' },
          { role: 'assistant', content: secret },
          { role: 'user', content: 'x' },
        ],
      }),
    ],
    [
      'what a tool is said to do',
      (secret) => ({ tools: [{ type: 'function', function: { name: 'look', description: secret } }] }),
    ],
  ])('is looked at for canaries and keys in %s', async (_, hiding) => {
    const { wireKey } = await import('@crucible/models/testing');
    const told = benchOf(async (inside) => textIn(ask(inside, 'x', hiding(canaryOf(told)))));
    await told.trial();
    expect(await alertsOf(told)).toContain('canary-in-conversation');
    const leaked = benchOf(async (inside) => textIn(ask(inside, 'x', hiding(wireKey))));
    await leaked.trial();
    expect(await alertsOf(leaked)).toContain('model-key-in-conversation');
  });

  it('is looked at on its way in as well', async () => {
    const bench = benchOf(async (inside) => {
      wire.next(say(`use ${canaryOf(bench)}`));
      return textIn(ask(inside));
    });
    await bench.trial();
    expect((await alertsOf(bench)).length).toBeGreaterThan(0);
  });

  it('is ended at the provider when the program does not wait for it', async () => {
    wire.next({ kind: 'silence' });
    const bench = benchOf(async ({ client }) => {
      const gone = new AbortController();
      const messages = [{ role: 'user' as const, content: 'x' }];
      const asked = errorOf(client.chat.completions.create({ model, messages }, { signal: gone.signal }));
      await expect.poll(() => wire.requests.length, { timeout: 20_000 }).toBe(1);
      gone.abort();
      expect(await asked).toBeInstanceOf(OpenAI.APIUserAbortError);
      await expect.poll(() => wire.requests[0]?.aborted, { timeout: 20_000 }).toBe(true);
      return 'done';
    });
    expect(await bench.trial()).toMatchObject({ reason: 'exit', answer: { excerpt: 'done' } });
    expect(await bench.of('crucible.trial.model-called.v2')).toMatchObject([{ result: { failure: 'aborted' } }]);
  });
});

describe('people', () => {
  it('end it in the middle of a call', async () => {
    wire.next({ kind: 'silence' });
    const bench = benchOf((inside) => textIn(ask(inside)));
    await bench.submit();
    const trialId = await bench.dispatch();
    const ended = bench.take(trialId);
    await bench.until(() => wire.requests.length === 1);
    const place = { evaluationId: bench.evaluationId, trialId };
    await bench.command(trialId, {
      type: 'crucible.trial.termination-requested.v1',
      data: { ...place, reason: 'enough' },
    });
    await ended;
    expect(await bench.finishOf(trialId)).toMatchObject({ reason: 'terminated', outcome: 'errored' });
    expect(await bench.of('crucible.trial.model-called.v2')).toMatchObject([
      { result: { status: 'failed', failure: 'aborted' } },
    ]);
  });

  it('hold its calls, and let them go on', async () => {
    const bench = benchOf(async (inside) => {
      await bench.until((events) => events.some(({ type }) => type === 'crucible.trial.pause-requested.v1'));
      await new Promise((resolve) => setTimeout(resolve, 50));
      return (await Promise.all([textIn(ask(inside, 'a')), textIn(ask(inside, 'b'))])).join(' ');
    });
    await bench.submit();
    const trialId = await bench.dispatch();
    const ended = bench.take(trialId);
    await bench.until((events) => events.some(({ type }) => type === 'crucible.trial.started.v2'));
    const data = { evaluationId: bench.evaluationId, trialId, reason: 'to read' };
    await bench.command(trialId, { type: 'crucible.trial.pause-requested.v1', data });
    await bench.until((events) => events.some(({ type }) => type === 'crucible.trial.paused.v1'));
    expect(wire.requests).toHaveLength(0);
    await bench.command(trialId, { type: 'crucible.trial.resumed.v1', data });
    await ended;
    expect(await bench.finishOf(trialId)).toMatchObject({ reason: 'exit', answer: { excerpt: 'ok ok' } });
    expect(await bench.of('crucible.trial.paused.v1')).toHaveLength(1);
  });
});

describe('an agent program whose executor dies', () => {
  const lostWhilePaused = async (solver: object): Promise<Bench> => {
    const first = benchOf((inside) => textIn(ask(inside)), { ...solver });
    wire.next({ kind: 'silence' });
    await first.submit();
    const trialId = await first.dispatch();
    const ended = first.take(trialId);
    await first.until(() => wire.requests.length === 1);
    const data = { evaluationId: first.evaluationId, trialId, reason: 'to read' };
    await first.command(trialId, { type: 'crucible.trial.pause-requested.v1', data });
    first.running.killAll({ cause: 'lease-lost', why: null, stopId: null, heardAtMs: performance.now() });
    await ended;
    return first;
  };

  it('is attempted again, and held at its first call where it was paused', async () => {
    const first = await lostWhilePaused({});
    const second = benchOf((inside) => textIn(ask(inside)), {}, {}, first);
    const trialId = await second.dispatch(0, 2);
    const ended = second.take(trialId);
    await second.until((events) => events.some(({ type }) => type === 'crucible.trial.paused.v1'));
    expect(wire.requests).toHaveLength(1);
    const data = { evaluationId: second.evaluationId, trialId, reason: 'read' };
    await second.command(trialId, { type: 'crucible.trial.resumed.v1', data });
    await ended;
    expect(await second.finishOf(trialId)).toMatchObject({ reason: 'exit', answer: { excerpt: 'ok' } });
  });

  it('is left at that with resume: lost', async () => {
    const first = await lostWhilePaused({ resume: 'lost' });
    const second = benchOf((inside) => textIn(ask(inside)), { resume: 'lost' }, {}, first);
    await second.take(await second.dispatch(0, 2));
    const [left] = await second.of('crucible.trial.withdrawn.v1');
    expect(left).toMatchObject({ trialId: '0-1-2', reason: expect.stringContaining('resume: lost') as string });
    expect(wire.requests).toHaveLength(1);
  });
});
