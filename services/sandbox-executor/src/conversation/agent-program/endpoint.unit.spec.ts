import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { Called } from './calls.ts';
import type { ChatAsk } from './chat-request.ts';
import { Endpoint, endpointBounds } from './endpoint.ts';

const usage = { inputTokens: 1, outputTokens: 2, cachedInputTokens: null, reasoningTokens: null };
const replied: Called = {
  kind: 'replied',
  end: {
    ok: true,
    message: { role: 'assistant', content: 'hello', reasoning: null, toolCalls: [] },
    finishReason: 'stop',
    usage,
    costMicroUsd: null,
    warnings: [],
    latencyMs: 1,
    firstTokenMs: 1,
    waitedMs: 0,
    attempts: 1,
    abandonedAttempts: 0,
    secrets: [],
    brokenOff: [],
  },
};

const endpoints: Endpoint[] = [];
afterEach(() => {
  for (const endpoint of endpoints.splice(0)) endpoint.close();
});
const endpointOf = (call: (ask: ChatAsk, signal: AbortSignal) => Promise<Called> = () => Promise.resolve(replied)) => {
  const options = { token: 'sk-own', calls: { model: 'house', call }, newId: () => 'id', now: () => 1_000 };
  const endpoint = new Endpoint(options);
  endpoints.push(endpoint);
  return endpoint;
};
const dial = (endpoint: Endpoint): Duplex => {
  const [near, far] = duplexPair();
  near.on('error', () => undefined).on('close', () => far.destroy());
  far.on('error', () => undefined).on('close', () => near.destroy());
  endpoint.connect(far);
  return near;
};
/** All that comes until it is over, or until it holds so many answers. */
const heard = (connection: Duplex, answers = Infinity): Promise<string> =>
  new Promise((resolve) => {
    const parts: Buffer[] = [];
    const text = (): string => Buffer.concat(parts).toString('latin1');
    connection.on('data', (part: Buffer) => {
      parts.push(part);
      if (answers < Infinity && text().split('HTTP/1.1 ').length > answers) resolve(text());
    });
    connection.on('end', () => resolve(text())).on('close', () => resolve(text()));
  });
const ask = async (endpoint: Endpoint, bytes: string | Buffer, answers = 1): Promise<string> => {
  const connection = dial(endpoint);
  const all = heard(connection, answers);
  connection.write(bytes);
  return all;
};
const own = 'host: x\r\nauthorization: Bearer sk-own\r\n';
const post = (body: string, more = own): string =>
  `POST /v1/chat/completions HTTP/1.1\r\n${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const hello = JSON.stringify({ model: 'house', messages: [{ role: 'user', content: 'x' }] });

describe('an endpoint', () => {
  it('answers who has the token, and nobody else', async () => {
    const endpoint = endpointOf();
    const answered = await ask(endpoint, post(hello));
    expect(answered).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(JSON.parse(answered.split('\r\n\r\n')[1] ?? '')).toEqual({
      id: 'chatcmpl-id',
      created: 1,
      model: 'house',
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'hello', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 1,
        completion_tokens: 2,
        total_tokens: 3,
        prompt_tokens_details: { cached_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
    });
    for (const token of ['', 'authorization: Bearer sk-own2\r\n', 'authorization: sk-own\r\n', 'api-key: sk-own\r\n'])
      expect(await ask(endpoint, post(hello, `host: x\r\n${token}`)), token).toMatch(/^HTTP\/1\.1 401 /);
  });

  it.each<[string, string | Buffer, RegExp]>([
    ['what is no HTTP', Buffer.from([0x16, 3, 1, 0, 200, 1, 0, 0]), /^HTTP\/1\.1 400 /],
    ['a header without an end', `GET / HTTP/1.1\r\nx: ${'y'.repeat(40_000)}`, /^HTTP\/1\.1 4(00|31) /],
    [
      'two lengths',
      `POST /v1/chat/completions HTTP/1.1\r\n${own}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    ['a packed body', post(hello, `${own}content-encoding: gzip\r\n`), /^HTTP\/1\.1 415 [^]*unsupported_encoding/],
    ['another path', `GET /v1/files HTTP/1.1\r\n${own}\r\n`, /^HTTP\/1\.1 404 [^]*unknown_url/],
    ['a hostile path', `GET /\u001b]0;x HTTP/1.1\r\n${own}\r\n`, /^HTTP\/1\.1 4/],
    ['another method', `PUT /v1/chat/completions HTTP/1.1\r\n${own}content-length: 0\r\n\r\n`, /^HTTP\/1\.1 405 /],
    ['a body that is none', post('{'), /^HTTP\/1\.1 400 [^]*invalid_json/],
  ])('refuses %s', async (_, bytes, answer) => {
    expect(await ask(endpointOf(), bytes)).toMatch(answer);
  });

  it('keeps no more of a body than it takes', async () => {
    const bytes = endpointBounds.bodyBytesMax + 1;
    const answered = await ask(endpointOf(), post('x'.repeat(bytes)));
    expect(answered).toMatch(/^HTTP\/1\.1 413 [^]*request_too_large/);
  });

  it('takes so many calls at once, also where they come on one connection, and is free again behind them', async () => {
    const waiting: (() => void)[] = [];
    const endpoint = endpointOf(() => new Promise((resolve) => waiting.push(() => resolve(replied))));
    const held = Array.from({ length: endpointBounds.callsMax }, () => ask(endpoint, post(hello)));
    await expect.poll(() => waiting.length, { timeout: 20_000 }).toBe(endpointBounds.callsMax);
    const refused = await ask(endpoint, post(hello).repeat(3), 3);
    expect(refused.match(/rate_limit_exceeded/g)).toHaveLength(3);
    expect(refused).toContain('x-should-retry: true');
    for (const reply of waiting.splice(0)) reply();
    for (const answered of await Promise.all(held)) expect(answered).toMatch(/^HTTP\/1\.1 200 /);
    const again = ask(endpoint, post(hello));
    await expect.poll(() => waiting.length, { timeout: 20_000 }).toBe(1);
    waiting[0]?.();
    expect(await again).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('tells whoever answers that nobody waits any more', async () => {
    const signals: AbortSignal[] = [];
    const endpoint = endpointOf((_, signal) => {
      signals.push(signal);
      return new Promise(() => undefined);
    });
    const connection = dial(endpoint);
    connection.write(post(hello));
    await expect.poll(() => signals.length, { timeout: 20_000 }).toBe(1);
    connection.destroy();
    await expect.poll(() => signals[0]?.aborted, { timeout: 20_000 }).toBe(true);
  });

  it('fails for one call where what is behind it fails', async () => {
    const failing = endpointOf(() => Promise.reject(new Error('a secret of the house')));
    const answered = await ask(failing, post(hello));
    expect(answered).toMatch(/^HTTP\/1\.1 500 /);
    expect(answered).not.toContain('secret');
  });

  it('hears no more than so many requests', async () => {
    const endpoint = endpointOf();
    const connection = dial(endpoint);
    const all = heard(connection);
    const some = 'GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(1_000);
    for (let asked = 0; asked <= endpointBounds.requestsMax && !connection.destroyed; asked += 1_000)
      await Promise.race([all, new Promise<void>((resolve) => connection.write(some, () => resolve()))]);
    expect((await all).match(/HTTP\/1\.1 401/g)?.length).toBeLessThanOrEqual(endpointBounds.requestsMax);
    expect(await ask(endpoint, post(hello))).toBe('');
  }, 60_000);
});
