import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@crucible/event-log/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SECRET, status, WebhookReceiver } from '../testing/receiver.ts';
import { Webhook } from './webhook.ts';

const BODY = '{"type":"crucible.evaluation.completed.v1","text":"\u00fc\u2713"}';
const TIMEOUT_MS = 500;

let receiver: WebhookReceiver;
beforeEach(async () => {
  receiver = await WebhookReceiver.start();
});
afterEach(() => receiver.stop());

const webhookAt = (url: string): Webhook => new Webhook({ url, secret: SECRET, timeoutMsMax: TIMEOUT_MS });
const send = (path = '/hook', now = new Date()) => webhookAt(`${receiver.url}${path}`).send('id-1', BODY, now);

describe('a webhook', () => {
  it('carries the body, signed as Standard Webhooks says', async () => {
    const now = new Date();
    expect(await send('/hook?token=1', now)).toEqual({ ok: true, status: 204 });
    const [received] = receiver.received;
    expect(received).toMatchObject({ id: 'id-1', path: '/hook?token=1', verified: JSON.parse(BODY) });
    expect(received?.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
    });
  });

  it('is signed anew with each attempt: an old one would be refused', async () => {
    await send('/hook', new Date(Date.now() - 600_000));
    expect(receiver.received[0]?.verified).toBeUndefined();
  });

  it('says where it goes without what may be secret', () => {
    expect(webhookAt(`${receiver.url}/hook?token=hunter2`).destination).toBe(`${receiver.url}/hook`);
  });

  it.each([200, 201, 299])('arrived with %i', async (code) => {
    receiver.answers = [status(code)];
    expect(await send()).toEqual({ ok: true, status: code });
  });

  it.each([400, 401, 404, 429, 500, 503])('may be tried again after %i', async (code) => {
    receiver.answers = [status(code)];
    expect(await send()).toEqual({ ok: false, final: false, error: `answered ${code}` });
  });

  it('is not tried again after 410', async () => {
    receiver.answers = [status(410)];
    expect(await send()).toMatchObject({ ok: false, final: true });
  });

  it.each([301, 302, 303, 307, 308])('follows no redirect of %i', async (code) => {
    const elsewhere = await WebhookReceiver.start();
    receiver.answers = [status(code, { location: elsewhere.url })];
    expect(await send()).toMatchObject({
      ok: false,
      final: false,
      error: `answered ${code}; redirects are not followed`,
    });
    await sleep(50);
    expect(elsewhere.received).toEqual([]);
    await elsewhere.stop();
  });

  it('does not wait longer than it may for an answer', async () => {
    receiver.answers = [() => undefined];
    const began = Date.now();
    expect(await send()).toEqual({ ok: false, final: false, error: `no answer in ${TIMEOUT_MS} ms` });
    expect(Date.now() - began).toBeLessThan(TIMEOUT_MS * 3);
  });

  it('does not wait longer than it may for headers that trickle in', async () => {
    receiver.answers = [
      (answer) => {
        const { socket } = answer;
        socket?.write('HTTP/1.1 200 OK\r\n');
        const drip = setInterval(() => socket?.write('X: y\r\n'), 20);
        socket?.on('close', () => clearInterval(drip));
      },
    ];
    expect(await send()).toMatchObject({ ok: false, error: `no answer in ${TIMEOUT_MS} ms` });
  });

  it('reads nothing of an endless answer', async () => {
    let written = 0;
    const chunk = Buffer.alloc(65_536, 'x');
    receiver.answers = [
      (answer) => {
        answer.writeHead(200);
        const pour = (): void => {
          while (!answer.destroyed && answer.write(chunk)) written += chunk.length;
        };
        answer.on('drain', () => ((written += chunk.length), pour()));
        pour();
      },
    ];
    const before = process.memoryUsage().rss;
    expect(await send()).toEqual({ ok: true, status: 200 });
    await sleep(300);
    const poured = written;
    await sleep(200);
    expect(written).toBe(poured);
    expect(written).toBeLessThan(32 * 1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });

  it.each<[string, (typeof receiver.answers)[number]]>([
    ['closes the connection', (answer) => answer.socket?.destroy()],
    ['answers something else than HTTP', (answer) => answer.socket?.end('\u001b[2J<h1>no</h1>\r\n\r\n')],
    [
      'answers headers without end',
      (answer) => answer.socket?.write(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(200_000)}\r\n\r\n`),
    ],
  ])('may be tried again when the receiver %s', async (_, act) => {
    receiver.answers = [act];
    const attempt = await send();
    expect(attempt).toMatchObject({ ok: false, final: false });
    const error = attempt.ok ? '' : attempt.error;
    expect(error).toMatch(/^not reached: [\x20-\x7e]+$/);
    expect(error.length).toBeLessThanOrEqual(300);
  });

  it('may be tried again when nobody listens, or there is no such host', async () => {
    const closed = webhookAt(`http://127.0.0.1:${await freePort()}/`);
    expect(await closed.send('id', BODY, new Date())).toMatchObject({ ok: false, final: false });
    const nowhere = webhookAt('http://no-such-host.invalid/');
    expect(await nowhere.send('id', BODY, new Date())).toMatchObject({ ok: false, final: false });
  });
});
