import { displayableLine } from '@crucible/events';
import type { Score } from '@crucible/events';
import type { SuiteSample } from './suite.ts';

/** One judgement before it has a name: whether it is right, and why in words. */
export interface Judgement {
  readonly right: boolean;
  /** Whatever the subject did, it could not be judged: the trial then has no score at all. */
  readonly isUnjudged?: true;
  /** From 0 to 1, where it is not all or nothing. */
  readonly value?: number;
  readonly why: string;
  /** What was taken for the answer. */
  readonly answer?: string;
  readonly metadata?: NonNullable<Score['metadata']>;
}

/** What judges had no answer: that says nothing about the subject, and is no 0. */
export const unjudged = (why: string): Judgement => ({
  right: false,
  isUnjudged: true,
  why: `could not be judged: ${why}`,
});

const QUOTE_CHARS_MAX = 80;
export const quoted = (text: string): string => `"${displayableLine(text, QUOTE_CHARS_MAX)}"`;

export const targetsOf = (sample: SuiteSample): readonly string[] =>
  sample.target === undefined ? [] : Array.isArray(sample.target) ? sample.target : [sample.target];
