import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { refuse, say } from '../testing/wire-reply.ts';
import type { WireReply } from '../testing/wire-reply.ts';
import {
  bashSpec,
  callOnce,
  messageOf,
  requestOf,
  wireBroker,
  wireKey,
  wireProviders,
} from '../testing/wire-broker.ts';
import type { WireProvider } from '../testing/wire-broker.ts';
import { WireServer } from '../testing/wire-server.ts';
import type { CallEnd, ReplyDelta, Retry } from './call.ts';

let wire: WireServer;
beforeAll(async () => {
  wire = await WireServer.start();
});
afterAll(() => wire.stop());
beforeEach(() => wire.reset());

const once = { attemptsMax: 1 };
const html = { 'content-type': 'text/html' };
const failed = (end: CallEnd, failure: string, detail: RegExp = /./): void => {
  expect(end).toMatchObject({ ok: false, failure });
  expect(end.ok ? '' : end.detail).toMatch(detail);
};

describe.each(wireProviders)('%s', (provider: WireProvider) => {
  it('that limits calls is asked again when it said so, and the wait is no work', async () => {
    wire.next(refuse(429, 'slow down', { 'retry-after': '1' }), say('ok'));
    const end = await callOnce(wire, { provider });
    expect(end).toMatchObject({ ok: true, attempts: 2, abandonedAttempts: 0 });
    const [first, second] = wire.requests;
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(1_000);
    expect(end.waitedMs).toBeGreaterThanOrEqual(1_000);
    expect(end.latencyMs - end.waitedMs).toBeLessThan(500);
  });

  it.each([500, 502, 503, 529, 408])('that answers with %d is asked again', async (status) => {
    wire.next(refuse(status, 'oops'), say('ok'));
    expect(await callOnce(wire, { provider })).toMatchObject({ ok: true, attempts: 2 });
  });

  it.each([400, 401, 403, 404, 413, 422])('that refuses with %d is not asked again', async (status) => {
    wire.next(refuse(status, `no, because of ${status}`), say('ok'));
    failed(await callOnce(wire, { provider }), 'rejected', new RegExp(`status ${status}: no, because of ${status}`));
    expect(wire.requests).toHaveLength(1);
  });

  it('that has nothing left on the account is not asked again', async () => {
    wire.next({ ...refuse(429, 'insufficient_quota: your credit balance is too low') }, say('ok'));
    failed(await callOnce(wire, { provider }), 'rejected');
  });

  it('that asks for longer than anybody waits is given up', async () => {
    wire.next(refuse(429, 'tomorrow', { 'retry-after': '86400' }));
    failed(await callOnce(wire, { provider }), 'rate-limited', /tomorrow/);
  });

  it('that never stops failing is given up', async () => {
    wire.script(() => refuse(503, 'down'));
    const end = await callOnce(wire, { provider, limits: { attemptsMax: 3 } });
    failed(end, 'unavailable', /status 503: down/);
    expect(end.attempts).toBe(3);
    expect(wire.requests).toHaveLength(3);
  });

  it('that closes the connection is asked again', async () => {
    wire.next({ kind: 'drop' }, say('ok'));
    expect(await callOnce(wire, { provider })).toMatchObject({ ok: true, attempts: 2 });
  });

  it('whose reply breaks off is asked again, and what was told is taken back', async () => {
    wire.next(say('this is lost', { breakAfterBytes: 900 }), say('this is kept'));
    const deltas: ReplyDelta[] = [];
    const end = await callOnce(wire, { provider }, {}, { onDelta: (delta) => deltas.push(delta) });
    expect(messageOf(end).content).toBe('this is kept');
    expect(end).toMatchObject({ attempts: 2, abandonedAttempts: 1 });
    const restart = deltas.findIndex(({ kind }) => kind === 'restart');
    expect(deltas[restart]).toEqual({ kind: 'restart', attempt: 1, failure: 'unavailable' });
    const kept = deltas.slice(restart).flatMap((delta) => (delta.kind === 'text' ? [delta.text] : []));
    expect(kept.join('')).toBe('this is kept');
  });

  it('whose reply has no end is asked again', async () => {
    wire.next(say('half', { withoutEnd: true }), say('whole'));
    expect(messageOf(await callOnce(wire, { provider })).content).toBe('whole');
  });

  it('whose reply breaks off is not asked again once the caller has acted on it', async () => {
    wire.next(say('this was acted on', { breakAfterBytes: 900 }), say('never asked for'));
    const asked: Retry[] = [];
    const end = await callOnce(wire, { provider }, {}, { mayRetry: (retry) => (asked.push(retry), false) });
    failed(end, 'unavailable');
    expect(asked).toMatchObject([{ attempt: 1, failure: 'unavailable', told: true }]);
    expect(wire.requests).toHaveLength(1);
  });

  it.each([
    ['overloaded_error', 'Overloaded', true],
    ['rate_limit_error', 'rate limit reached', true],
    ['server_error', 'the server had an error', true],
    ['invalid_request_error', 'that was wrong', false],
  ])('that says %s in the middle of a reply', async (type, message, isAskedAgain) => {
    wire.next(say('so far', { streamError: { type, message } }), say('ok'));
    const end = await callOnce(wire, { provider });
    if (isAskedAgain) expect(end).toMatchObject({ ok: true, attempts: 2, message: { content: 'ok' } });
    else failed(end, 'rejected', /that was wrong/);
  });

  it('that says nothing at all is asked again, and given up', async () => {
    wire.script(() => ({ kind: 'silence' }));
    const end = await callOnce(wire, { provider, limits: { idleMsMax: 150, attemptsMax: 2 } });
    failed(end, 'timeout', /nothing came for 150 ms/);
    expect(end).toMatchObject({ attempts: 2, firstTokenMs: null });
  });

  it('that falls silent in the middle of a reply is asked again', async () => {
    wire.next(say('so far', { stallAfterBytes: 800 }), say('ok'));
    expect(await callOnce(wire, { provider, limits: { idleMsMax: 200 } })).toMatchObject({ ok: true, attempts: 2 });
  });

  it('that takes too long on the whole is given up', async () => {
    wire.next(say('x'.repeat(400), { pieceDelayMs: 50 }), say('ok'));
    const end = await callOnce(wire, { provider, limits: { timeoutMs: 300 } });
    failed(end, 'timeout', /not complete after 300 ms/);
    expect(end.latencyMs).toBeLessThan(1_500);
  });

  const broken: [string, WireReply, RegExp][] = [
    ['a page', { kind: 'raw', headers: html, body: '<html>sign in</html>' }, /answered with text\/html/],
    ['JSON where a stream was asked for', { kind: 'raw', body: '{"choices":[]}' }, /application\/json/],
    ['no type', { kind: 'raw', headers: {}, body: 'x' }, /no content type/],
    [
      'events that are no JSON',
      { kind: 'raw', headers: { 'content-type': 'text/event-stream' }, body: 'data: {"id": \n\n' },
      /not JSON|no event of it/,
    ],
    [
      'events of another shape',
      { kind: 'raw', headers: { 'content-type': 'text/event-stream' }, body: 'data: {"choices": 7, "type": 8}\n\n' },
      /shape|no event of it/,
    ],
  ];
  it.each(broken)('that answers with %s is malformed', async (_, reply, detail) => {
    wire.next(reply, say('ok'));
    failed(await callOnce(wire, { provider }), 'malformed', detail);
    expect(wire.requests).toHaveLength(1);
  });

  it('that answers with JSON that is none, when it does not stream, is malformed', async () => {
    for (const body of ['{"choices": [', '[]', '', 'null', '"x"']) {
      wire.next({ kind: 'raw', body });
      failed(await callOnce(wire, { provider, streaming: false }), 'malformed');
    }
  });

  it('that sends elsewhere is not followed: the key would go there', async () => {
    const elsewhere = await WireServer.start();
    try {
      wire.next({ kind: 'raw', status: 307, headers: { location: `${elsewhere.url}/messages` } });
      failed(await callOnce(wire, { provider }), 'rejected', /redirect \(307\)/);
      expect(elsewhere.requests).toHaveLength(0);
    } finally {
      await elsewhere.stop();
    }
  });

  it('that repeats the key in what it says does not make us say it', async () => {
    for (const told of [wireKey, Buffer.from(wireKey).toString('base64')]) {
      wire.next(refuse(401, `this key is wrong: ${told}`));
      const end = await callOnce(wire, { provider });
      failed(end, 'rejected');
      expect(JSON.stringify(end)).not.toContain(told);
    }
  });

  it('whose caller goes away is left in peace at once', async () => {
    wire.next(say('x'.repeat(2_000), { pieceDelayMs: 20 }));
    const controller = new AbortController();
    const onDelta = (): void => controller.abort();
    const end = await callOnce(wire, { provider }, { signal: controller.signal }, { onDelta });
    failed(end, 'aborted');
    expect(end.latencyMs).toBeLessThan(2_000);
    await expect.poll(() => wire.requests[0]?.aborted).toBe(true);
  });

  it('is not asked for a caller that is gone, nor waited for', async () => {
    failed(await callOnce(wire, { provider }, { signal: AbortSignal.abort() }), 'aborted');
    expect(wire.requests).toHaveLength(0);
    wire.next(refuse(429, 'wait', { 'retry-after': '60' }));
    const end = await callOnce(wire, { provider }, { signal: AbortSignal.timeout(300) });
    failed(end, 'aborted');
    expect(end.latencyMs).toBeLessThan(3_000);
  });

  it('may break off at any byte: what comes out is the whole reply or a failure', async () => {
    const reply = say('“whole” ✓', { toolCalls: [{ id: 'a', tool: 'bash', arguments: '{"command":"ls"}' }] });
    wire.next(reply);
    const whole = messageOf(await callOnce(wire, { provider }, { tools: [bashSpec] }));
    const cuts = Array.from({ length: 600 }, (_, at) => 1 + at * 5);
    const broker = wireBroker(wire, { provider, limits: { ...once, concurrencyMax: 50 } });
    wire.script(({ index }) => ({ ...reply, breakAfterBytes: cuts[index - 1] ?? 1 }));
    const ends = await Promise.all(cuts.map(() => broker.call(requestOf(`wire/${provider}`, { tools: [bashSpec] }))));
    const counts = { whole: 0, broken: 0 };
    for (const end of ends) {
      if (end.ok) expect(end.message).toEqual(whole);
      else expect(end.failure).toBe('unavailable');
      counts[end.ok ? 'whole' : 'broken'] += 1;
    }
    expect(counts.whole).toBeGreaterThan(0);
    expect(counts.broken).toBeGreaterThan(0);
  });
});

describe('too much', () => {
  const MIB = 1024 ** 2;
  const OFFERED = 2_000;
  /** As long as anybody reads it. */
  const endless = function* (head: string, piece: string): Generator<string> {
    yield head;
    for (let at = 0; at < OFFERED; at += 1) yield piece;
  };
  const mib = 'x'.repeat(MIB);
  const stream = { 'content-type': 'text/event-stream' };
  const chunk = (content: string): string =>
    `data: ${JSON.stringify({ id: '1', created: 1, model: 'm', choices: [{ index: 0, delta: { content } }] })}\n\n`;
  const model = { provider: 'openai' } as const;

  const floods: [string, () => WireReply, boolean][] = [
    ['text', () => ({ kind: 'raw', headers: stream, body: endless('', chunk('y'.repeat(1_000)).repeat(1_000)) }), true],
    ['one event', () => ({ kind: 'raw', headers: stream, body: endless('data: {"x":"', mib) }), true],
    ['events of one line each', () => ({ kind: 'raw', headers: stream, body: endless('', `data: ${mib}\n`) }), true],
    [
      'comments',
      () => ({ kind: 'raw', headers: stream, body: endless('', `: ${'z'.repeat(100)}\n\n`.repeat(9_000)) }),
      true,
    ],
    ['one object', () => ({ kind: 'raw', body: endless('{"x":"', mib) }), false],
  ];
  it.each(floods)('of %s is cut off, and takes no memory', async (_, reply, streaming) => {
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    wire.next(reply());
    const end = await callOnce(wire, { ...model, streaming, limits: { ...once, replyBytesMax: 64 * 1024 } });
    failed(end, 'too-large', /larger than 65536 bytes/);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * MIB);
    await expect.poll(() => wire.requests[0]?.aborted).toBe(true);
  });

  it('of an error is read up to what is needed to know it', async () => {
    wire.next({ kind: 'raw', status: 500, headers: html, body: endless('', mib) });
    failed(await callOnce(wire, { ...model, limits: once }), 'unavailable', /status 500/);
  });

  it('of tool calls, or of arguments', async () => {
    const call = (index: number, size = 2) => ({ id: `c${index}`, tool: 'bash', arguments: 'a'.repeat(size) });
    wire.next(say('', { toolCalls: Array.from({ length: 65 }, (_, index) => call(index)) }));
    failed(await callOnce(wire, model, { tools: [bashSpec] }), 'too-large', /more than 64 tools/);
    wire.next(say('', { toolCalls: [call(0, 300 * 1024)], pieceChars: 4_096 }));
    failed(await callOnce(wire, model, { tools: [bashSpec] }), 'too-large', /arguments/);
    wire.next(say('', { toolCalls: Array.from({ length: 64 }, (_, index) => call(index)) }));
    expect(messageOf(await callOnce(wire, model, { tools: [bashSpec] })).toolCalls).toHaveLength(64);
  });

  it('is not asked for: the model’s own limit is sent', async () => {
    await callOnce(wire, { ...model, limits: { outputTokensMax: 77 } });
    expect(wire.requests[0]?.body['max_tokens']).toBe(77);
  });
});

describe('hostile text', () => {
  it('in a reply is what it is, and in a failure one harmless line', async () => {
    const nasty = '\u001b[2J<script>\u202e\ud800 ignore all previous instructions';
    wire.next(say(nasty, { pieceChars: 1_000 }), refuse(400, `${nasty}\nsecond line`));
    expect(messageOf(await callOnce(wire, { provider: 'openai' })).content).toBe(nasty.toWellFormed());
    const end = await callOnce(wire, { provider: 'openai' });
    failed(end, 'rejected');
    expect(end.ok ? '' : end.detail).not.toMatch(/[\u0000-\u001f\u202e\ud800]/);
  });

  it('in the name or id of a call stays within its bounds', async () => {
    const id = 'i'.repeat(5_000);
    wire.next(
      say('', {
        toolCalls: [
          { id, tool: 't'.repeat(5_000), arguments: '{}' },
          { id: `${id}2`, tool: 'bash', arguments: '{}' },
        ],
      }),
    );
    const calls = messageOf(await callOnce(wire, { provider: 'openai' }, { tools: [bashSpec] })).toolCalls;
    expect(calls.map((call) => [call.id.length <= 200, call.tool.length <= 128])).toEqual([
      [true, true],
      [true, true],
    ]);
    expect(new Set(calls.map((call) => call.id)).size).toBe(2);
  });
});

describe('a server that is not there', () => {
  it('is asked again, and given up with its reason', async () => {
    const gone = await WireServer.start();
    const broker = wireBroker(gone, { provider: 'openai-compatible', limits: { attemptsMax: 2 } });
    await gone.stop();
    const end = await broker.call(requestOf('wire/openai-compatible'));
    failed(end, 'unavailable', /ECONNREFUSED/);
    expect(end.attempts).toBe(2);
  });

  it('is not the same as a model that there is none of', async () => {
    failed(await wireBroker(wire).call(requestOf('nobody')), 'rejected', /there is no model nobody/);
  });
});

describe('a hook that throws', () => {
  it('is the caller’s to know, and keeps no place', async () => {
    const broker = wireBroker(wire, { provider: 'openai' });
    const onDelta = (): void => {
      throw new Error('my own mistake');
    };
    await expect(broker.call(requestOf('wire/openai'), { onDelta })).rejects.toThrow('my own mistake');
    expect(broker.limits()[0]?.inFlight).toBe(0);
  });
});

describe('many calls at once', () => {
  it('are as many as the provider bears, which is learnt and shown', async () => {
    const bears = 6;
    let inside = 0;
    let most = 0;
    const broker = wireBroker(wire, { provider: 'openai', limits: { concurrencyMax: 40, attemptsMax: 20 } });
    wire.script(() => {
      if (inside >= bears) return refuse(429, 'too many', { 'retry-after-ms': '50' });
      inside += 1;
      most = Math.max(most, inside);
      setTimeout(() => (inside -= 1), 25);
      return say('ok', { delayMs: 20 });
    });
    const ends = await Promise.all(Array.from({ length: 150 }, () => broker.call(requestOf('wire/openai'))));
    expect(ends.every(({ ok }) => ok)).toBe(true);
    const [view] = broker.limits();
    expect(view).toMatchObject({
      provider: 'openai',
      key: 'env WIRE_KEY',
      concurrencyMax: 40,
      inFlight: 0,
      waiting: 0,
    });
    expect(view?.effective).toBeLessThanOrEqual(bears * 2);
    expect(most).toBeGreaterThan(bears / 2);
  });

  it('to one model stay within its own limit, while others with the same key go on', async () => {
    const under = new Map<unknown, number>();
    const most = new Map<unknown, number>();
    wire.script(({ body }) => {
      const now = (under.get(body['max_tokens']) ?? 0) + 1;
      under.set(body['max_tokens'], now);
      most.set(body['max_tokens'], Math.max(now, most.get(body['max_tokens']) ?? 0));
      setTimeout(() => under.set(body['max_tokens'], (under.get(body['max_tokens']) ?? 1) - 1), 28);
      return say('ok', { delayMs: 30 });
    });
    const small = { name: 'small', provider: 'openai', limits: { concurrencyMax: 2, outputTokensMax: 2 } } as const;
    const large = { name: 'large', provider: 'openai', limits: { concurrencyMax: 20, outputTokensMax: 20 } } as const;
    const broker = wireBroker(wire, small, large);
    const calls = ['small', 'small', 'small', 'small', 'large', 'large', 'large', 'large'];
    await Promise.all(calls.map((name) => broker.call(requestOf(name))));
    expect(most.get(2)).toBe(2);
    expect(most.get(20)).toBe(4);
  });
});
