import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export const webhookSecret = `whsec_${Buffer.from('a secret of these tests, 32 byte').toString('base64')}`;

/** One request as it came: the body is the bytes that were signed. */
export interface Received {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly status: number;
}

const bodyBytesMax = 1024 * 1024;

const readBody = async (request: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > bodyBytesMax) throw new Error('a webhook of more than 1 MiB');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
};

const textHeaders = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );

/** Name of the suite that a webhook is about; undefined for what is none of ours. */
const suiteIn = (body: string): string | undefined => {
  try {
    return (JSON.parse(body) as { data?: { suite?: { name?: string } } }).data?.suite?.name;
  } catch {
    return undefined;
  }
};

/**
 * A receiver of webhooks that remembers what it got. `POST /refuse?suite=name&times=2` makes it answer the next two about
 * that suite with 503, as a receiver does that is being restarted. Those of others may come at any time, and are taken.
 */
export const startReceiver = async (): Promise<{ url: string; close: () => Promise<void> }> => {
  const received: Received[] = [];
  const refusals = new Map<string, number>();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://receiver');
    if (pathname === '/refuse') {
      refusals.set(searchParams.get('suite') ?? '', Number(searchParams.get('times')));
      return void response.end();
    }
    if (pathname === '/received') return void response.end(JSON.stringify(received));
    void readBody(request).then((body) => {
      const suite = suiteIn(body) ?? '';
      const left = refusals.get(suite) ?? 0;
      const status = left > 0 ? 503 : 204;
      refusals.set(suite, Math.max(0, left - 1));
      received.push({ headers: textHeaders(request), body, status });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
