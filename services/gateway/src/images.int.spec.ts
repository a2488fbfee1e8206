import { imageListSchema } from '@crucible/api';
import { evaluationIdSchema, subjects } from '@crucible/events';
import type { LoadedImage } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from './testing/ask.ts';
import { expectProblem } from './testing/expect-problem.ts';
import { TestGateway, tinySuite } from './testing/gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start(process.env['CRUCIBLE_TEST_DATABASE_URL']);
});
afterAll(() => gateway?.stop());

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const python: LoadedImage = { name: 'python', digest: digest('a'), command: [], own: true };
const agent = (digit: string, command: string[] = ['/agent']): LoadedImage => ({
  name: 'my-agent',
  digest: digest(digit),
  command,
  own: false,
});
const executor = subjects.platform('executor');
const starts = (executorId: string): Promise<number> =>
  gateway.write(executor, {
    type: 'crucible.executor.started.v1',
    data: { executorId, pool: 'default', capacity: 1, runtime: 'runsc', kernelObserved: true, sandboxesReaped: 0 },
  });
const loads = (executorId: string, images: LoadedImage[], more = 0): Promise<number> =>
  gateway.write(executor, { type: 'crucible.executor.images-loaded.v1', data: { executorId, images, more } });

/** What there is, once the read model is as far as `position`. */
const images = async (position = 0) => {
  await gateway.ask(`/api/v1/evaluations?position=${position}`);
  return imageListSchema.parse((await gateway.ask('/api/v1/images')).json);
};
const ofAnImage = (solver: object = { kind: 'agent-program', name: 'aide' }) => ({
  suite: {
    ...tinySuite,
    metadata: { ...tinySuite.metadata, name: 'of-an-image' },
    sandbox: { image: 'my-agent' },
    dataset: { samples: [{ id: 'one', input: 'one?', target: 'one' }] },
    solver,
    scorers: [{ kind: 'includes' }],
  },
  subject: { kind: 'agent', model: 'anything' },
});
const submit = (body: unknown, key?: string): Promise<Answer> =>
  gateway.ask('/api/v1/evaluations', {
    method: 'POST',
    body,
    ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
  });
const subjectOf = async ({ json: { id } }: Answer): Promise<unknown> => {
  const { events } = await gateway.log.readSubject(subjects.evaluation(evaluationIdSchema.parse(id)));
  const [first] = events;
  return first?.ok && first.event.type === 'crucible.evaluation.submitted.v2' ? first.event.data.subject : null;
};

describe('images', () => {
  it('are not known before an executor has told of them, so nothing is evaluated under their names', async () => {
    expect(await images()).toMatchObject({ items: [], complete: false });
    expectProblem(await submit(ofAnImage()), 422, 'unknown-image');
  });

  it('are listed by those who have them; a suite names one by name, and its evaluation by digest', async () => {
    await starts('one');
    const { items, complete } = await images(await loads('one', [python, agent('b')]));
    expect(complete).toBe(true);
    expect(items).toEqual([
      { ...agent('b'), executors: ['one'] },
      { ...python, executors: ['one'] },
    ]);
    const first = await submit(ofAnImage(), 'once');
    expect(first.status, first.text).toBe(202);
    const wanted = { kind: 'agent', image: `my-agent@${digest('b')}`, programDigest: null };
    expect(await subjectOf(first)).toMatchObject(wanted);
    await images(await loads('one', [python, agent('c')]));
    expect((await submit(ofAnImage(), 'once')).json).toEqual(first.json);
    expect(await subjectOf(first)).toMatchObject(wanted);
    expect(await subjectOf(await submit(ofAnImage()))).toMatchObject({ image: `my-agent@${digest('c')}` });
  });

  it('are refused by field where they are not there, not the same, or no agent', async () => {
    await images(await loads('one', [python]));
    const gone = await submit(ofAnImage());
    expectProblem(gone, 422, 'unknown-image');
    expect(gone.json.errors).toEqual([
      { pointer: '/suite/sandbox/image', detail: expect.stringContaining('./crucible images add my-agent') as string },
    ]);
    await images(await loads('one', [python, agent('c', [])]));
    expectProblem(await submit(ofAnImage()), 422, 'no-command');
    expect((await submit(ofAnImage({ kind: 'agent-program', name: 'aide', command: ['/x'] }))).status).toBe(202);
    await starts('two');
    await images(await loads('two', [python, agent('d')]));
    expectProblem(await submit(ofAnImage()), 422, 'ambiguous-image');
    const unsaid = { ...ofAnImage(), suite: { ...ofAnImage().suite, sandbox: {} } };
    const refused = await submit(unsaid);
    expect(refused.status).toBe(400);
    expect(refused.text).toContain('/suite/solver/command');
  });
});
