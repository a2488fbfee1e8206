import type { EvaluationId, LiveItem, TrialId } from '@crucible/events';
import { liveMessageSchema } from '@crucible/events';
import { refuse, say, wireBroker, wireKey, type WireServer } from '@crucible/models/testing';
import type { WireReply } from '@crucible/models/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { agentSuite, Bench } from './bench.fixture.ts';
import type { BenchOptions } from './bench.fixture.ts';
import { LiveTrial } from './live.ts';
import { onWire } from './wire.fixture.ts';

const broker = (wire: WireServer) => wireBroker(wire, { provider: 'openai-compatible' });
const textOf = (items: readonly LiveItem[], kind: string, attempt = 1): string =>
  items
    .flatMap((item) => (item.type === 'delta' && item.kind === kind && item.attempt === attempt ? [item.text] : []))
    .join('');

describe('a trial whose model replies slowly', () => {
  let wire: WireServer;
  const keep = onWire((server) => (wire = server));

  const run = async (replies: readonly WireReply[], options: Partial<BenchOptions> = {}) => {
    wire.next(...replies);
    const bench = keep(
      new Bench({ broker: broker(wire), model: 'wire/openai-compatible', suite: agentSuite(), ...options }),
    );
    const end = await bench.trial();
    return { bench, end, items: bench.live.flat() };
  };
  const submit = (answer: string, more = {}) =>
    say('', { toolCalls: [{ id: 'c', tool: 'submit', arguments: JSON.stringify({ answer }) }], ...more });
  const long = 'It will be seen, piece by piece, as it comes in. '.repeat(4);

  it(
    'shows text, reasoning and tool calls as they come, and says when they are on record',
    { timeout: 60_000 },
    async () => {
      const first = { pieceDelayMs: 15, reasoning: 'I think aloud, for a while.', pieceChars: 4 };
      const { items, bench } = await run([
        say(long, { ...first, toolCalls: [{ id: 'a', tool: 'bash', arguments: '{"command":"cat notes.txt"}' }] }),
        submit('forty-two', { delayMs: 300 }),
      ]);
      const turn = items.filter((item) => item.turn === 1);
      const told = textOf(turn, 'text');
      expect(told.length).toBeGreaterThan(20);
      expect(long.startsWith(told)).toBe(true);
      expect(turn.at(-1)).toEqual({ type: 'whole', turn: 1 });
      expect(textOf(turn, 'reasoning')).not.toBe('');
      expect(bench.live.every((message) => liveMessageSchema.safeParse({ items: message }).success)).toBe(true);
    },
  );

  it('throws away what was told of a reply that broke', { timeout: 60_000 }, async () => {
    const { items, end } = await run([
      say(long, { pieceDelayMs: 20, breakAfterBytes: 1_500 }),
      submit('forty-two', { pieceDelayMs: 50, pieceChars: 2 }),
    ]);
    expect(end).toMatchObject({ reason: 'completed' });
    const at = items.findIndex((item) => item.type === 'reset');
    expect(items[at]).toEqual({ type: 'reset', turn: 1, attempt: 2 });
    expect(textOf(items.slice(0, at), 'text', 1)).not.toBe('');
    expect(textOf(items.slice(at), 'text', 1)).toBe('');
    expect(textOf(items.slice(at), 'tool-call', 2)).toMatch(/^submit \{"ans/);
  });

  it('throws it away as well when there is no reply in the end', { timeout: 60_000 }, async () => {
    const { items } = await run([say(long, { pieceDelayMs: 20, breakAfterBytes: 1_500 }), refuse(400, 'no')]);
    // The second attempt told nothing: what the first did is void since it broke.
    expect(items.filter(({ type }) => type === 'reset')).toEqual([{ type: 'reset', turn: 1, attempt: 2 }]);
    expect(items.some(({ type }) => type === 'whole')).toBe(false);
  });

  it(
    'says while its provider takes no call why nothing comes, and when one is under way',
    { timeout: 60_000 },
    async () => {
      const { items, bench } = await run([refuse(429, 'slow down', { 'retry-after-ms': '2500' }), submit('forty-two')]);
      const waits = items.flatMap((item) => (item.type === 'waits' ? [item] : []));
      expect(waits.length).toBeGreaterThanOrEqual(2);
      expect(waits[0]).toMatchObject({ turn: 1, account: { provider: 'openai-compatible', inFlight: 0 } });
      expect(waits[0]?.account?.pausedMs).toBeGreaterThan(0);
      expect(waits[0]?.account?.effective).toBeLessThan(waits[0]?.account?.concurrencyMax ?? 0);
      expect(waits.at(-1)).toEqual({ type: 'waits', turn: 1, account: null });
      expect(bench.live.every((message) => liveMessageSchema.safeParse({ items: message }).success)).toBe(true);
    },
  );

  it('says nothing of a wait that nobody would notice', { timeout: 60_000 }, async () => {
    const { items } = await run([submit('forty-two', { delayMs: 1_500 })]);
    expect(items.filter(({ type }) => type === 'waits')).toEqual([]);
  });

  it('shows nothing of a key of ours', { timeout: 60_000 }, async () => {
    const { items, end } = await run([
      say(`The key is ${wireKey.split('').join(' ')} and I go on talking.`, { pieceDelayMs: 30, pieceChars: 3 }),
    ]);
    expect(end.reason).not.toBe('model-failure');
    const told = textOf(items, 'text');
    expect(told).toMatch(/^The key i/);
    expect(told).not.toContain('s k - w');
    expect(told).not.toContain('talking');
  });
});

describe('what is told', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  const place = { evaluationId: 'e' as EvaluationId, trialId: '0-1-1' as TrialId };
  const open = () => {
    const messages: (readonly LiveItem[])[] = [];
    const guard = () => ({ push: (text: string) => text, found: null }) as never;
    const stored = () => Promise.resolve();
    const trial = new LiveTrial({
      place,
      replies: { tell: (_, { items }) => void messages.push(items) },
      guard,
      stored,
    });
    return { messages, trial };
  };

  it('is told at once, and then ten times a second at most', async () => {
    const { messages, trial } = open();
    const reply = trial.reply(1);
    for (let at = 0; at < 1_000; at += 1) {
      reply.take({ kind: 'text', text: 'a' });
      await vi.advanceTimersByTimeAsync(1);
      if (at === 0) expect(messages.length).toBe(1);
    }
    await vi.advanceTimersByTimeAsync(200);
    expect(messages.length).toBeLessThanOrEqual(12);
    expect(textOf(messages.flat(), 'text')).toBe('a'.repeat(1_000));
    trial.close();
  });

  it('is bounded, a message and what waits, whatever a model sends at once', async () => {
    const { messages, trial } = open();
    const reply = trial.reply(1);
    for (let at = 0; at < 100; at += 1) reply.take({ kind: 'text', text: '\u0001'.repeat(10_000) });
    await vi.advanceTimersByTimeAsync(60_000);
    for (const items of messages) expect(JSON.stringify({ items }).length).toBeLessThan(64 * 1024);
    expect(textOf(messages.flat(), 'text').length).toBeLessThanOrEqual(160 * 1024);
    trial.close();
  });

  it('leaves out what its record has taken the place of', async () => {
    const { messages, trial } = open();
    for (const turn of [1, 2, 3]) {
      const reply = trial.reply(turn);
      reply.take({ kind: 'text', text: 'first' });
      reply.take({ kind: 'text', text: 'second' });
      reply.whole();
      await vi.advanceTimersByTimeAsync(0);
    }
    await vi.advanceTimersByTimeAsync(1_000);
    expect(messages).toEqual([
      [{ type: 'delta', turn: 1, attempt: 1, kind: 'text', after: 0, text: 'first' }],
      [1, 2, 3].map((turn) => ({ type: 'whole', turn })),
    ]);
    trial.close();
  });

  it('tells calls of tools apart, also when their pieces come by turns', async () => {
    const { messages, trial } = open();
    const reply = trial.reply(1);
    for (const id of ['a', 'b']) reply.take({ kind: 'tool-call', id, tool: 'bash' });
    for (const id of ['a', 'b']) reply.take({ kind: 'tool-input', id, text: `{"${id}` });
    await vi.advanceTimersByTimeAsync(200);
    expect(textOf(messages.flat(), 'tool-call')).toBe('bash \nbash \n{"a\n{"b');
    trial.close();
  });

  it('says of each piece what was told before it, also where it was cut for its length', async () => {
    const { messages, trial } = open();
    const reply = trial.reply(1);
    reply.take({ kind: 'text', text: 'a' });
    reply.take({ kind: 'text', text: 'b'.repeat(10_000) });
    reply.take({ kind: 'text', text: 'c' });
    await vi.advanceTimersByTimeAsync(1_000);
    const told = messages.flat().flatMap((item) => (item.type === 'delta' ? [[item.after, item.text.length]] : []));
    expect(told).toEqual([
      [0, 1],
      [1, 8_192],
      [8_193, 1_809],
    ]);
    trial.close();
  });

  it('is nothing any more once its trial is over', async () => {
    const { messages, trial } = open();
    const reply = trial.reply(1);
    reply.take({ kind: 'text', text: 'a' });
    reply.take({ kind: 'text', text: 'b' });
    trial.close();
    reply.take({ kind: 'text', text: 'c' });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(messages.length).toBe(1);
  });
});
