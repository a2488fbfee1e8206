import type { Suite, SuiteSample } from './suite.ts';
import { suiteSchema } from './suite.ts';

/** A sample for tests: polite, and without target or expectation unless they are given. */
export const sampleWith = (given: Partial<SuiteSample> = {}): SuiteSample => ({
  id: 'one',
  input: { language: 'python', source: 'print("hello")' },
  ...given,
});

/** A whole suite for tests, with defaults filled in. */
export const suiteWith = (
  samples: readonly SuiteSample[],
  scorers: Suite['scorers'] = [{ kind: 'exit-code', equals: 0 }],
): Suite =>
  suiteSchema.parse({
    apiVersion: 'crucible/v1',
    kind: 'Suite',
    metadata: { name: 'test', version: '1.0.0', title: 'Test' },
    dataset: { samples },
    scorers,
  });
