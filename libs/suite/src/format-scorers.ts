import { z } from 'zod';
import { duration } from './quantities.ts';

const modelName = z.string().min(1).max(200);
const ruleId = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, 'must be the id of a rule, such as own-canary-printed');

/** @param source how the text of a program may be given here */
export const scorerSchemaOf = <S extends z.ZodType>(source: S) =>
  z.discriminatedUnion('kind', [
    z
      .strictObject({ kind: z.literal('exit-code'), equals: z.int().min(0).max(255).default(0) })
      .describe(
        'The program ended by itself with this exit code. Not applied to samples that expect a reason or an exit code.',
      ),
    z
      .strictObject({ kind: z.literal('includes'), ignoreCase: z.boolean().default(false) })
      .describe('The answer contains the target.'),
    z
      .strictObject({ kind: z.literal('exact') })
      .describe('The answer, without surrounding white space, is the target.'),
    z
      .strictObject({ kind: z.literal('regex'), pattern: z.string().min(1).max(1_000).optional() })
      .describe('The answer matches the pattern (RE2 syntax, anywhere in it), or the target read as a pattern.'),
    z
      .strictObject({ kind: z.literal('choice') })
      .describe('The answer names the choices that the target names by their letters, such as B or A,C.'),
    z
      .strictObject({
        kind: z.literal('numeric'),
        tolerance: z.number().min(0).max(1e300).default(0).describe('How far it may be from the target.'),
        relative: z
          .number()
          .min(0)
          .max(1)
          .default(0)
          .describe('The same as a part of the target; the wider one holds.'),
        from: z
          .enum(['last', 'first', 'whole'])
          .default('last')
          .describe('Which number of the answer counts; whole: the answer is a number and nothing else.'),
      })
      .describe('A number of the answer is the target.'),
    z
      .strictObject({
        kind: z.literal('json'),
        schema: z.record(z.string(), z.json()).optional().describe('JSON Schema 2020-12 that the answer fits.'),
        matchTarget: z.boolean().default(false).describe('The answer is also the target, both read as JSON.'),
      })
      .describe('The answer, or the only code block in it, is JSON and as asked for.'),
    z
      .strictObject({
        kind: z.literal('program'),
        language: z.enum(['python', 'shell']).default('python'),
        source,
        timeout: duration('30s', 100, 3_600_000).default('30s'),
      })
      .describe(
        'Trusted scoring code, run in a fresh sandbox that sees the answer, the conversation and the final files. Its last line of output is its score as JSON.',
      ),
    z
      .strictObject({
        kind: z.literal('model-graded'),
        rubric: z.string().min(1).max(20_000).describe('What makes an answer right, in words for the grader.'),
        model: modelName.describe('The grader: a model of the platform’s configuration.'),
        partial: z.boolean().default(false).describe('Whether it may give half a point.'),
        sees: z
          .enum(['answer', 'transcript'])
          .default('answer')
          .describe('What it is shown, as data: the answer, or the whole conversation.'),
      })
      .describe('Another model judges by a rubric.'),
    z
      .strictObject({
        kind: z.literal('kernel'),
        rules: z.array(ruleId).min(1).max(40).optional().describe('Rules of the platform; any one that held counts.'),
        on: z
          .string()
          .max(40)
          .regex(
            /^(kernel\.[a-z-]+|output|usage|canary|end)$/,
            'must be a kind of event, such as kernel.open or output',
          )
          .optional()
          .describe('For a condition of its own: what it is asked of.'),
        condition: z.string().min(1).max(2_000).optional().describe('CEL, as in the platform’s rules.'),
        expect: z.enum(['seen', 'unseen']).default('seen').describe('Which of both gives the point.'),
      })
      .describe('What the sandbox did as seen from outside, by rules or a condition.'),
  ]);
