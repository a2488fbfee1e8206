import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { ApiClient, Refusal } from './api-client.ts';
import { bare } from './text.ts';
import { watchReplies } from './watch-replies.ts';

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => void server.close()));

/** A gateway that answers each connection with the next of these bodies, or with a problem. */
const clientOf = async (...bodies: readonly (string | number)[]): Promise<ApiClient> => {
  let next = 0;
  const server = createServer((request, response) => {
    const body = bodies[next++] ?? 404;
    if (typeof body === 'string')
      return void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(body);
    const problem = { type: 'urn:crucible:problem:not-found', title: 'Not found', status: body, detail: request.url };
    response.writeHead(body, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
  });
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return new ApiClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 't' });
};
const event = (name: string, data: object): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const delta = (text: string, more: object = {}): string =>
  event('delta', { turn: 1, attempt: 1, kind: 'text', after: 0, text, ...more });

const watched = async (client: ApiClient, json = false): Promise<string> => {
  let text = '';
  const options = { json, signal: new AbortController().signal, write: (more: string) => void (text += more) };
  await watchReplies(client, { id: 'e', trialId: '0-1-1' }, options);
  return text;
};

it('shows replies as they come, hostile ones harmless, and goes on after a lost connection', async () => {
  const client = await clientOf(
    delta('Hel') + delta('lo\u001b[2J', { after: 3 }) + event('reset', { turn: 1, attempt: 2 }),
    delta('gain', { attempt: 2, after: 1 }) +
      delta('bash {', { attempt: 2, kind: 'tool-call' }) +
      event('whole', { turn: 1 }) +
      event('end', {}),
  );
  expect(bare(await watched(client))).toBe(
    [
      'turn 1: text',
      'Hello\u241b[2J',
      'turn 1: the reply broke, and what was shown of it is void',
      'turn 1, attempt 2: text',
      '…gain',
      'turn 1, attempt 2: tool-call',
      'bash {',
      'turn 1: on record',
      '',
    ].join('\n'),
  );
});

it('says why nothing comes, a line for each time that changes', async () => {
  const account = { provider: 'vllm', effective: 4, concurrencyMax: 32, inFlight: 4, waiting: 2, pausedMs: 0 };
  const waits = (more: object | null): string =>
    event('waits', { turn: 1, account: more === null ? null : { ...account, ...more } });
  const client = await clientOf(
    [
      waits({}),
      waits({ waiting: 3 }),
      waits({ effective: 2, pausedMs: 4_100 }),
      waits({ effective: 2, pausedMs: 3_100 }),
    ]
      .concat(waits(null), delta('Hello'), waits({}), event('end', {}))
      .join(''),
  );
  expect(bare(await watched(client))).toBe(
    [
      'turn 1: waits for vllm, which takes 4 of 32, 4 under way, 2 waiting',
      'turn 1: waits for vllm, which takes 2 of 32, 4 under way, 2 waiting, paused for 5 s',
      'turn 1: text',
      'Hello',
      'turn 1: waits for vllm, which takes 4 of 32, 4 under way, 2 waiting',
      '',
    ].join('\n'),
  );
});

it('prints a JSON object a line where that is asked for', async () => {
  const lines = (
    await watched(await clientOf(delta('a\n') + event('whole', { turn: 1 }) + event('end', {})), true)
  ).split('\n');
  expect(lines.slice(0, 2).map((line) => JSON.parse(line) as unknown)).toEqual([
    { event: 'delta', turn: 1, attempt: 1, kind: 'text', after: 0, text: 'a\n' },
    { event: 'whole', turn: 1 },
  ]);
});

it('says no where the platform does', async () => {
  await expect(watched(await clientOf(404))).rejects.toBeInstanceOf(Refusal);
});
