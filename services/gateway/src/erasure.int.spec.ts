import { createHash, randomUUID } from 'node:crypto';
import { subjects } from '@crucible/events';
import type { EvaluationId, EventData, TrialId } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from './testing/ask.ts';
import { expectProblem } from './testing/expect-problem.ts';
import { TestGateway } from './testing/gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start(process.env['CRUCIBLE_TEST_DATABASE_URL']);
});
afterAll(() => gateway?.stop());

const first = '0-1-1' as TrialId;
const erase = (id: string, body: unknown): Promise<Answer> =>
  gateway.ask(`/api/v1/evaluations/${id}/evidence/erase`, { method: 'POST', body });
const output = (id: string, path = 'output'): Promise<Answer> =>
  gateway.ask(`/api/v1/evaluations/${id}/trials/${first}/${path}`);

/** A trial that printed something and ended, with its seal. */
const endedTrial = async (): Promise<EvaluationId> => {
  const { id } = await gateway.submit(2);
  await gateway.admit(id);
  await gateway.dispatch(id);
  await gateway.begin(id);
  const printed = Buffer.from('hello\n');
  await gateway.evidence.append({ evaluationId: id, trialId: first, channel: 'output' }, randomUUID(), {}, printed);
  const sha256 = createHash('sha256').update(printed).digest('hex');
  const seal = { channel: 'output' as const, chunks: 1, bytes: printed.length, dropped: 0, sha256 };
  const data: EventData<'crucible.trial.finished.v2'> = {
    evaluationId: id,
    trialId: first,
    outcome: 'passed',
    reason: 'exit',
    exitCode: 0,
    signal: null,
    verdict: 'contained',
    findings: [],
    limitsHit: [],
    scores: [],
    durationMs: 1,
    memoryBytesPeak: null,
    evidence: [seal],
    error: null,
    usage: null,
    answer: null,
  };
  const position = await gateway.write(subjects.trial(id, first), { type: 'crucible.trial.finished.v2', data });
  await gateway.reached(id, position);
  return id;
};

/** What the executor writes and does. */
const erased = async (id: EvaluationId, channel: 'output' | 'kernel'): Promise<number> => {
  const place = { evaluationId: id, trialId: first, channel };
  const data = { ...place, cause: 'request' as const, requestedAt: 1, detail: 'asked' };
  const position = await gateway.write(subjects.platform('evidence'), { type: 'crucible.evidence.erased.v1', data });
  await gateway.evidence.erase(place);
  await gateway.reached(id, position);
  return position;
};

describe('a request to erase evidence', () => {
  it('is an event on the evaluation, with who asked and why', async () => {
    const id = await endedTrial();
    const answer = await erase(id, { trial: first, reason: 'a name in it' });
    expect(answer.status).toBe(202);
    const { events } = await gateway.log.readSubject(subjects.evaluation(id));
    const last = events.at(-1);
    expect(last).toMatchObject({
      position: answer.json.position,
      event: {
        type: 'crucible.evidence.erase-requested.v1',
        data: { evaluationId: id, trialId: first, reason: 'a name in it' },
        authmethod: expect.any(String),
        clientaddress: '127.0.0.1',
      },
    });
  });

  it('is refused in words while what it names has not ended', async () => {
    const id = await endedTrial();
    expectProblem(await erase(id, { reason: 'all of it' }), 409, 'not-ended');
    await gateway.dispatch(id, 1);
    await gateway.begin(id, 1);
    expectProblem(await erase(id, { trial: '1-1-1', reason: 'that' }), 409, 'not-ended');
    expectProblem(await erase(id, { trial: '7-1-1', reason: 'that' }), 404, 'not-found');
    expectProblem(await erase(randomUUID(), { reason: 'that' }), 404, 'not-found');
    expectProblem(await erase(id, { trial: first }), 400, 'invalid-request');
    await gateway.finish(id, 1);
    await gateway.complete(id, 2);
    expect((await erase(id, { reason: 'all of it' })).status).toBe(202);
  });
});

describe('what a trial printed', () => {
  it('is gone with the position of its erasure, not empty, once it was erased', async () => {
    const id = await endedTrial();
    expect((await output(id)).json.chunks).toHaveLength(1);
    await erased(id, 'kernel');
    expect((await output(id)).status).toBe(200);
    const position = await erased(id, 'output');
    for (const path of ['output', 'output.txt', 'output/stream']) {
      const answer = await output(id, path);
      expectProblem(answer, 410, 'evidence-erased');
      expect(answer.json.detail).toContain(`erased, position ${position}`);
    }
  });

  it('is said to be missing where the log knows of no erasure', async () => {
    const id = await endedTrial();
    await gateway.evidence.erase({ evaluationId: id, trialId: first, channel: 'output' });
    expectProblem(await output(id), 410, 'evidence-missing');
  });
});
