import { randomUUID } from 'node:crypto';
import { subjects } from '@crucible/events';
import type { EvaluationId } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, Asked } from './testing/ask.ts';
import { expectProblem } from './testing/expect-problem.ts';
import { TestGateway, tinySuite } from './testing/gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start(process.env['CRUCIBLE_TEST_DATABASE_URL']);
});
afterAll(() => gateway?.stop());

const post = (path: string, body: unknown, headers: Asked['headers'] = {}): Promise<Answer> =>
  gateway.ask(path, { method: 'POST', body, headers });
const submit = (body: unknown, headers: Asked['headers'] = {}): Promise<Answer> =>
  post('/api/v1/evaluations', body, headers);

describe('Idempotency-Key', () => {
  const body = { suite: { name: 'tiny' } };
  const eventsOf = async (id: EvaluationId): Promise<number> =>
    (await gateway.log.readSubject(subjects.evaluation(id))).events.length;

  it('makes a repeat the same evaluation, and another request with it a problem', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const first = await submit(body, headers);
    const second = await submit(body, headers);
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(second.json).toEqual(first.json);
    expectProblem(
      await submit({ ...body, suite: { ...tinySuite, epochs: 2 } }, headers),
      422,
      'idempotency-key-reused',
    );
    expect(await eventsOf(first.json.id)).toBe(1);
    expect((await submit(body)).json.id).not.toBe(first.json.id);
  });

  it('makes one evaluation of twenty requests at once', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all(Array.from({ length: 20 }, () => submit(body, headers)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    const [id, ...others] = new Set(answers.map(({ json: { id: each } }) => each as EvaluationId));
    expect(others).toEqual([]);
    expect(await eventsOf(id as EvaluationId)).toBe(1);
  });

  it('lets one of many different requests at once win, and the others hear of it', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => submit({ suite: { ...tinySuite, epochs: index + 1 } }, headers)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([202, ...Array(9).fill(422)]);
  });

  it.each(['', ' ', 'a b', 'x'.repeat(201), 'ü'])('must be a key: %.20j', async (key) => {
    const answer = await submit(body, { 'idempotency-key': key }).catch(() => undefined);
    if (answer !== undefined) expectProblem(answer, 400, 'bad-idempotency-key');
  });

  it('that looks like a subject is only a key', async () => {
    for (const key of ['>', '*', 'a.b', '../../x', '__proto__'])
      expect((await submit(body, { 'idempotency-key': key })).status).toBe(202);
  });
});

describe('cancel', () => {
  it('is taken once, and refused when there is nothing to cancel', async () => {
    const { id } = (await submit({ suite: { name: 'tiny' } })).json;
    expect((await post(`/api/v1/evaluations/${id}/cancel`, { reason: 'no' })).status).toBe(202);
    expectProblem(await post(`/api/v1/evaluations/${id}/cancel`, {}), 409, 'already-cancelling');
    await gateway.complete(id);
    expectProblem(await post(`/api/v1/evaluations/${id}/cancel`, {}), 409, 'already-ended');
    expectProblem(await post(`/api/v1/evaluations/${randomUUID()}/cancel`, {}), 404, 'not-found');
    expectProblem(await post('/api/v1/evaluations/x/cancel', {}), 400);
    expectProblem(await post(`/api/v1/evaluations/${id}/cancel`, { reason: 'x'.repeat(501) }), 400);
    expectProblem(await post(`/api/v1/evaluations/${id}/cancel`, { why: 'x' }), 400);
  });

  it('at once by many is one event', async () => {
    const { id } = (await submit({ suite: { name: 'tiny' } })).json;
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(`/api/v1/evaluations/${id}/cancel`, {})));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, ...Array(19).fill(409)]);
  });

  it('needs no body', async () => {
    const { id } = (await submit({ suite: { name: 'tiny' } })).json;
    expect((await post(`/api/v1/evaluations/${id}/cancel`, undefined)).status).toBe(202);
  });
});
