import { modelMessageSchema } from '@crucible/events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { say } from '../testing/wire-reply.ts';
import {
  bashSpec,
  callOnce,
  messageOf,
  plainParameters,
  user,
  wireKey,
  wireProviders,
} from '../testing/wire-broker.ts';
import type { WireProvider } from '../testing/wire-broker.ts';
import { WireServer } from '../testing/wire-server.ts';
import type { ReplyDelta } from './call.ts';

let wire: WireServer;
beforeAll(async () => {
  wire = await WireServer.start();
});
afterAll(() => wire.stop());
beforeEach(() => wire.reset());

const tools = [bashSpec];
/** Every way in which a reply can come: three providers, piece by piece or whole. */
const ways = wireProviders.flatMap((provider) => [true, false].map((streaming) => ({ provider, streaming })));

describe.each(ways)('a reply of $provider, streaming $streaming', (model) => {
  it('is a message with its usage, cost and times', async () => {
    wire.next(say('hello there, human', { usage: { inputTokens: 1_000, outputTokens: 100, cachedInputTokens: 400 } }));
    const end = await callOnce(wire, { ...model, price: { input: 3, output: 15, cachedInput: 0.3 } });
    expect(end).toMatchObject({
      ok: true,
      message: { role: 'assistant', content: 'hello there, human', reasoning: null, toolCalls: [] },
      finishReason: 'stop',
      usage: { inputTokens: 1_000, outputTokens: 100, cachedInputTokens: 400 },
      costMicroUsd: 600 * 3 + 400 * 0.3 + 100 * 15,
      attempts: 1,
      abandonedAttempts: 0,
      secrets: [],
      brokenOff: [],
    });
    expect(end.firstTokenMs).toBeGreaterThan(0);
    expect(end.latencyMs).toBeGreaterThanOrEqual(end.firstTokenMs ?? Infinity);
    expect(end.waitedMs).toBeLessThan(100);
  });

  it('calls tools with arguments that come in fragments', async () => {
    const first = { command: 'echo "§ 1 { ünicode }"' };
    wire.next(
      say('I look.', {
        toolCalls: [
          { id: 'a', tool: 'bash', arguments: JSON.stringify(first) },
          { id: 'b', tool: 'bash', arguments: '{"command":"ls"}' },
        ],
        pieceChars: 3,
      }),
    );
    const end = await callOnce(wire, model, { tools });
    expect(end).toMatchObject({ ok: true, finishReason: 'tool-calls' });
    expect(messageOf(end).toolCalls).toEqual([
      { id: 'a', tool: 'bash', input: first, inputText: expect.any(String) as string },
      { id: 'b', tool: 'bash', input: { command: 'ls' }, inputText: '{"command":"ls"}' },
    ]);
    expect(modelMessageSchema.parse(messageOf(end))).toEqual(messageOf(end));
  });

  it('may call a tool that is none, and with no arguments', async () => {
    wire.next(say('', { toolCalls: [{ id: 'a', tool: 'launch_missiles', arguments: '' }] }));
    const end = await callOnce(wire, model, { tools });
    expect(messageOf(end).toolCalls).toMatchObject([{ id: 'a', tool: 'launch_missiles', input: {} }]);
  });

  it.each([
    ['length', 'length'],
    ['content-filter', 'content-filter'],
  ] as const)('ends for the reason %s', async (reason, told) => {
    wire.next(say('half of', { finishReason: reason }));
    expect(await callOnce(wire, model)).toMatchObject({
      ok: true,
      finishReason: told,
      message: { content: 'half of' },
    });
  });

  it('carries the key, and the parameters in the words of the format', async () => {
    wire.next(say('ok'));
    const parameters = { temperature: 0.5, topP: null, outputTokensMax: 64, seed: null, stop: ['END'] };
    await callOnce(wire, model, { parameters, tools, toolChoice: 'required' });
    const [request] = wire.requests;
    const stop = model.provider === 'anthropic' ? 'stop_sequences' : 'stop';
    expect(request?.body).toMatchObject({ model: 'wire-model', max_tokens: 64, temperature: 0.5, [stop]: ['END'] });
    expect(request?.headers.authorization ?? request?.headers['x-api-key']).toMatch(wireKey);
  });

  it('that breaks a demanded tool choice is a reply all the same', async () => {
    wire.next(say('I would rather talk.'), say('', { toolCalls: [{ tool: 'bash', arguments: '{}' }] }));
    const without = await callOnce(wire, model, { tools, toolChoice: 'required' });
    expect(without).toMatchObject({ ok: true, finishReason: 'stop', message: { content: 'I would rather talk.' } });
    expect(without.ok && without.warnings.join()).toMatch(/tool choice/);
    const despite = await callOnce(wire, model, { tools, toolChoice: 'none' });
    expect(despite).toMatchObject({ ok: true, message: { toolCalls: [] } });
  });
});

describe.each(wireProviders)('what %s streams', (provider: WireProvider) => {
  it('is told piece by piece', async () => {
    wire.next(say('one two three four', { toolCalls: [{ id: 'a', tool: 'bash', arguments: '{"command":"ls -la"}' }] }));
    const deltas: ReplyDelta[] = [];
    await callOnce(wire, { provider }, { tools }, { onDelta: (delta) => deltas.push(delta) });
    const texts = (kind: 'text' | 'tool-input'): string[] =>
      deltas.flatMap((delta) => (delta.kind === kind ? [delta.text] : []));
    expect(texts('text').length).toBeGreaterThan(1);
    expect(texts('text').join('')).toBe('one two three four');
    expect(texts('tool-input').join('')).toBe('{"command":"ls -la"}');
    expect(deltas).toContainEqual({ kind: 'tool-call', id: 'a', tool: 'bash' });
  });

  it('with slow tokens has its first one early', async () => {
    wire.next(say('a'.repeat(64), { pieceDelayMs: 20 }));
    const end = await callOnce(wire, { provider });
    expect(messageOf(end).content).toHaveLength(64);
    expect(end.latencyMs).toBeGreaterThan(140);
    expect(end.firstTokenMs).toBeLessThan(end.latencyMs / 2);
  });

  it.each(['{"command": "ls', 'rm -rf /', '[1, 2', '"unended'])(
    'as arguments without being JSON is passed through: %s',
    async (text) => {
      wire.next(say('', { toolCalls: [{ id: 'a', tool: 'bash', arguments: text }] }));
      const end = await callOnce(wire, { provider }, { tools });
      expect(messageOf(end).toolCalls).toEqual([{ id: 'a', tool: 'bash', input: null, inputText: text }]);
    },
  );

  it('as arguments with a shape of their own is not judged', async () => {
    const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
    wire.next(
      say('', {
        toolCalls: [
          { id: 'a', tool: 'bash', arguments: '{"other": [1]}' },
          { id: 'b', tool: 'bash', arguments: '{"__proto__": {"polluted": true}}' },
          { id: 'c', tool: 'bash', arguments: deep },
        ],
      }),
    );
    const end = await callOnce(wire, { provider }, { tools });
    expect(messageOf(end).toolCalls.map(({ input }) => input)).toEqual([{ other: [1] }, null, null]);
    expect(({} as { polluted?: true }).polluted).toBeUndefined();
  });
});

describe('reasoning', () => {
  it.each(['anthropic', 'openai-compatible'] as const)('of %s is kept apart from the text', async (provider) => {
    wire.next(say('42', { reasoning: 'six times seven', pieceChars: 4 }));
    expect(messageOf(await callOnce(wire, { provider }))).toMatchObject({
      content: '42',
      reasoning: 'six times seven',
    });
  });
});

describe('usage', () => {
  it.each(['openai', 'openai-compatible'] as const)(
    'that %s does not tell is not known, nor is the cost',
    async (provider) => {
      wire.next(say('ok', { usage: null }));
      const end = await callOnce(wire, { provider, price: { input: 1, output: 1 } });
      expect(end).toMatchObject({ ok: true, usage: { inputTokens: null, outputTokens: null }, costMicroUsd: null });
    },
  );

  it('without a price costs nobody knows what', async () => {
    wire.next(say('ok'));
    expect(await callOnce(wire, { provider: 'openai' })).toMatchObject({
      usage: { inputTokens: 11 },
      costMicroUsd: null,
    });
  });

  it('that is no count is not taken for one', async () => {
    wire.next(say('ok', { usage: { inputTokens: -5, outputTokens: 1e12 } }));
    const end = await callOnce(wire, { provider: 'openai' });
    expect(end).toMatchObject({ ok: true, usage: { inputTokens: null, outputTokens: null } });
  });
});

describe('a conversation', () => {
  const messages = [
    { role: 'system' as const, content: 'be brief' },
    user('look'),
    {
      role: 'assistant' as const,
      content: '',
      reasoning: 'hidden thoughts',
      toolCalls: [
        { id: 'a', tool: 'bash', input: { command: 'ls' }, inputText: '{"command":"ls"}' },
        { id: 'b', tool: 'bash', input: null, inputText: '{"comm' },
      ],
    },
    { role: 'tool' as const, toolCallId: 'a', tool: 'bash', content: 'file.txt', isError: false },
    { role: 'tool' as const, toolCallId: 'b', tool: 'bash', content: 'not JSON', isError: true },
    { role: 'assistant' as const, content: '', reasoning: null, toolCalls: [] },
    user('and now?'),
  ];

  it.each(wireProviders)('goes to %s whole, with what the model did wrong', async (provider) => {
    wire.next(say('ok'));
    messageOf(await callOnce(wire, { provider }, { messages, tools }));
    const sent = JSON.stringify(wire.requests[0]?.body);
    for (const part of ['be brief', 'look', 'file.txt', 'not JSON', 'invalid_arguments', 'and now?'])
      expect(sent).toContain(part);
    expect(sent).not.toContain('hidden thoughts');
  });

  it('in which an answer of a tool is missing is refused before it is sent', async () => {
    const end = await callOnce(wire, { provider: 'openai' }, { messages: messages.slice(0, 4), tools });
    expect(end).toMatchObject({ ok: false, failure: 'rejected', attempts: 1 });
    expect(wire.requests).toHaveLength(0);
  });

  it('tells what of the parameters a model takes no notice of', async () => {
    wire.next(say('ok'));
    const parameters = { ...plainParameters, seed: 7 };
    const end = await callOnce(wire, { provider: 'anthropic' }, { parameters });
    expect(end.ok && end.warnings).toEqual([expect.stringMatching(/seed/)]);
  });
});

describe('a key in a message', () => {
  it('is found in what is sent and in what comes, in whatever way it is written', async () => {
    wire.next(say(`look: ${Buffer.from(`xy${wireKey}`).toString('base64')}`));
    const end = await callOnce(wire, { provider: 'openai' }, { messages: [user(`my key is ${wireKey}`)] });
    expect(end.secrets).toEqual([
      { name: 'env WIRE_KEY', encoding: 'plain', reversed: false, where: 'request' },
      { name: 'env WIRE_KEY', encoding: 'base64', reversed: false, where: 'reply' },
    ]);
  });

  const found = { name: 'env WIRE_KEY', encoding: 'plain', reversed: false } as const;

  it('is found in tools and parameters of a call that says that all of it is new', async () => {
    const request = { tools: [{ ...bashSpec, description: wireKey }], messages: [user('hello')] };
    const parameters = { ...plainParameters, stop: [wireKey] };
    wire.script(() => say('ok'));
    for (const newFrom of [0, 1])
      expect((await callOnce(wire, { provider: 'openai' }, { ...request, newFrom })).secrets).toEqual([
        { ...found, where: 'request' },
      ]);
    const end = await callOnce(wire, { provider: 'openai' }, { parameters, newFrom: 0 });
    expect(end.secrets).toEqual([{ ...found, where: 'request' }]);
    expect((await callOnce(wire, { provider: 'openai' }, request)).secrets).toEqual([]);
  });

  it('is found in the name of a tool that a reply calls', async () => {
    wire.next(say('', { toolCalls: [{ id: 'a', tool: wireKey, arguments: '{}' }] }));
    const end = await callOnce(wire, { provider: 'openai' }, { tools });
    expect(end.secrets).toEqual([{ ...found, where: 'reply' }]);
  });

  it.each(wireProviders)('is found in replies of %s that broke off, once, however the call ends', async (provider) => {
    const half = say(`my key is ${wireKey}`, { withoutEnd: true });
    const call = { tool: 'bash', arguments: JSON.stringify({ command: `echo ${wireKey}` }) };
    wire.next(half, say('', { toolCalls: [call], withoutEnd: true }), say('ok'));
    const end = await callOnce(wire, { provider }, { tools });
    expect(end).toMatchObject({ ok: true, attempts: 3, secrets: [{ ...found, where: 'reply' }] });
    expect(end.secrets).toHaveLength(1);
    expect(end.brokenOff.join('\n')).toContain(`my key is ${wireKey}`);
    expect(end.brokenOff.join('\n')).toContain(`echo ${wireKey}`);

    wire.next(half);
    const failed = await callOnce(wire, { provider, limits: { attemptsMax: 1 } });
    expect(failed).toMatchObject({ ok: false, failure: 'unavailable', secrets: [{ ...found, where: 'reply' }] });
  });

  it('is found in a reply that was too large, and in one whose caller went away', async () => {
    const huge = { id: 'a', tool: 'bash', arguments: `${wireKey}${'a'.repeat(300 * 1024)}` };
    wire.next(say('', { toolCalls: [huge], pieceChars: 4_096 }));
    const large = await callOnce(wire, { provider: 'openai' }, { tools });
    expect(large).toMatchObject({ ok: false, failure: 'too-large', secrets: [{ ...found, where: 'reply' }] });
    wire.next(say(`my key is ${wireKey} ${'x'.repeat(1_000)}`, { pieceDelayMs: 20 }));
    const controller = new AbortController();
    let heard = '';
    const onDelta = (delta: ReplyDelta): void => {
      if (delta.kind === 'text') heard += delta.text;
      if (heard.includes(wireKey)) controller.abort();
    };
    const away = await callOnce(wire, { provider: 'openai' }, { signal: controller.signal }, { onDelta });
    expect(away).toMatchObject({ ok: false, failure: 'aborted', secrets: [{ ...found, where: 'reply' }] });
  });
});
