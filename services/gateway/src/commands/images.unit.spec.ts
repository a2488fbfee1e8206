import type { KnownImage } from '@crucible/api';
import { suiteSchema } from '@crucible/suite';
import type { Suite } from '@crucible/suite';
import { describe, expect, it } from 'vitest';
import { ProblemException } from '../problem.ts';
import { imageFor } from './images.ts';

const image = (name: string, digit: string, more: Partial<KnownImage> = {}): KnownImage => ({
  name,
  digest: `sha256:${digit.repeat(64)}`,
  command: ['/agent'],
  own: false,
  executors: ['one'],
  ...more,
});
const suiteOf = (solver: object = { kind: 'agent-program', name: 'tiny' }): Suite =>
  suiteSchema.parse({
    apiVersion: 'crucible/v1',
    kind: 'Suite',
    metadata: { name: 'sums', version: '1.0.0', title: 'Sums' },
    sandbox: { image: 'my-agent' },
    solver,
    scorers: [{ kind: 'includes' }],
    dataset: { samples: [{ id: 'one', input: 'one?', target: 'one' }] },
  });
const problemOf = (items: readonly KnownImage[], complete: boolean, suite = suiteOf()) => {
  try {
    imageFor(suite, { items: [...items], complete });
  } catch (error) {
    if (error instanceof ProblemException) return error.problem;
    throw error;
  }
  throw new Error('it was not refused');
};
const python = image('python', 'a', { own: true, command: [] });

describe('the image that a suite names', () => {
  it('is told by its digest', () => {
    const items = [python, image('my-agent', 'b')];
    expect(imageFor(suiteOf(), { items, complete: true })).toBe(`sha256:${'b'.repeat(64)}`);
  });

  it('is refused where nobody has it, with what there is and the remedy', () => {
    const refused = problemOf([python, image('other', 'b')], true);
    expect(refused).toMatchObject({ status: 422, type: expect.stringContaining('unknown-image') as string });
    expect(refused.errors?.map(({ pointer }) => pointer)).toEqual(['/suite/sandbox/image']);
    expect(refused.detail).toContain('There is python, other');
    expect(refused.detail).toContain('./crucible images add my-agent FILE.tar');
  });

  it('must be known where it is what is evaluated, and need not be where it only holds tools', () => {
    expect(problemOf([], false).detail).toContain('not all have told');
    const tools = suiteOf({ kind: 'agent', tools: ['bash', 'submit'] });
    expect(imageFor(tools, { items: [], complete: false })).toBeNull();
    expect(problemOf([python], true, tools)).toMatchObject({ status: 422 });
  });

  it('is refused where it is not the same everywhere', () => {
    const refused = problemOf([image('my-agent', 'b'), image('my-agent', 'c', { executors: ['two'] })], true);
    expect(refused).toMatchObject({ type: expect.stringContaining('ambiguous-image') as string });
    expect(refused.detail).toMatch(/sha256:b+ on one; sha256:c+ on two/);
  });

  it('is no agent where it says nothing of what to run', () => {
    const bare = [image('my-agent', 'b', { command: [] })];
    expect(problemOf(bare, true).errors?.map(({ pointer }) => pointer)).toEqual(['/suite/solver/command']);
    const told = suiteOf({ kind: 'agent-program', name: 'tiny', command: ['/agent'] });
    expect(imageFor(told, { items: bare, complete: true })).toBe(bare[0]?.digest);
  });
});
