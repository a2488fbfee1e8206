import type { SandboxSpec } from '../../sandbox/port.ts';
import type { ModelMessage } from '@crucible/events';
import { say, type WireServer, wireBroker } from '@crucible/models/testing';
import { describe, expect, it, vi } from 'vitest';
import { agentSuite, Bench } from '../bench.fixture.ts';
import type { FakeScoring } from '../bench.fixture.ts';
import { onWire } from '../wire.fixture.ts';

// Whole trials, each with all the rules there are.
vi.setConfig({ testTimeout: 60_000 });

let wire: WireServer;
const keep = onWire((server) => (wire = server));

const MiB = 1024 * 1024;
const right = '{"value": 1, "explanation": "so it is"}';

/** A trial judged by a program, and what that program was given. */
const judged = async (prints: string, files: Readonly<Record<string, string>> = {}) => {
  const given: SandboxSpec[] = [];
  const scoring: FakeScoring = (spec) => {
    given.push(spec);
    return prints;
  };
  const input = 'Read notes.txt and submit what it says.';
  const suite = agentSuite(
    {},
    {
      sandbox: { disk: '1MiB' },
      dataset: { samples: [{ id: 'one', input, files }] },
      scorers: [{ kind: 'program', language: 'python', source: 'pass' }],
    },
  );
  const broker = wireBroker(wire, { provider: 'openai', limits: { outputTokensMax: 100 } });
  const end = await keep(new Bench({ broker, model: 'wire/openai', suite, scoring })).trial();
  const file = (path: string): Buffer =>
    Buffer.from(given[0]?.files.find((each) => each.path === path)?.content ?? Buffer.alloc(0));
  return { end, given, file };
};

const script = (): void =>
  wire.next(
    say('I read it.', {
      toolCalls: [{ tool: 'bash', arguments: '{"command":"cat notes.txt"}' }],
      finishReason: 'tool-calls',
    }),
    say('forty-two'),
  );

describe('a scoring program', () => {
  it('is given the answer, the conversation and the final files', async () => {
    script();
    const { end, given, file } = await judged(right, { 'notes.txt': 'forty-two' });
    expect(end.scores).toMatchObject([{ scorer: 'program', value: 1, explanation: 'so it is' }]);
    expect(given.map(({ files }) => files.map(({ path }) => path))).toEqual([
      ['score.py', 'answer.txt', 'left-out.json', 'files/notes.txt', 'conversation.json'],
    ]);
    expect(JSON.parse(file('left-out.json').toString())).toEqual({ complete: true, entries: [], omitted: 0 });
    expect(file('answer.txt').toString()).toBe('forty-two');
    const { messages } = JSON.parse(file('conversation.json').toString()) as { messages: ModelMessage[] };
    expect(messages).toMatchObject([
      { role: 'user', content: expect.stringContaining('notes.txt') as string },
      {
        role: 'assistant',
        content: 'I read it.',
        toolCalls: [{ tool: 'bash', inputText: '{"command":"cat notes.txt"}' }],
      },
      { role: 'tool', tool: 'bash', content: expect.stringContaining('forty-two') as string },
      { role: 'assistant', content: 'forty-two', toolCalls: [] },
    ]);
  });

  it('finds its conversation under a name that no final file can take', async () => {
    script();
    const { file } = await judged(right, { 'conversation.json': '{"messages": []}' });
    expect(file('files/conversation.json').toString()).toBe('{"messages": []}');
    expect(JSON.parse(file('conversation.json').toString())).toMatchObject({ messages: [{}, {}, {}, {}] });
  });

  it('has room for all of it and for its own work, however much its trial left', async () => {
    script();
    const { given, file } = await judged(right, { 'notes.txt': 'x'.repeat(MiB - 1) });
    const bytes = given[0]?.files.reduce((sum, { content }) => sum + content.byteLength, 0) ?? NaN;
    expect(bytes).toBeGreaterThan(MiB);
    expect(given[0]?.limits.diskBytesMax).toBe(4 * MiB);
    const whole = [1, 2, 3, 4].map(() => ({ cut: false }));
    expect(JSON.parse(file('conversation.json').toString())).toMatchObject({ messages: whole, omitted: null });
  });

  it('has the disk that the suite gives where that is enough: such sandboxes are made ahead', async () => {
    script();
    const { given } = await judged(right, { 'notes.txt': 'forty-two' });
    expect(given[0]?.limits.diskBytesMax).toBe(MiB);
  });

  it('may say that it cannot judge, and then there is no score', async () => {
    script();
    const { end } = await judged('{"value": null, "explanation": "too many files"}', { 'notes.txt': 'forty-two' });
    expect(end).toMatchObject({ outcome: 'errored', scores: [], error: 'could not be judged: too many files' });
  });

  it.each(['', 'no verdict', '{"value": 2}'])('that prints %j gives nothing', async (prints) => {
    script();
    const { end } = await judged(prints, { 'notes.txt': 'forty-two' });
    expect(end.scores).toMatchObject([{ value: 0, explanation: expect.stringContaining('last line') as string }]);
  });
});
