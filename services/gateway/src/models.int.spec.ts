import { modelListSchema } from '@crucible/api';
import { subjects } from '@crucible/events';
import type { LoadedModel } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from './testing/ask.ts';
import { expectProblem } from './testing/expect-problem.ts';
import { TestGateway, tinySuite } from './testing/gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start(process.env['CRUCIBLE_TEST_DATABASE_URL']);
});
afterAll(() => gateway?.stop());

const model = (name: string, more: Partial<LoadedModel> = {}): LoadedModel => ({
  name,
  provider: 'openai-compatible',
  modelId: `${name}-1`,
  price: null,
  limits: { concurrencyMax: 4, outputTokensMax: 1_024, timeoutMs: 1_000, attemptsMax: 3 },
  ...more,
});
const executor = subjects.platform('executor');
const starts = (executorId: string): Promise<number> =>
  gateway.write(executor, {
    type: 'crucible.executor.started.v1',
    data: { executorId, pool: 'default', capacity: 1, runtime: 'runsc', kernelObserved: true, sandboxesReaped: 0 },
  });
const loads = (executorId: string, models: LoadedModel[], more = 0): Promise<number> =>
  gateway.write(executor, { type: 'crucible.executor.models-loaded.v1', data: { executorId, models, more } });
const stops = (executorId: string): Promise<number> =>
  gateway.write(executor, { type: 'crucible.executor.stopped.v1', data: { executorId, reason: 'bench' } });

/** What there is, once the read model is as far as `position`. */
const models = async (position = 0) => {
  await gateway.ask(`/api/v1/evaluations?position=${position}`);
  return modelListSchema.parse((await gateway.ask('/api/v1/models')).json);
};
const forModels = {
  ...tinySuite,
  metadata: { ...tinySuite.metadata, name: 'asks' },
  dataset: { samples: ['one', 'two', 'three'].map((id) => ({ id, input: `${id}?`, target: id })) },
  solver: { kind: 'generate' },
  scorers: [{ kind: 'includes' }],
};
const submit = (body: unknown): Promise<Answer> => gateway.ask('/api/v1/evaluations', { method: 'POST', body });
const asking = (name: string, suite: unknown = forModels) => ({ suite, subject: { kind: 'model', model: name } });

describe('models', () => {
  it('are unknown before any executor has told, and what is asked for is then taken', async () => {
    expect(await models()).toMatchObject({ items: [], complete: false });
    expect((await submit(asking('anything'))).status).toBe(202);
    expect(await models(await starts('one'))).toMatchObject({ complete: false });
    expect((await submit(asking('anything'))).status).toBe(202);
  });

  it('are those that executors which are up have told of, and nothing of their keys', async () => {
    const priced = model('house', { price: { inputUsd: 1, outputUsd: 2, cachedInputUsd: 0.1 } });
    await starts('one');
    await loads('one', [priced, model('scripted/benign', { provider: 'scripted' })]);
    await starts('two');
    const { items, complete } = await models(await loads('two', [priced, model('guest')]));
    expect(complete).toBe(true);
    expect(items.map(({ name, executors }) => [name, executors])).toEqual([
      ['house', ['one', 'two']],
      ['scripted/benign', ['one']],
      ['guest', ['two']],
    ]);
    expect(items[0]).toEqual({ ...priced, executors: ['one', 'two'] });
  });

  it('that nobody has are refused, with the field and those there are', async () => {
    const answer = await submit(asking('hose'));
    expectProblem(answer, 422, 'unknown-model');
    expect(answer.json.errors).toEqual([
      {
        pointer: '/subject/model',
        detail:
          'There is no model "hose" on this platform. There is house, scripted/benign, guest: GET /api/v1/models.',
      },
    ]);
    const graded = { ...forModels, scorers: [{ kind: 'model-graded', rubric: 'Is it kind?', model: 'grader' }] };
    const named = await submit(asking('house', graded));
    expect(named.json.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(['/suite/scorers/0/model']);
    expect((await submit(asking('guest'))).status).toBe(202);
    const hostile = await submit(asking('a\u001b[31m'));
    expect(hostile.status).toBe(422);
    expect(hostile.text).not.toContain('\\u001b');
  });

  it('that are gone leave what was submitted under a key as it is', async () => {
    const headers = { 'idempotency-key': 'once' };
    const ask = () => gateway.ask('/api/v1/evaluations', { method: 'POST', body: asking('guest'), headers });
    const first = await ask();
    await models(await stops('two'));
    expect((await ask()).json).toEqual(first.json);
    expectProblem(await submit(asking('guest')), 422, 'unknown-model');
    await starts('two');
    await models(await loads('two', [model('guest')]));
  });

  it('go with their executor, and are not all known where one has more than it told', async () => {
    await models(await stops('two'));
    expectProblem(await submit(asking('guest')), 422, 'unknown-model');
    expect(await models(await loads('one', [model('house')], 3))).toMatchObject({ complete: false });
    expect((await submit(asking('guest'))).status).toBe(202);
  });

  it('are asked for by a token alone', async () => {
    expect((await gateway.ask('/api/v1/models', { headers: { authorization: 'Bearer wrong' } })).status).toBe(401);
  });
});

describe('a part of a suite that the platform has', () => {
  it('is what was asked for', async () => {
    const answer = await submit({ suite: { name: 'tiny', epochs: 3, limit: 1 } });
    expect(answer.status).toBe(202);
    const { id, position } = answer.json;
    const { evaluation } = (await gateway.ask(`/api/v1/evaluations/${id}?position=${position}`)).json;
    expect([evaluation.samples, evaluation.epochs]).toEqual([1, 3]);
    expect((await submit({ suite: { name: 'tiny', samples: ['one'] } })).status).toBe(202);
  });

  it('that it does not have is refused by its field', async () => {
    const answer = await submit({ suite: { name: 'tiny', samples: ['two'] } });
    expectProblem(answer, 422, 'no-such-part');
    expect(answer.json.errors).toEqual([{ pointer: '/suite/samples', detail: 'tiny has no sample two. It has one.' }]);
    expectProblem(await submit({ suite: { name: 'tiny', epochs: 0 } }), 400, 'invalid-request');
  });

  it('says whether it asks models in the list of suites', async () => {
    const { items } = (await gateway.ask('/api/v1/suites')).json;
    const tiny = items.find(({ name }: { name: string }) => name === 'tiny');
    expect(tiny).toMatchObject({ solver: 'program', models: [], epochsMin: 1, capability: null });
  });
});
