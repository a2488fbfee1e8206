import { problemSchema } from '@crucible/api';
import { expect } from 'vitest';
import type { Answer } from './ask.ts';

/** Every answer that is no success must be a problem that says so in its status, its type and its words. */
export const expectProblem = (answer: Answer, status: number, kind?: string): Answer => {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.headers['content-type']).toMatch('application/problem+json');
  const problem = problemSchema.parse(answer.json);
  expect(problem.status).toBe(status);
  expect(problem.detail?.length).toBeGreaterThan(5);
  if (kind !== undefined) expect(problem.type).toBe(`urn:crucible:problem:${kind}`);
  expect(answer.text).not.toMatch(/node_modules|\.ts:\d|ZodError/);
  return answer;
};
