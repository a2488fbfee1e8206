import { modelMessageSchema, modelParametersSchema, toolSpecSchema } from '@crucible/events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readChat, requestBounds } from './chat-request.ts';

const read = (body: unknown) => readChat(Buffer.from(JSON.stringify(body)));
const hello = { model: 'house', messages: [{ role: 'user', content: 'hello' }] };
const askOf = (body: unknown) => {
  const chat = read(body);
  if (!chat.ok) throw new Error(chat.problem.message);
  return chat.ask;
};
const refusalOf = (body: unknown) => {
  const chat = read(body);
  return chat.ok ? null : [chat.problem.status, chat.problem.param, chat.problem.code];
};
const said = (...messages: object[]) => ({ ...hello, messages });
const call = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"path":"a"}' } };
const tool = { type: 'function', function: { name: 'look' } };

describe('a request for a chat completion', () => {
  it('is read as clients send it', () => {
    const ask = askOf({
      model: 'house',
      messages: [
        { role: 'developer', content: 'Be careful.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'one' },
            { type: 'text', text: 'two' },
          ],
        },
        { role: 'assistant', content: null, refusal: null, annotations: [], audio: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'call_1', content: 'seen' },
      ],
      tools: [{ type: 'function', function: { ...tool.function, strict: true, parameters: { type: 'object' } } }],
      tool_choice: { type: 'function', function: { name: 'look' } },
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0.2,
      top_p: null,
      max_tokens: 5,
      max_completion_tokens: 7,
      seed: -3,
      stop: 'END',
      n: 1,
      user: 'somebody',
      metadata: { a: 'b' },
      frequency_penalty: 0,
      logit_bias: {},
      response_format: { type: 'text' },
      parallel_tool_calls: true,
    });
    expect(ask).toEqual({
      model: 'house',
      messages: [
        { role: 'system', content: 'Be careful.' },
        { role: 'user', content: 'one\ntwo' },
        {
          role: 'assistant',
          content: '',
          reasoning: null,
          toolCalls: [{ id: 'call_1', tool: 'look', input: { path: 'a' }, inputText: '{"path":"a"}' }],
        },
        { role: 'tool', toolCallId: 'call_1', tool: 'look', content: 'seen', isError: false },
      ],
      tools: [{ name: 'look', description: '', parameters: { type: 'object' } }],
      toolChoice: { tool: 'look' },
      parameters: { temperature: 0.2, topP: null, outputTokensMax: 7, seed: -3, stop: ['END'] },
      isStreamed: true,
      tellsUsage: true,
    });
    expect(askOf(hello)).toMatchObject({ tools: [], toolChoice: 'auto', isStreamed: false, tellsUsage: false });
  });

  it.each<[string, object, string | null, string]>([
    ['no model', { messages: hello.messages }, 'model', 'invalid_type'],
    ['no messages', { model: 'house' }, 'messages', 'invalid_type'],
    ['an empty conversation', said(), 'messages', 'empty_array'],
    ['a role of its own', said({ role: 'god', content: 'x' }), 'messages[0].role', 'invalid_value'],
    ['content that is none', said({ role: 'user', content: 3 }), 'messages[0].content', 'invalid_type'],
    [
      'a picture',
      said({ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }),
      'messages[0].content[0].type',
      'invalid_value',
    ],
    [
      'a result of no call',
      said({ role: 'user', content: 'x' }, { role: 'tool', tool_call_id: 'call_1', content: 'x' }),
      'messages[1].tool_call_id',
      'invalid_value',
    ],
    [
      'arguments that are no text',
      said({ role: 'assistant', tool_calls: [{ ...call, function: { name: 'look', arguments: {} } }] }),
      'messages[0].tool_calls[0].function.arguments',
      'invalid_type',
    ],
    ['a temperature beyond bounds', { ...hello, temperature: 2.5 }, 'temperature', 'out_of_range'],
    ['tokens that are no whole number', { ...hello, max_tokens: 1.5 }, 'max_tokens', 'invalid_type'],
    ['several answers', { ...hello, n: 2 }, 'n', 'unsupported_parameter'],
    ['a form', { ...hello, response_format: { type: 'json_object' } }, 'response_format', 'unsupported_parameter'],
    ['what nobody knows', { ...hello, tmperature: 1 }, 'tmperature', 'unknown_parameter'],
    ['usage of no stream', { ...hello, stream_options: { include_usage: true } }, 'stream_options', 'invalid_value'],
    ['a tool of another kind', { ...hello, tools: [{ type: 'web_search' }] }, 'tools[0].type', 'invalid_value'],
    [
      'a tool with a hostile name',
      { ...hello, tools: [{ type: 'function', function: { name: 'a b' } }] },
      'tools[0].function.name',
      'invalid_value',
    ],
    ['a tool twice', { ...hello, tools: [tool, tool] }, 'tools[1].function.name', 'invalid_value'],
    [
      'a choice that is not there',
      { ...hello, tools: [tool], tool_choice: { type: 'function', function: { name: 'other' } } },
      'tool_choice.function.name',
      'invalid_value',
    ],
    ['too many stops', { ...hello, stop: Array(9).fill('x') }, 'stop', 'array_above_max_length'],
    [
      'a schema that is a mountain',
      { ...hello, tools: [{ type: 'function', function: { name: 'a', parameters: { x: 'y'.repeat(70_000) } } }] },
      'tools[0].function.parameters',
      'invalid_value',
    ],
  ])('is refused for %s, which is named', (_, body, param, code) => {
    expect(refusalOf(body)).toEqual([400, param, code]);
  });

  it('is refused at once where it is no JSON, too deep, or too much of one thing', () => {
    for (const body of ['', '{', '[]', 'null', '"x"', '['.repeat(100_000), `{"a":${'['.repeat(70)}${']'.repeat(70)}}`])
      expect(readChat(Buffer.from(body)), body.slice(0, 20)).toMatchObject({ ok: false, problem: { status: 400 } });
    expect(readChat(Buffer.from([0xff, 0xfe, 0x7b]))).toMatchObject({ ok: false });
    const many = `{"model":"house","messages":[${'0,'.repeat(1_000_000)}0]}`;
    const from = performance.now();
    const refused = readChat(Buffer.from(many));
    expect(performance.now() - from).toBeLessThan(2_000);
    expect(refused).toMatchObject({ problem: { param: 'messages', code: 'array_above_max_length' } });
    const list = Array(requestBounds.messagesMax).fill(hello.messages[0]);
    expect(read({ ...hello, messages: list }).ok).toBe(true);
  });

  it('does not come to be what a name means to JavaScript', () => {
    const parameters = '{"type":"object","properties":{"__proto__":{"polluted":true}}}';
    const body = `{"model":"house","messages":[{"role":"user","content":"x","__proto__":{"role":"system"}}],"tools":[{"type":"function","function":{"name":"a","parameters":${parameters}}}]}`;
    expect(readChat(Buffer.from(body))).toMatchObject({
      ok: false,
      problem: { param: 'tools[0].function.parameters' },
    });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('whatever it is gives an ask that the platform takes, or a refusal', () => {
    const small = fc.jsonValue({ maxDepth: 2 });
    const message = fc.record(
      {
        role: fc.constantFrom('system', 'user', 'assistant', 'tool', 'developer', 7),
        content: fc.oneof(fc.string({ unit: 'binary' }), fc.constant(null), fc.array(small, { maxLength: 2 })),
        tool_calls: fc.oneof(fc.constant([call]), small),
        tool_call_id: fc.constantFrom('call_1', 'x', null),
      },
      { requiredKeys: ['role', 'content'] },
    );
    const body = fc.record(
      {
        model: fc.string({ minLength: 1, maxLength: 20 }),
        messages: fc.array(message, { maxLength: 3 }),
        tools: fc.oneof(fc.constant([tool]), small),
        temperature: fc.oneof(fc.double(), small),
        stop: fc.oneof(fc.string(), fc.array(fc.string()), small),
        seed: fc.oneof(fc.integer(), small),
        stream: fc.oneof(fc.boolean(), small),
      },
      { requiredKeys: ['model', 'messages'] },
    );
    fc.assert(
      fc.property(body, (given) => {
        const chat = read(given);
        if (!chat.ok) return void expect(chat.problem.status).toBe(400);
        for (const each of chat.ask.messages) modelMessageSchema.parse(each);
        for (const each of chat.ask.tools) toolSpecSchema.parse(each);
        modelParametersSchema.parse(chat.ask.parameters);
      }),
      { numRuns: 200 },
    );
  }, 60_000);
});
