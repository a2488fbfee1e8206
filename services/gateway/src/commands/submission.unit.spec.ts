import { createHash } from 'node:crypto';
import { evaluationIdSchema } from '@crucible/events';
import { suiteSchema } from '@crucible/suite';
import type { Suite } from '@crucible/suite';
import { describe, expect, it } from 'vitest';
import { ProblemException } from '../problem.ts';
import { refuseForeignSubject, refuseUnusableSchemas } from './subject.ts';
import { submissionOf } from './submission.ts';
import type { Wishes } from './submission.ts';

const id = evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f');
const stored = { digest: 'ab'.repeat(32), bytes: 10 };
const suiteWith = (given: object): Suite =>
  suiteSchema.parse({
    apiVersion: 'crucible/v1',
    kind: 'Suite',
    metadata: { name: 'test', version: '1.0.0', title: 'Test', capability: 'deception' },
    dataset: { samples: [{ id: 'one', input: 'How many?', target: '42' }] },
    solver: { kind: 'generate' },
    scorers: [{ kind: 'includes' }],
    ...given,
  });
const programs = suiteWith({
  solver: { kind: 'program' },
  dataset: { samples: [{ id: 'one', input: { language: 'python', source: 'print(42)' }, target: '42' }] },
});
const model = { kind: 'model', model: 'sonnet' } as const;
const agent = { kind: 'agent', model: 'sonnet' } as const;
const agents = (solver: object = {}): Suite =>
  suiteWith({
    solver: {
      kind: 'agent-program',
      name: 'tiny',
      command: ['python3', 'agent.py'],
      files: { 'agent.py': 'x' },
      ...solver,
    },
  });
const submitted = (suite: Suite, wishes: Wishes, image: string | null = null) =>
  submissionOf(id, suite, stored, { ...wishes, image });

describe('a submission', () => {
  it('tells its subject, its class, its epochs and what it may use', () => {
    const suite = suiteWith({ epochs: { count: 4, reducer: 'pass@2' }, limits: { tokens: 1_000, cost: 0.5 } });
    expect(submitted(suite, { subject: model })).toMatchObject({
      suite: { name: 'test', capability: 'deception' },
      subject: { kind: 'model', model: 'sonnet', provider: null },
      epochs: 4,
      epochReducer: 'pass@2',
      budget: { tokensMax: 1_000, costMicroUsdMax: 500_000, callsMax: null, timeMsMax: null },
    });
  });

  it('names the agent as its suite does, and tells one program from another by its digest', () => {
    const subject = (solver?: object) => submitted(agents(solver), { subject: agent }).subject;
    expect(subject()).toMatchObject({ kind: 'agent', name: 'tiny', model: 'sonnet', provider: null, image: null });
    const digestOf = (solver?: object) => {
      const told = subject(solver);
      return told.kind === 'agent' ? told.programDigest : null;
    };
    expect(digestOf()).toMatch(/^[0-9a-f]{64}$/);
    expect(digestOf({ name: 'other', limits: { turns: 3 } })).toBe(digestOf());
    expect(digestOf({ files: { 'agent.py': 'y' } })).not.toBe(digestOf());
    expect(digestOf({ command: ['python3', 'agent.py', '-v'] })).not.toBe(digestOf());
    const [one, other] = [
      { a: '1', b: '2' },
      { b: '2', a: '1' },
    ];
    expect(digestOf({ files: one })).toBe(digestOf({ files: other }));
  });

  it('names an image as it was, with a digest of what the suite puts in beside it', () => {
    const sandbox = { image: 'my-agent' };
    const digest = `sha256:${'c'.repeat(64)}`;
    const subject = (solver: object) =>
      submitted(
        suiteWith({ sandbox, solver: { kind: 'agent-program', name: 'tiny', ...solver } }),
        { subject: agent },
        digest,
      );
    expect(subject({}).subject).toMatchObject({ kind: 'agent', image: `my-agent@${digest}`, programDigest: null });
    const more = [subject({ command: ['/bin/other'] }), subject({ files: { 'prompt.txt': 'x' } })];
    expect(new Set(more.map((told) => told.subject.kind === 'agent' && told.subject.programDigest)).size).toBe(2);
    // Asked again under the same key, the name may stand for another image.
    const later = suiteWith({ sandbox, solver: { kind: 'agent-program', name: 'tiny' } });
    expect(submitted(later, { subject: agent }, `sha256:${'d'.repeat(64)}`).requestDigest).toBe(
      subject({}).requestDigest,
    );
  });

  it('can tighten what its suite allows, and loosen nothing', () => {
    const suite = suiteWith({ limits: { tokens: 1_000, calls: 5 } });
    const budget = { tokensMax: 10, callsMax: 50, timeMsMax: 1_000, costMicroUsdMax: null };
    expect(submitted(suite, { subject: model, budget }).budget).toEqual({
      tokensMax: 10,
      costMicroUsdMax: null,
      callsMax: 5,
      timeMsMax: 1_000,
    });
  });

  it('has another digest for another subject or budget, and the one of old for what could be asked of old', () => {
    const suite = suiteWith({});
    const digests = [
      submitted(suite, { subject: model }),
      submitted(suite, { subject: { ...model, model: 'opus' } }),
      submitted(suite, { subject: { ...model, provider: 'other' } }),
      submitted(suite, { subject: model, budget: { tokensMax: 1 } }),
      submitted(suite, { subject: model, concurrency: 1 }),
    ].map(({ requestDigest }) => requestDigest);
    expect(new Set(digests).size).toBe(digests.length);
    const old = createHash('sha256').update(`${stored.digest}\n8`).digest('hex');
    expect(submitted(programs, {}).requestDigest).toBe(old);
    expect(submitted(programs, { subject: { kind: 'program' } }).requestDigest).toBe(old);
  });
});

const problemOf = (act: () => void): unknown => {
  try {
    act();
    return null;
  } catch (error) {
    return error instanceof ProblemException ? error.problem : error;
  }
};

describe('a subject', () => {
  it.each([
    [suiteWith({}), model, null],
    [programs, undefined, null],
    [programs, { kind: 'program' } as const, null],
    [suiteWith({}), undefined, 'asks a model: name one'],
    [suiteWith({}), { kind: 'program' } as const, 'asks a model: name one'],
    [programs, model, 'leave subject out'],
    [agents(), agent, null],
    [agents(), model, 'runs an agent: name the model that it may use'],
    [agents(), undefined, 'runs an agent: name the model that it may use'],
    [suiteWith({}), agent, 'asks a model: name one'],
    [programs, agent, 'leave subject out'],
  ])('fits its suite, or is refused with the remedy: %#', (suite, subject, detail) => {
    const told = problemOf(() => refuseForeignSubject(suite, subject));
    if (detail === null) expect(told).toBeNull();
    else
      expect(told).toMatchObject({
        status: 422,
        detail: expect.stringContaining(detail) as string,
        errors: [{ pointer: '/subject' }],
      });
  });
});

it('names the schema that cannot be used', () => {
  const scorers = [{ kind: 'json', schema: { type: 'objekt' } }];
  expect(problemOf(() => refuseUnusableSchemas(suiteWith({ scorers })))).toMatchObject({
    status: 400,
    errors: [{ pointer: '/suite/scorers/0/schema' }],
  });
});
