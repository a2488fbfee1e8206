import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EvaluationPage } from '@crucible/domain';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiClient } from './api-client.ts';
import { follow } from './follow.ts';
import { evaluationId, halfDone } from './testing.ts';

const history = halfDone().finished(2, 'passed').completed({ passed: 2, failed: 1 });
const whole = history.page();

const snapshotAt = (count: number): string => {
  const { evaluation, trials, position } = history.page(count);
  return `id: ${position}\nevent: snapshot\ndata: ${JSON.stringify({ evaluation, trials: [...trials.values()], position })}\n\n`;
};
const eventAt = (index: number): string => {
  const { position, event } = history.events[index] ?? { position: 0, event: null };
  return `id: ${position}\nevent: event\ndata: ${JSON.stringify(event)}\n\n`;
};
const eventsBehind = (position: number): string[] =>
  history.events.flatMap((each, index) => (each.position > position ? [eventAt(index)] : []));

/** What one connection does: answers, then ends or is torn. */
type Behaviour = (lastEventId: string | undefined, response: ServerResponse) => void;

const streaming = (response: ServerResponse): ServerResponse =>
  response.writeHead(200, { 'content-type': 'text/event-stream' });
/** A gateway in order: snapshot after `count` events unless resumed, then all that follows. */
const serve =
  (count: number): Behaviour =>
  (lastEventId, response) => {
    const from = lastEventId === undefined ? (history.events[count - 1]?.position ?? 0) : Number(lastEventId);
    streaming(response).write(': heartbeat\n\nretry: 1000\n\n');
    if (lastEventId === undefined) response.write(snapshotAt(count));
    eventsBehind(from).forEach((event) => response.write(event));
  };
/** The same, torn after so many characters. */
const tear =
  (charsMax: number, count: number): Behaviour =>
  (lastEventId, response) => {
    const from = lastEventId === undefined ? (history.events[count - 1]?.position ?? 0) : Number(lastEventId);
    const text = (lastEventId === undefined ? snapshotAt(count) : '') + eventsBehind(from).join('');
    streaming(response).write(text.slice(0, charsMax), () => response.destroy());
  };

let server: Server;
let behaviours: Behaviour[];
let asked: (string | undefined)[];
let client: ApiClient;

beforeEach(async () => {
  behaviours = [];
  asked = [];
  server = createServer((request: IncomingMessage, response) => {
    const lastEventId = request.headers['last-event-id'] as string | undefined;
    asked.push(lastEventId);
    const behaviour = behaviours.length > 1 ? behaviours.shift() : behaviours[0];
    behaviour?.(lastEventId, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = new ApiClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 'secret' });
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const watch = async (
  signal = new AbortController().signal,
): Promise<{ page: EvaluationPage | undefined; positions: number[]; troubles: string[] }> => {
  const positions: number[] = [];
  const troubles: string[] = [];
  const page = await follow(client, evaluationId, {
    signal,
    onPage: ({ position }) => positions.push(position),
    onTrouble: (message) => troubles.push(message),
  });
  return { page, positions, troubles };
};
const ascending = (positions: readonly number[]): boolean =>
  positions.every((position, index) => index === 0 || position > (positions[index - 1] ?? 0));

describe('following an evaluation', () => {
  it('folds a snapshot and what comes after it, and leaves when it has ended', async () => {
    behaviours = [serve(3)];
    const { page, positions, troubles } = await watch();
    expect(page).toEqual(whole);
    expect(ascending(positions)).toBe(true);
    expect([troubles, asked]).toEqual([[], [undefined]]);
  });

  it('ends at once when the evaluation had ended before', async () => {
    behaviours = [serve(history.events.length)];
    expect((await watch()).page).toEqual(whole);
  });

  it('resumes behind the last event it has seen', async () => {
    const torn = snapshotAt(2).length + eventAt(2).length + eventAt(3).length + 10;
    behaviours = [tear(torn, 2), serve(2)];
    const { page, positions, troubles } = await watch();
    expect(page).toEqual(whole);
    expect(asked).toEqual([undefined, String(history.events[3]?.position)]);
    expect(ascending(positions)).toBe(true);
    expect(troubles).toHaveLength(1);
  });

  it('has no gaps and no repeats, wherever the connection tears', async () => {
    const full =
      snapshotAt(2).length + history.events.slice(2).reduce((sum, _, index) => sum + eventAt(index + 2).length, 0);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(full), { minLength: 1, maxLength: 2 }), async (tears) => {
        behaviours = [...tears.map((chars) => tear(chars, 2)), serve(2)];
        const { page, positions } = await watch();
        expect(page).toEqual(whole);
        expect(ascending(positions)).toBe(true);
      }),
      { numRuns: 12 },
    );
  });

  it('asks again while the platform is away or at its limits', async () => {
    behaviours = [
      (_, response) => void response.destroy(),
      (_, response) =>
        void response
          .writeHead(503, { 'content-type': 'application/problem+json' })
          .end('{"type":"x","title":"busy","status":503}'),
      serve(1),
    ];
    const { page, troubles } = await watch();
    expect(page).toEqual(whole);
    expect(troubles).toHaveLength(2);
    expect(troubles[1]).toBe('busy');
  });

  it('takes a no for a no', async () => {
    behaviours = [
      (_, response) =>
        void response
          .writeHead(404, { 'content-type': 'application/problem+json' })
          .end('{"type":"x","title":"there is none","status":404}'),
    ];
    await expect(watch()).rejects.toThrow('there is none');
  });

  it('stops when it is told to, with what it has', async () => {
    const stop = new AbortController();
    behaviours = [(_, response) => void streaming(response).write(snapshotAt(3))];
    setTimeout(() => stop.abort(), 200);
    const { page, troubles } = await watch(stop.signal);
    expect(page).toEqual(history.page(3));
    expect(troubles).toEqual([]);
  });

  it('stops while it waits to try again', async () => {
    const stop = new AbortController();
    behaviours = [(_, response) => void response.destroy()];
    setTimeout(() => stop.abort(), 100);
    expect((await watch(stop.signal)).page).toBeUndefined();
  });
});
