import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { currentTraceparent, startTelemetry, traced } from './telemetry.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const FROM_OUTSIDE = `00-${TRACE_ID}-b7ad6b7169203331-01`;

it('sends nothing and carries nothing without an endpoint', async () => {
  const stop = await startTelemetry('test', undefined);
  expect(await traced('work', FROM_OUTSIDE, () => Promise.resolve(currentTraceparent()))).toBeUndefined();
  await stop();
});

it('goes on with a trace from outside and sends its spans to the endpoint', async () => {
  const received: { path: string | undefined; body: string }[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const bytes = Buffer.concat(parts);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
      received.push({ path: request.url, body: body.toString('latin1') });
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const stop = await startTelemetry('test', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const carried = await traced('outer', FROM_OUTSIDE, () =>
      traced('inner', undefined, () => Promise.resolve(currentTraceparent())),
    );
    expect(carried).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-01$`));
    expect(carried).not.toBe(FROM_OUTSIDE);
    await stop();
  } finally {
    server.close();
  }
  expect(received.map(({ path }) => path)).toContain('/v1/traces');
  const sent = received.map(({ body }) => body).join('');
  for (const text of ['crucible-test', 'outer', 'inner', TRACE_ID]) expect(sent).toContain(text);
});
