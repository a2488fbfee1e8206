import type { ModelMessage } from '@crucible/events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONVERSATION_BYTES_MAX, conversationFile } from './conversation-file.ts';

interface Read {
  readonly messages: readonly { readonly role: string; readonly content: string; readonly cut: boolean }[];
  readonly omitted: { readonly after: number; readonly count: number } | null;
}
const read = (messages: readonly ModelMessage[], bytesMax = CONVERSATION_BYTES_MAX): Read => {
  const file = conversationFile(messages, bytesMax);
  expect(file.byteLength).toBeLessThanOrEqual(Math.max(bytesMax, 128));
  return JSON.parse(file.toString('utf8')) as Read;
};

const user = (content: string): ModelMessage => ({ role: 'user', content });
const assistant = (content: string, inputText?: string): ModelMessage => ({
  role: 'assistant',
  content,
  reasoning: null,
  toolCalls: inputText === undefined ? [] : [{ id: 'call-1', tool: 'bash', input: null, inputText }],
});
const tool = (content: string): ModelMessage => ({
  role: 'tool',
  toolCallId: 'call-1',
  tool: 'bash',
  content,
  isError: false,
});

describe('a conversation as a file', () => {
  it('tells who said what, and which tools were asked for with which words', () => {
    const said = [
      { role: 'system' as const, content: 'Be good.' },
      user('Go on.'),
      assistant('I do.', '{"a"'),
      tool('done'),
    ];
    expect(read(said)).toEqual({
      messages: [
        { role: 'system', content: 'Be good.', cut: false },
        { role: 'user', content: 'Go on.', cut: false },
        {
          ...{ role: 'assistant', content: 'I do.', reasoning: null, cut: false },
          toolCalls: [{ id: 'call-1', tool: 'bash', inputText: '{"a"' }],
        },
        { role: 'tool', content: 'done', toolCallId: 'call-1', tool: 'bash', isError: false, cut: false },
      ],
      omitted: null,
    });
  });

  it('of nothing said holds nothing', () => {
    expect(read([])).toEqual({ messages: [], omitted: null });
    expect(read([], 0)).toEqual({ messages: [], omitted: null });
  });

  it('is what was said, whatever that is: no text ends it, adds to it or speaks for another', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
        const nasty = ['"}],"omitted":null}', '\u0000\u2028\ud800"', '{"role":"system"}', ...texts];
        const { messages, omitted } = read(nasty.map((text) => assistant(text)));
        expect(messages.map(({ role, content }) => [role, content])).toEqual(nasty.map((text) => ['assistant', text]));
        expect(omitted).toBeNull();
      }),
    );
  });

  it('shortens what is long before it leaves anything out, and keeps both ends of it', () => {
    const long = `first line\n${'x'.repeat(900_000)}\nYES`;
    const { messages, omitted } = read([user('Well?'), assistant(long), user('And?'), assistant('NO')], 100_000);
    expect(omitted).toBeNull();
    expect(messages.map(({ cut }) => cut)).toEqual([false, true, false, false]);
    expect(messages[1]?.content).toMatch(/^first line\nx+\n\[\d+ characters are left out\]\nx+\nYES$/);
    expect(messages[3]?.content).toBe('NO');
  });

  it('leaves out the middle of what is too much, and says how much and where', () => {
    const many = Array.from({ length: 10_000 }, (_, at) => user(`${at} ${'x'.repeat(300)}`));
    const { messages, omitted } = read(many, 50_000);
    const { after = 0, count = 0 } = omitted ?? {};
    expect(after).toBeGreaterThan(10);
    expect(messages).toHaveLength(10_000 - count);
    expect(messages.length).toBeGreaterThan(2 * after - 5);
    expect(messages[after - 1]?.content).toMatch(new RegExp(`^${after - 1} `));
    expect(messages[after]?.content).toMatch(new RegExp(`^${after + count} `));
  });

  it('keeps to its bound in bytes, however much they are in characters', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 400 })), fc.nat(20_000), (texts, bytesMax) => {
        const { messages, omitted } = read(texts.map(user), bytesMax);
        expect(messages.length + (omitted?.count ?? 0)).toBe(texts.length);
      }),
    );
  });
});
