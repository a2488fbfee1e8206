import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { subjects } from '@crucible/events';
import type { EvaluationId } from '@crucible/events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, SseReader } from './testing/ask.ts';
import { expectProblem } from './testing/expect-problem.ts';
import { TestGateway } from './testing/gateway.ts';

const auditToken = 'the token between gateway and audit service';

/** An audit service of which only what it is asked and how it answers matters. */
class FakeAudit {
  readonly asked: { readonly url: string; readonly authorization: string | undefined }[] = [];
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.end('ok');
  readonly server: Server = createServer((request, response) => {
    this.asked.push({ url: request.url ?? '', authorization: request.headers.authorization });
    this.answer(request, response);
  });

  async open(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

let gateway: TestGateway;
let audit: FakeAudit;
let folder: string;
let variables: Readonly<Record<string, string>>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'crucible-audit-token-'));
  writeFileSync(join(folder, 'token'), `${auditToken}\n`);
  audit = new FakeAudit();
  variables = { CRUCIBLE_AUDIT_URL: await audit.open(), CRUCIBLE_AUDIT_TOKEN_FILE: join(folder, 'token') };
  gateway = await TestGateway.start(process.env['CRUCIBLE_TEST_DATABASE_URL']);
  await gateway.die('SIGTERM');
  await gateway.boot(gateway.database.url, variables);
});
afterAll(async () => {
  await gateway?.stop();
  audit?.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  audit.asked.length = 0;
  audit.answer = (_, response) => {
    response.setHeader('content-type', 'text/plain; charset=utf-8');
    response.end('ok');
  };
});

const events = async (): Promise<Record<string, unknown>[]> =>
  (await gateway.log.readSubject(subjects.team('default'))).events.map((stored) =>
    stored.ok ? { ...stored.event } : {},
  );
const ended = async (): Promise<EvaluationId> => {
  const { id } = await gateway.submit();
  await gateway.dispatch(id);
  await gateway.begin(id);
  const trialId = '0-1-1' as never;
  await gateway.evidence.append({ evaluationId: id, trialId, channel: 'output' }, `c-${id}`, {}, Buffer.from('out'));
  await gateway.reached(id, await gateway.finish(id));
  return id;
};

describe('what the audit service serves', () => {
  const open = ['checkpoint', 'key', 'tile/0/000', 'tile/0/000.p/5', 'tile/2/x001/x234/067.p/255'];
  const closed = [
    ...['status', 'export', 'proof/1', 'tile/entries/000', 'tile/entries/000.p/3', 'tile/%30/000', 'tile//0/000'],
    ...['checkpoint/', 'checkpoint/../export', '%63heckpoint', 'tile/0/../entries/000', 'tile/0/000/../../../export'],
  ];

  it.each(open)('is open to strangers: %s', async (path) => {
    expect(await ask(gateway.port, `/audit/${path}`)).toMatchObject({ status: 200, text: 'ok' });
    expect(audit.asked).toEqual([{ url: `/audit/${path}`, authorization: `Bearer ${auditToken}` }]);
    for (const method of ['POST', 'HEAD', 'DELETE'])
      expect((await ask(gateway.port, `/audit/${path}`, { method })).status).toBe(401);
    expect(audit.asked.length).toBe(1);
  });

  it.each(closed)('is not: %s', async (path) => {
    expectProblem(await ask(gateway.port, `/audit/${path}`), 401, 'unauthenticated');
    const headers = { authorization: `Bearer ${auditToken}` };
    expectProblem(await ask(gateway.port, `/audit/${path}`, { headers }), 401, 'unauthenticated');
    expect(audit.asked).toEqual([]);
  });

  it('is guarded against other names of the host like the rest', async () => {
    expectProblem(await ask(gateway.port, '/audit/checkpoint', { headers: { host: 'evil.example' } }), 421);
  });

  it('goes through as it is: status, type, bytes; headers of the house are added', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    audit.answer = (_, response) => {
      response.writeHead(200, {
        'content-type': 'application/octet-stream',
        'cache-control': 'max-age=5',
        'x-inner': '1',
      });
      response.end(bytes);
    };
    const answer = await gateway.ask('/audit/tile/entries/000');
    expect(answer.bytes).toEqual(bytes);
    expect(answer.headers).toMatchObject({ 'cache-control': 'max-age=5', 'x-content-type-options': 'nosniff' });
    expect(answer.headers['x-inner']).toBeUndefined();
    audit.answer = (_, response) => {
      response.writeHead(404, { 'content-type': 'application/problem+json' });
      response.end('{"status":404}');
    };
    expect(await gateway.ask('/audit/proof/7')).toMatchObject({ status: 404, text: '{"status":404}' });
  });

  it('is asked for in its own spelling only', async () => {
    expectProblem(await gateway.ask('/audit/proof/0x1'), 400);
    expectProblem(await gateway.ask('/audit/proof/01'), 400);
    for (const path of ['tile/0/..%2f..%2fexport', 'tile/0/../export', `tile/${'0'.repeat(100)}`])
      expect([400, 404]).toContain((await gateway.ask(`/audit/${path}`)).status);
    for (const path of ['status', 'export'])
      expect((await gateway.ask(`/audit/${path}`, { method: 'HEAD' })).status).toBe(405);
    expect(audit.asked).toEqual([]);
  });

  it('takes no token anywhere else, whatever whole URL it is asked for', async () => {
    const elsewhere = new FakeAudit();
    const url = await elsewhere.open();
    try {
      for (const path of ['checkpoint', 'key', 'status', 'tile/0/000', 'proof/1'])
        for (const whole of [
          `${url}/audit/${path}`,
          `HTTP:${url.slice(5)}/audit/${path}`,
          `//${url.slice(7)}/audit/${path}`,
        ])
          await gateway.ask(whole);
    } finally {
      elsewhere.close();
    }
    expect(elsewhere.asked).toEqual([]);
  });
});

describe('an export', () => {
  it('is recorded before it begins, with who takes what', async () => {
    let recorded = 0;
    const before = (await events()).length;
    audit.answer = (_, response) =>
      void events().then((all) => {
        recorded = all.length - before;
        response.end('{"kind":"end"}\n');
      });
    const id = await ended();
    const answer = await gateway.ask(`/audit/export?purpose=verify&evaluation=${id}&evidence=false`);
    expect(answer).toMatchObject({ status: 200, text: '{"kind":"end"}\n' });
    expect(answer.headers['content-disposition']).toBe(`attachment; filename="crucible-evaluation-${id}.ndjson"`);
    expect(recorded).toBe(1);
    expect((await events()).at(-1)).toMatchObject({
      type: 'crucible.log.exported.v1',
      authmethod: 'token',
      clientaddress: '127.0.0.1',
      data: { purpose: 'verify', evaluationId: id },
    });
    expect(audit.asked.map(({ url }) => url)).toEqual([`/audit/export?evidence=false&evaluation=${id}`]);
  });

  it('that is wrongly asked for is neither recorded nor made', async () => {
    const before = (await events()).length;
    for (const query of ['purpose=other', 'evaluation=x', 'evidence=maybe', 'more=1'])
      expectProblem(await gateway.ask(`/audit/export?${query}`), 400);
    const nobodys = '0199d7a0-0000-7000-8000-000000000000';
    expectProblem(await gateway.ask(`/audit/export?evaluation=${nobodys}`), 404);
    expect((await events()).length).toBe(before);
    expect(audit.asked).toEqual([]);
  });

  it('is sent as it is made, no faster than it is read, and ends when its reader goes', async () => {
    const piece = Buffer.alloc(64 * 1024, 'x');
    let written = 0;
    let closed = false;
    audit.answer = (_, response) => {
      response.on('close', () => (closed = true));
      const more = (): void => {
        for (let hasRoom = true; hasRoom && !response.destroyed;) {
          hasRoom = response.write(piece);
          written += piece.length;
        }
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    const { request } = await import('node:http');
    const headers = { authorization: `Bearer ${gateway.token}` };
    const asking = request({ host: '127.0.0.1', port: gateway.port, path: '/audit/export', headers }).end();
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    // Until it stands still, however long buffers take to fill; if it never did, it would be over the bound soon.
    for (let before = -1; written !== before;) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(written).toBeLessThan(32 * 1024 ** 2);
    }
    expect(written).toBeGreaterThan(0);
    expect(closed).toBe(false);
    response.destroy();
    await expect.poll(() => closed).toBe(true);
  });

  it('that breaks off inside is cut, so that nobody takes a part for the whole', async () => {
    audit.answer = (_, response) => {
      response.write('{"kind":"export"}\n');
      setTimeout(() => response.destroy(), 50);
    };
    await expect(gateway.ask('/audit/export')).rejects.toThrow();
  });
});

describe('without the audit service', () => {
  it('its addresses say so, and everything else works', async () => {
    audit.answer = (_, response) => void response.destroy();
    expectProblem(await gateway.ask('/audit/status'), 503, 'audit-unavailable');
    audit.answer = (_, response) => void response.writeHead(401).end();
    expectProblem(await gateway.ask('/audit/status'), 503, 'audit-unavailable');
    expect((await gateway.ask('/api/v1/evaluations')).status).toBe(200);
  });
});

describe('reads of evidence', () => {
  const pathOf = (id: EvaluationId): string => `/api/v1/evaluations/${id}/trials/0-1-1/output`;
  const readsOf = async (id: EvaluationId): Promise<Record<string, unknown>[]> =>
    (await events()).filter(
      ({ type, data }) =>
        type === 'crucible.evidence.read.v1' && (data as { evaluationId: string }).evaluationId === id,
    );

  it('are on record, once a minute a reader, whichever way they are made', async () => {
    const id = await ended();
    expect((await gateway.ask(pathOf(id))).status).toBe(200);
    expect((await gateway.ask(`${pathOf(id)}.txt`)).text).toBe('out');
    const stream = await SseReader.open(gateway.port, `${pathOf(id)}/stream`, gateway.bearer);
    await stream.until((messages) => messages.some(({ event }) => event === 'end'));
    stream.close();
    expect(await readsOf(id)).toMatchObject([
      {
        actor: 'user:local',
        authmethod: 'token',
        clientaddress: '127.0.0.1',
        data: { trialId: '0-1-1', channel: 'output' },
      },
    ]);
  });

  it('that find nothing are none', async () => {
    const id = await ended();
    expectProblem(await gateway.ask(`/api/v1/evaluations/${id}/trials/9-1-1/output`), 404);
    expectProblem(await ask(gateway.port, pathOf(id)), 401);
    expect(await readsOf(id)).toEqual([]);
  });

  it('are refused while they cannot be recorded', async () => {
    const id = await ended();
    await gateway.nats.die();
    try {
      const answers = await Promise.all([gateway.ask(pathOf(id)), gateway.ask(`${pathOf(id)}.txt`)]);
      for (const answer of answers) expectProblem(answer, 503);
      expectProblem(await gateway.ask('/audit/export'), 503, 'access-not-recorded');
      expect(audit.asked).toEqual([]);
    } finally {
      await gateway.nats.comeBack();
    }
    await gateway.untilReady();
    expect((await gateway.ask(`${pathOf(id)}.txt`)).text).toBe('out');
    // Our own connection to the server may have come back later than the gateway's.
    const recorded = () =>
      readsOf(id).then(
        ({ length }) => length,
        () => 0,
      );
    await expect.poll(recorded, { timeout: 20_000 }).toBeGreaterThanOrEqual(1);
  });

  it('in an archive are not recorded, and are answered', async () => {
    const id = await ended();
    await gateway.die('SIGTERM');
    await gateway.boot(gateway.database.url, { ...variables, CRUCIBLE_READ_ONLY: 'true' });
    const head = await gateway.log.head();
    expect((await gateway.ask(`${pathOf(id)}.txt`)).text).toBe('out');
    expect((await gateway.ask('/audit/export')).status).toBe(200);
    expect(await gateway.log.head()).toBe(head);
  });
});
