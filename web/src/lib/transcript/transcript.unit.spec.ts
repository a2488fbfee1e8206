import type { CallView, EvidenceRecord } from '@crucible/api';
import type { CrucibleEvent, TrialId } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { entryOf, keptCharsMax, wholeOf, wordsOf } from './entries.ts';
import { LiveReply, growingCharsMax } from './live-reply.ts';
import { marksBetween, marksOf, TrialMarks } from './marks.ts';
import type { Mark } from './marks.ts';
import { callsByRecord, pageEntries, Pages, turnsOf } from './pages.ts';
import { foundPerRunMax, Search, stepFound } from './search.ts';
import type { SearchState } from './search.ts';
import { spansOf } from './text.ts';

const said = (n: number, content: string, more: object = {}): EvidenceRecord => ({
  n,
  at: n * 10,
  turn: n,
  kind: 'message',
  by: 'suite',
  message: { role: 'user', content },
  ...more,
});
const reply = (n: number, toolCalls: object[], more: object = {}): EvidenceRecord =>
  said(n, '', { by: 'subject', message: { role: 'assistant', content: 'ok', reasoning: null, toolCalls, ...more } });

describe('an entry', () => {
  it('keeps the beginning of whatever was said, and how long it was', () => {
    const { content } = entryOf(said(1, 'x'.repeat(900_000)));
    expect([content.text.length, content.chars]).toEqual([keptCharsMax, 900_000]);
    const call = { id: 'a', tool: 'bash', input: { command: 'y'.repeat(50_000) }, inputText: '{…}' };
    const [kept] = entryOf(reply(2, [call])).calls;
    expect(kept?.named?.[0]?.[1]).toMatchObject({ chars: 50_000 });
    expect(
      JSON.stringify(
        entryOf(
          reply(
            2,
            Array.from({ length: 64 }, () => call),
          ),
        ),
      ).length,
    ).toBeLessThan(64 * 7_000);
  });

  it('shows arguments by name, and what is no object as it was sent', () => {
    const call = (input: unknown, inputText: string) => ({ id: 'a', tool: 't', input, inputText });
    expect(entryOf(reply(1, [call({ a: 'x\ny', b: [1] }, '{}')])).calls[0]?.named).toEqual([
      ['a', { text: 'x\ny', chars: 3 }],
      ['b', { text: '[\n  1\n]', chars: 7 }],
    ]);
    expect(entryOf(reply(1, [call(null, 'no JSON')])).calls[0]).toMatchObject({
      named: null,
      input: { text: 'no JSON', chars: 7 },
    });
  });

  it('tells who speaks, the models that play or judge among them', () => {
    const aside = (role: string) => ({ ...said(3, ''), kind: 'aside', role, message: { role: 'user', content: 'q' } });
    expect([entryOf(aside('user')).voice, entryOf(aside('grader')).voice, entryOf(said(1, '')).voice]).toEqual([
      'simulated',
      'grader',
      'suite',
    ]);
  });

  it('is shown as what it is when it is of no form', () => {
    expect(entryOf({ n: 'x', kind: 'message' })).toMatchObject({ n: 0, role: 'unreadable', voice: 'platform' });
  });

  it('gives its whole text, part by part', () => {
    const record = reply(1, [{ id: 'a', tool: 't', input: { path: 'p' }, inputText: '{"path":"p"}' }]);
    expect(wholeOf(record, { kind: 'argument', callId: 'a', name: 'path' })).toBe('p');
    expect(wholeOf(record, { kind: 'input', callId: 'a' })).toBe('{"path":"p"}');
    expect([wholeOf(record, { kind: 'content' }), wholeOf(record, { kind: 'reasoning' })]).toEqual(['ok', null]);
    expect(wholeOf(record, { kind: 'argument', callId: 'b', name: 'path' })).toBeNull();
  });
});

describe('hostile text', () => {
  it('has colours from a fixed set, and what hides or reorders is seen', () => {
    const spans = spansOf('\u001b[31mred\u001b[0m \u001b]8;;http://x\u0007link\u001b[2J\u202egnp\u0000\r\n<b>');
    expect(spans.map(({ text, classes }) => [text, classes])).toEqual([
      ['red', 'sgr-1'],
      [' ', ''],
      ['link', ''],
      ['\\u202egnp\u2400\n<b>', ''],
    ]);
    // A sequence that never ends is text.
    expect(spansOf('\u001b]8;;never').map(({ text }) => text)).toEqual(['\u241b]8;;never']);
  });

  it('is marked where it holds what is looked for, whatever its case', () => {
    expect(
      spansOf('a Flag and a FLAG', 'flag')
        .map(({ text, isFound }) => (isFound ? `[${text}]` : text))
        .join(''),
    ).toBe('a [Flag] and a [FLAG]');
  });

  it('makes a bounded number of nodes', () => {
    const spans = spansOf('\u001b[31ma\u001b[32mb'.repeat(50_000));
    expect(spans.length).toBeLessThan(3_000);
    expect(spans.map(({ text }) => text).join('')).toHaveLength(100_000);
  });
});

const eventAt = (atMs: number, type: string, data: object): CrucibleEvent =>
  ({ type, time: new Date(atMs).toISOString(), actor: 'user:ann', data: { trialId: '0-1-1', ...data } }) as never;
const markAt = (at: number): Mark => ({ key: String(at), at }) as Mark;

describe('marks', () => {
  const asked = eventAt(1_000, 'crucible.trial.approval-requested.v1', { tool: 'ba\u202esh', excerpt: '{}' });

  it('are made of the events of one trial, by their times, each once', () => {
    const decision = { kind: 'modify', inputText: '{"a":1}' };
    const entries = [
      { position: 5, event: asked },
      { position: 6, event: { ...asked, data: { ...asked.data, trialId: '1-1-1' } } as never },
      { position: 7, event: null },
      { position: 8, event: eventAt(900, 'crucible.trial.approval-decided.v1', { decision, reason: 'safer' }) },
    ];
    const marks = new TrialMarks('0-1-1' as TrialId);
    expect(marks.take(entries.slice(0, 2))).toHaveLength(1);
    const all = marks.take(entries);
    expect(all.map(({ position }) => position)).toEqual([8, 5]);
    expect(all[0]).toMatchObject({ by: 'user:ann', code: '{"a":1}', title: 'Approved with other arguments' });
    expect(all[1]).toMatchObject({ title: 'ba\\u202esh waits for approval' });
    expect(marks.take(entries)).toBe(all);
  });

  it('leave out calls that have a reply to stand beside, and tell those that have none', () => {
    const call = (result: object) =>
      marksOf({
        position: 1,
        event: eventAt(0, 'crucible.trial.model-called.v2', { role: 'subject', model: 'm', latencyMs: 5, result }),
      });
    expect(call({ status: 'replied', finishReason: 'stop' })).toEqual([]);
    expect(call({ status: 'failed', failure: 'timeout', detail: 'slow' })).toMatchObject([
      { title: 'No reply: timeout', about: 'm, 5 ms: slow' },
    ]);
  });

  it('tell of an alert by the title of its rule, in its severity; its words are a guest’s', () => {
    const alert = (severity: string) => {
      const rule = { id: 'page-injection', version: 1, title: 'Meant for the \u202epage', digest: 'd' };
      const event = eventAt(0, 'crucible.alert.raised.v1', {
        rule,
        summary: '<b>said</b>',
        severity,
        response: 'alert',
      });
      return marksOf({ position: 9, event });
    };
    expect(alert('medium')).toEqual([
      {
        key: '9-0',
        at: 0,
        position: 9,
        kind: 'alert',
        title: 'Meant for the \\u202epage',
        about: '<b>said</b>',
        by: null,
        severity: 'medium',
        code: null,
      },
    ]);
    expect(['low', 'high', 'critical'].map((severity) => alert(severity)[0]?.severity)).toEqual([
      'low',
      'high',
      'critical',
    ]);
  });

  it('stand between the records by the clock; one of the same millisecond behind its cause', () => {
    const marks = [10, 20, 20, 35, 90].map(markAt);
    const between = (from: number | null, to: number | null): number[] =>
      marksBetween(marks, from, to).map(({ at }) => at);
    expect(between(null, 20.7)).toEqual([10]);
    expect(between(20.7, 21)).toEqual([20, 20]);
    expect(between(21, 35.2)).toEqual([]);
    expect(between(35.2, null)).toEqual([35, 90]);
    expect(between(null, null)).toHaveLength(5);
  });

  it('are each in exactly one gap', () => {
    const records = Array.from({ length: 500 }, (_, index) => index * 3.7);
    const marks = Array.from({ length: 900 }, (_, index) => markAt(index * 2));
    const gaps = [null, ...records].map((from, index) => marksBetween(marks, from, records[index] ?? null));
    expect(gaps.flat()).toEqual(marks);
  });
});

const entries = (from: number, count: number) =>
  Array.from({ length: count }, (_, offset) => entryOf(said(from + offset + 1, 'x')));

describe('pages of a transcript', () => {
  const page = (number: number, count = pageEntries) => ({
    entries: entries(number * pageEntries, count),
    beforeMs: number === 0 ? null : number * pageEntries * 10,
    calls: new Map<number, CallView[]>(),
  });

  it('find entries, and the time of the one before, across their edges', () => {
    const pages = new Pages();
    pages.put(2, page(2));
    expect([pages.entry(205)?.n, pages.entry(100), pages.beforeMs(205), pages.beforeMs(200)]).toEqual([
      206,
      undefined,
      2_050,
      2_000,
    ]);
    expect([pages.beforeMs(0), pages.beforeMs(150)]).toEqual([null, undefined]);
  });

  it('name what is missing: a page that is not here, or that has grown', () => {
    const pages = new Pages();
    pages.put(0, page(0));
    pages.put(1, page(1, 40));
    expect(pages.missing(50, 260, 400)).toEqual([1, 2]);
    expect(pages.missing(0, 140, 140)).toEqual([]);
    expect(pages.missing(0, 141, 141)).toEqual([1]);
    expect(pages.missing(0, 10, 0)).toEqual([]);
  });

  it('are few at a time: those that were looked at last', () => {
    const pages = new Pages();
    for (let number = 0; number < 16; number += 1) pages.put(number, page(number, 1));
    pages.get(0);
    pages.put(16, page(16, 1));
    expect([pages.size, pages.entry(0)?.n, pages.entry(100)]).toEqual([16, 1, undefined]);
  });

  it('know the turns to ask calls of, and the record each call stands at', () => {
    expect([turnsOf(entries(3, 4)), turnsOf([])]).toEqual([{ from: 4, to: 7 }, null]);
    const calls = [
      { kind: 'model', records: { request: 1, reply: 2 } },
      { kind: 'tool', records: { result: 3 } },
      { kind: 'model', records: { request: 1, reply: null } },
    ] as CallView[];
    expect([...callsByRecord(calls)].map(([record, beside]) => [record, beside.length])).toEqual([
      [2, 1],
      [3, 1],
    ]);
  });
});

describe('searching', () => {
  const records = Array.from({ length: 3_000 }, (_, index) => said(index + 1, index % 3 === 0 ? 'A Needle' : 'hay'));
  const perRead = 400;
  const searchOf = (text: string, all = records) => {
    let reads = 0;
    const states: SearchState[] = [];
    const read = (from: number) => {
      reads += 1;
      return Promise.resolve({ records: all.slice(from, from + perRead), index: from, matching: all.length });
    };
    const search = new Search(text, read, (state) => states.push(state));
    return { search, states, reads: () => reads };
  };

  it('finds every place, stops when there is enough, and goes on when asked', async () => {
    const { search, states } = searchOf('needle');
    await search.run();
    const first = states.at(-1);
    expect(first).toMatchObject({ isRunning: false, total: 3_000 });
    expect(first?.found.length).toBeGreaterThanOrEqual(foundPerRunMax);
    expect(first?.searched).toBeLessThan(3_000);
    await search.run();
    expect(states.at(-1)).toMatchObject({ searched: 3_000, isRunning: false });
    expect(states.at(-1)?.found).toEqual(Array.from({ length: 1_000 }, (_, index) => index * 3));
  });

  it('reads what was thought, called and answered, escapes or not', () => {
    const call = { id: 'a', tool: 'bash', input: { command: 'cat\tx' }, inputText: '{"command":"cat\\tx"}' };
    const words = wordsOf(reply(1, [call], { reasoning: 'hm' }));
    expect(['hm', 'ok', 'bash', 'cat\tx', 'cat\\tx'].every((word) => words.includes(word))).toBe(true);
  });

  it('ends when it is stopped, and on a transcript of nothing', async () => {
    const { search, reads } = searchOf('needle');
    search.stop();
    await search.run();
    expect(reads()).toBe(0);
    const nothing = searchOf('x', []);
    await nothing.search.run();
    expect(nothing.states.at(-1)).toEqual({ found: [], searched: 0, total: 0, isRunning: false });
  });

  it('steps through what it found, around the ends', () => {
    expect([stepFound([3, 9], -1, 1), stepFound([3, 9], 9, 1), stepFound([3, 9], 3, -1), stepFound([], 0, 1)]).toEqual([
      3,
      3,
      9,
      null,
    ]);
  });
});

describe('a reply that grows', () => {
  const delta = (turn: number, attempt: number, text: string, kind: 'text' | 'reasoning' | 'tool-call' = 'text') => ({
    turn,
    attempt,
    kind,
    after: 0,
    text,
  });

  it('says that its beginning is missing where nobody heard it', () => {
    const live = new LiveReply();
    live.add({ ...delta(1, 1, 'and so on'), after: 40 });
    expect(live.growing).toMatchObject({ text: 'and so on', isCut: true });
    live.add(delta(2, 1, 'all of it'));
    expect(live.growing).toMatchObject({ text: 'all of it', isCut: false });
  });

  it('grows by kind, and gives way to its record', () => {
    const live = new LiveReply();
    live.add(delta(1, 1, 'hm', 'reasoning'));
    live.add(delta(1, 1, 'Hel'));
    live.add(delta(1, 1, 'lo'));
    live.add(delta(1, 1, '{"a"', 'tool-call'));
    expect(live.growing).toMatchObject({ turn: 1, reasoning: 'hm', text: 'Hello', toolCall: '{"a"' });
    live.settle(1);
    expect(live.growing).toBeNull();
    // Late words of a turn that is on record are not shown again.
    live.add(delta(1, 1, 'late'));
    expect(live.growing).toBeNull();
  });

  it('begins anew with a new attempt, and drops what comes of an old one', () => {
    const live = new LiveReply();
    live.add(delta(2, 1, 'broken'));
    live.reset(2, 2);
    live.add(delta(2, 1, 'late'));
    live.reset(2, 1);
    live.add(delta(2, 2, 'good'));
    expect(live.growing).toMatchObject({ attempt: 2, text: 'good' });
    live.add(delta(3, 1, 'next'));
    expect(live.growing).toMatchObject({ turn: 3, text: 'next' });
  });

  it('waits for its provider until something comes, its call is under way, or its turn is on record', () => {
    const live = new LiveReply();
    const account = { provider: 'p', effective: 4, concurrencyMax: 32, waiting: 2, pausedMs: 0 };
    const ends = [
      () => live.wait({ turn: 2, account: null }),
      () => live.add(delta(2, 1, 'word')),
      () => live.clear(),
      () => live.settle(2),
      () => live.wait({ turn: 2, account }),
    ];
    for (const end of ends) {
      live.wait({ turn: 2, account });
      // Of a turn that is on record nothing is waited for any more.
      expect(live.waiting).toEqual(end === ends.at(-1) ? null : { turn: 2, account });
      end();
      expect(live.waiting).toBeNull();
    }
  });

  it('is bounded: the newest of it stays', () => {
    const live = new LiveReply();
    for (let index = 0; index < 100; index += 1) live.add(delta(1, 1, `${index} `.repeat(500)));
    expect(live.growing?.text.length).toBe(growingCharsMax);
    expect(live.growing?.text.endsWith('99 ')).toBe(true);
    expect(live.growing?.isCut).toBe(true);
  });
});
