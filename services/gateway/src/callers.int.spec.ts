import { subjects } from '@crucible/events';
import type { EvaluationId } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from './testing/ask.ts';
import type { Asked } from './testing/ask.ts';
import { expectProblem } from './testing/expect-problem.ts';
import { TestGateway } from './testing/gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start(process.env['CRUCIBLE_TEST_DATABASE_URL']);
});
afterAll(() => gateway?.stop());

const tiny = { suite: { name: 'tiny' } };
const submit = async (headers: Asked['headers'] = {}): Promise<EvaluationId> => {
  const answer = await gateway.ask('/api/v1/evaluations', { method: 'POST', body: tiny, headers });
  expect(answer.status, answer.text).toBe(202);
  return answer.json.id as EvaluationId;
};
/** Who asked for the last change of an evaluation, by which proof and from where. */
const lastCaller = async (id: EvaluationId): Promise<unknown> => {
  const stored = (await gateway.log.readSubject(subjects.evaluation(id))).events.at(-1);
  if (stored?.ok !== true) throw new Error('no event');
  const { type, actor, authmethod, clientaddress } = stored.event;
  return { type, actor, authmethod, clientaddress };
};
const forwarded = (addresses: string): Asked['headers'] => ({ 'x-forwarded-for': addresses });

describe('a command', () => {
  it('says who asked, by which proof and from where', async () => {
    const id = await submit();
    const byToken = { actor: 'user:local', authmethod: 'token', clientaddress: '127.0.0.1' };
    expect(await lastCaller(id)).toEqual({ type: 'crucible.evaluation.submitted.v2', ...byToken });
    const link = new URL((await gateway.ask('/api/v1/login-links', { method: 'POST' })).json.url);
    const login = await ask(gateway.port, `${link.pathname}${link.search}`);
    const cookie = String(login.headers['set-cookie']).split(';', 1)[0] ?? '';
    const headers = { cookie, 'x-crucible-request': '1' };
    const cancelled = await ask(gateway.port, `/api/v1/evaluations/${id}/cancel`, { method: 'POST', headers });
    expect(cancelled.status).toBe(202);
    expect(await lastCaller(id)).toEqual({
      type: 'crucible.evaluation.cancel-requested.v1',
      ...byToken,
      authmethod: 'session',
    });
  });

  it.each(['203.0.113.9', '203.0.113.9, 198.51.100.1', 'nowhere'])(
    'of a stranger who says that he is %s comes from where he is',
    async (addresses) => {
      const headers = { ...forwarded(addresses), 'x-real-ip': '203.0.113.9', forwarded: 'for=203.0.113.9' };
      expect(await lastCaller(await submit(headers))).toMatchObject({ clientaddress: '127.0.0.1' });
    },
  );
});

describe('behind a proxy of ours', () => {
  beforeAll(async () => {
    await gateway.die('SIGTERM');
    await gateway.boot(gateway.database.url, { CRUCIBLE_TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8' });
  });

  it.each([
    ['its word counts', '203.0.113.9', '203.0.113.9'],
    ['what a client told it before does not', '192.0.2.66, 203.0.113.9', '203.0.113.9'],
    ['a second proxy of ours is passed over', '192.0.2.66, 203.0.113.9, 10.1.2.3', '203.0.113.9'],
    ['words that are no address count for nothing', '<script>alert(1)</script>', '127.0.0.1'],
    ['an old address in a new form is the same', '::ffff:203.0.113.9', '203.0.113.9'],
  ])('%s', async (_, addresses, expected) => {
    expect(await lastCaller(await submit(forwarded(addresses)))).toMatchObject({ clientaddress: expected });
  });

  it('the host is still the one that was asked', async () => {
    expectProblem(await gateway.ask('/api/v1/platform', { headers: { host: 'evil.example' } }), 421);
    const headers = { host: 'evil.example', 'x-forwarded-host': 'localhost', ...forwarded('203.0.113.9') };
    expectProblem(await gateway.ask('/api/v1/platform', { headers }), 421);
  });
});

describe('an archive', () => {
  beforeAll(async () => {
    await gateway.die('SIGTERM');
    await gateway.boot(gateway.database.url, { CRUCIBLE_READ_ONLY: 'true' });
  });

  it('takes no command', async () => {
    const head = await gateway.log.head();
    const { items } = (await gateway.ask('/api/v1/evaluations')).json;
    for (const path of ['', `/${items[0].id}/cancel`, `/${items[0].id}/evidence/erase`, '/nowhere'])
      expectProblem(await gateway.ask(`/api/v1/evaluations${path}`, { method: 'POST', body: tiny }), 409, 'read-only');
    expect(await gateway.log.head()).toBe(head);
  });

  it('records nothing of what it cannot read: its log is another’s, and whole', async () => {
    const { seq } = await gateway.bus.js.publish(subjects.platform('executor'), Buffer.from('no event'));
    const { id } = (await gateway.ask('/api/v1/evaluations')).json.items[0];
    await gateway.reached(id, seq);
    expect(await gateway.log.head()).toBe(seq);
  });

  it('lets people in and out', async () => {
    expect((await gateway.ask('/api/v1/login-links', { method: 'POST' })).status).toBe(201);
    expect((await gateway.ask('/api/v1/logout', { method: 'POST' })).status).toBe(204);
  });
});
