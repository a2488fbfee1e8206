import { z } from 'zod';
import { unjudged } from '@crucible/suite/score';
import type { Judgement } from '@crucible/suite/score';

const WHY_CHARS_MAX = 2_000;

/** A word on an answer, as scoring programs and graders give it; null where it cannot be judged. */
const verdictSchema = z.strictObject({
  value: z.number().min(0).max(1).nullable(),
  explanation: z.string().max(20_000).optional(),
});

/** @returns null for anything that is not exactly such a word */
export const verdictIn = (text: string): Judgement | null => {
  try {
    const parsed = verdictSchema.safeParse(JSON.parse(text));
    if (!parsed.success) return null;
    const { value, explanation = '' } = parsed.data;
    const why = explanation.slice(0, WHY_CHARS_MAX) || `gave ${value}`;
    return value === null ? unjudged(why) : { right: value === 1, value, why };
  } catch {
    return null;
  }
};
