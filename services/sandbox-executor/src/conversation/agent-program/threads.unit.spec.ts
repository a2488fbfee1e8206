import type { ModelMessage } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { Threads } from './threads.ts';

const user = (content: string): ModelMessage => ({ role: 'user', content });
const reply = (content: string, more: object = {}): ModelMessage => ({
  role: 'assistant',
  content,
  reasoning: null,
  toolCalls: [],
  ...more,
});

/** Puts on record what is new of a conversation. @returns how much was new */
const tell = (threads: Threads, messages: readonly ModelMessage[], from: number): number => {
  let known = threads.of(messages);
  const fresh = messages.slice(known.count);
  for (const [at, message] of fresh.entries()) known = threads.add(known, message, from + at);
  return fresh.length;
};

describe('conversations of a program', () => {
  it('go on where they were, whatever else was said meanwhile', () => {
    const threads = new Threads();
    const one = [user('a'), reply('b')];
    expect(tell(threads, one, 1)).toBe(2);
    expect(tell(threads, [user('other')], 3)).toBe(1);
    expect(tell(threads, [...one, user('c')], 4)).toBe(1);
    expect(threads.of([...one, user('c')])).toMatchObject({ count: 3, record: 4 });
    expect(threads.of([user('other'), user('more')])).toMatchObject({ count: 1, record: 3 });
  });

  it('are new from the first word that is another one', () => {
    const threads = new Threads();
    tell(threads, [user('a'), reply('b'), user('c')], 1);
    expect(threads.of([user('A'), reply('b'), user('c')]).count).toBe(0);
    expect(threads.of([user('a'), reply('B'), user('c')]).count).toBe(1);
    expect(threads.of([user('c')]).count).toBe(0);
    // The border between two messages is no word of either.
    expect(threads.of([user('a'), user('b')]).count).toBe(1);
  });

  it('know a reply again by what comes back of it', () => {
    const threads = new Threads();
    const toolCalls = [{ id: '1', tool: 'look', input: { a: 1 }, inputText: '{"a":1}' }];
    tell(threads, [user('a'), reply('b', { reasoning: 'hm', toolCalls })], 1);
    const back = reply('b', { toolCalls: [{ ...toolCalls[0], input: null }] });
    expect(threads.of([user('a'), back])).toMatchObject({ count: 2, record: 2 });
    const forged = reply('b', { toolCalls: [{ ...toolCalls[0], inputText: '{"a":2}' }] });
    expect(threads.of([user('a'), forged]).count).toBe(1);
  });
});
