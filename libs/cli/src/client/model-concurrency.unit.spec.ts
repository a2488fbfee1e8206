import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { PlatformInfo } from '../platform/info.ts';
import { concurrencyText, modelAccounts } from './model-concurrency.ts';

const account = {
  provider: 'openai',
  models: ['gpt-small', 'gpt-large'],
  effective: 8,
  concurrencyMax: 32,
  inFlight: 0,
  waiting: 0,
  pausedMs: 0,
};

describe('how many calls a provider takes at once', () => {
  it.each([
    [{}, '8 of 32'],
    [{ effective: 32, inFlight: 3 }, '32 of 32, 3 under way'],
    [{ effective: 1, inFlight: 1, waiting: 12 }, '1 of 32, 1 under way, 12 waiting'],
    [{ waiting: 2, pausedMs: 1_200 }, '8 of 32, 2 waiting, paused for 2 s'],
    // Less than a second is a pause as well.
    [{ pausedMs: 1 }, '8 of 32, paused for 1 s'],
  ])('%j is told as %s', (more, text) => {
    expect(concurrencyText({ ...account, ...more })).toBe(text);
  });
});

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close()));

/** An executor on this machine that answers so; what it was asked for is kept. */
const executor = async (body: string, status = 200) => {
  const paths: (string | undefined)[] = [];
  const server = createServer(({ url }, response) => {
    paths.push(url);
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { paths, port, info: { healthPorts: { 'sandbox-executor': port } } as unknown as PlatformInfo };
};

describe('what the executor tells of it', () => {
  it('is asked for on the port of its health, and taken as it is', async () => {
    const { info, paths } = await executor(JSON.stringify({ accounts: [account] }));
    expect(await modelAccounts(info)).toEqual([account]);
    expect(paths).toEqual(['/models']);
  });

  it.each([
    ['an error', JSON.stringify({ accounts: [account] }), 503],
    ['what is no JSON', '<html>', 200],
    ['other things', JSON.stringify({ accounts: [{ ...account, effective: -1 }] }), 200],
  ])('is unknown when it answers with %s', async (_what, body, status) => {
    expect(await modelAccounts((await executor(body, status)).info)).toBeNull();
  });

  it('is unknown when nothing runs, and when nobody answers', async () => {
    expect(await modelAccounts(undefined)).toBeNull();
    const { info } = await executor('');
    await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
    expect(await modelAccounts(info)).toBeNull();
  });
});
