import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readinessOf } from './readiness.ts';

let server: Server;
let answer: { status: number; body: string };
beforeEach(async () => {
  server = createServer((_, response) => response.writeHead(answer.status).end(answer.body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => void server.close());
const ask = (): ReturnType<typeof readinessOf> =>
  readinessOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
const problems = (of: Record<string, string>): string => JSON.stringify({ status: 'not-ready', problems: of });

it.each([
  [200, '{"status":"ready"}', { ready: true }],
  [503, problems({ bus: 'away', log: 'behind' }), { ready: false, reason: 'bus: away; log: behind', lasting: false }],
  [
    503,
    problems({ log: 'event 7 is missing from the log; no checkpoint is signed any more' }),
    { ready: false, reason: expect.stringContaining('event 7 is missing'), lasting: true },
  ],
  [502, 'no JSON', { ready: false, reason: undefined, lasting: false }],
])('understands %i %s', async (status, body, expected) => {
  answer = { status, body };
  expect(await ask()).toEqual(expected);
});

it('knows nothing of a service that does not listen', async () => {
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  expect(await readinessOf(`http://127.0.0.1:${port}`)).toEqual({ ready: false, reason: undefined, lasting: false });
});
