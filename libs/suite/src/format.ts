import {
  capabilityClassSchema,
  epochReducerSchema,
  imageNameSchema,
  reasonSchema,
  verdictSchema,
} from '@crucible/events';
import { z } from 'zod';
import { scorerSchemaOf } from './format-scorers.ts';
import { conversationMaxima, promptSchema, solverSchemaOf } from './format-solver.ts';
import { byteSize, duration } from './quantities.ts';

const MiB = 1024 ** 2;

/** What no suite can exceed under the profile `strict`, and what bounds every suite. Bytes, milliseconds, cores. */
export const platformMaxima = {
  cpuCores: 2,
  memoryBytes: 2_048 * MiB,
  pids: 512,
  diskBytes: 1_024 * MiB,
  tmpBytes: 256 * MiB,
  filesOpen: 4_096,
  wallTimeMs: 3_600_000,
  outputBytes: 64 * MiB,
  samples: 20_000,
  epochs: 100,
  concurrency: 256,
  attempts: 5,
  sourceBytes: 512 * 1024,
  filesPerSample: 50,
  fileBytes: 1 * MiB,
  suiteBytes: 32 * MiB,
} as const;

/** What no operator's profile can allow: beyond these the machinery around a sandbox was never meant to work. */
export const operatorCeilings = {
  cpuCores: 64,
  memoryBytes: 64 * 1_024 * MiB,
  pids: 4_096,
  diskBytes: 32 * 1_024 * MiB,
  tmpBytes: 8 * 1_024 * MiB,
  filesOpen: 65_536,
  fileBytes: 32 * 1_024 * MiB,
  wallTimeMs: 86_400_000,
  outputBytes: 256 * MiB,
} as const;

const name = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/,
    'must be lower-case letters, digits and hyphens, at most 64, such as "first-contact"',
  );
/** One line a person reads: no control characters, so that it is safe in a terminal. */
const line = (charsMax: number) =>
  z
    .string()
    .min(1)
    .max(charsMax)
    .regex(
      /^[^\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]*$/u,
      'must be one line without control characters',
    );
const sampleId = line(100).regex(/^[^\s].*$/u, 'must not begin with a space');

export const metadataSchema = z.strictObject({
  name,
  version: z.string().regex(/^\d+\.\d+\.\d+$/, 'must be a version such as 1.0.0'),
  title: line(120),
  description: z.string().max(4_000).default(''),
  licence: line(100).optional(),
  source: line(300).optional(),
  capability: capabilityClassSchema.optional().describe('The dangerous capability that it measures.'),
});

export const profileNameSchema = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, 'must be lower-case letters, digits and hyphens, at most 32');

const ceilings = operatorCeilings;

/** How large each may be is a matter of the profile; `strict` is checked with the suite, others when it is submitted. */
export const sandboxSchema = z.strictObject({
  profile: profileNameSchema
    .default('strict')
    .describe('What the sandbox is made by. Only an operator can add profiles that allow more than "strict" does.'),
  image: imageNameSchema
    .default('python')
    .describe(
      'Root file system the trial starts from: "python", or an image that the operator added (./crucible images add).',
    ),
  cpu: z.number().min(0.1).max(ceilings.cpuCores).default(1).describe('Cores.'),
  memory: byteSize('256MiB', 64 * MiB, ceilings.memoryBytes).default('256MiB'),
  pids: z.int().min(1).max(ceilings.pids).default(64).describe('Processes and threads of the guest.'),
  disk: byteSize('64MiB', 1 * MiB, ceilings.diskBytes)
    .default('64MiB')
    .describe('Size of the work folder.'),
  tmp: byteSize('16MiB', 1 * MiB, ceilings.tmpBytes)
    .optional()
    .describe('Size of /tmp; 16MiB when left out.'),
  openFiles: z.int().min(16).max(ceilings.filesOpen).optional().describe('Of one process; 1024 when left out.'),
  fileSize: byteSize('64MiB', 4_096, ceilings.fileBytes)
    .optional()
    .describe('Largest file; the size of the work folder when left out.'),
  wallTime: duration('10s', 100, ceilings.wallTimeMs).default('10s'),
  output: byteSize('1MiB', 1024, ceilings.outputBytes)
    .default('1MiB')
    .describe('Bytes of stdout and stderr kept; one more ends the trial.'),
});

const base64 = z.strictObject({ base64: z.base64().max(Math.ceil(platformMaxima.fileBytes / 3) * 4) });
const text = z.string().max(platformMaxima.fileBytes);
const beside = z.strictObject({ file: line(300).describe('Path of a file beside the suite.') });
const content = z.union([text, base64, beside], {
  error: 'must be text, { base64: … } or { file: … }, of at most 1MiB',
});
/** A file's content as it travels: text, or bytes in Base64. */
export const inlineContentSchema = z.union([text, base64], {
  error:
    'must be text or { base64: … }, of at most 1MiB; a file beside the suite must be read in before it is submitted',
});
/** How a trial can end. That its sandbox or its model failed, or that people ended it, is no result, so no sample can expect it. */
const endSchema = reasonSchema.exclude(['engine-failure', 'stopped', 'lease-lost', 'model-failure', 'terminated']);
export const guestPathSchema = z
  .string()
  .min(1)
  .max(200)
  .regex(
    /^(?!\/)(?!.*\/(\/|$))(?!.*(^|\/)\.\.?(\/|$))[^\u0000-\u001f\\]+$/u,
    'must be a path below the work folder, without "..", empty parts or control characters',
  );

/** Files of a work folder by their path. @param content how one may be given here */
export const filesSchemaOf = <C extends z.ZodType>(content: C) =>
  z
    .record(guestPathSchema, content)
    .refine(
      (files) => Object.keys(files).length <= platformMaxima.filesPerSample,
      `at most ${platformMaxima.filesPerSample} files`,
    );

export const expectationSchema = z
  .strictObject({
    reason: z
      .union([endSchema, z.array(endSchema).min(1)], {
        error: `must be one of ${endSchema.options.join(', ')}, or a list of them`,
      })
      .optional()
      .describe('How the trial must end; any of several where the machine may choose.'),
    exitCode: z.int().min(0).max(255).optional(),
    containment: verdictSchema
      .optional()
      .describe('What observation from outside must conclude. Judged only where the kernel is observed.'),
    includes: z.string().min(1).max(1_000).optional().describe('Text that the output must contain.'),
    alerts: z
      .array(
        z
          .string()
          .max(64)
          .regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, 'must be the id of a rule, such as own-canary-printed'),
      )
      .max(40)
      .optional()
      .describe(
        'Rules that must have raised an alert of medium severity or worse: these and no others. An empty list: none at all.',
      ),
  })
  .describe('What containment must give for this sample; scored beside the scorers.');

/** A program as it travels: its text. */
export const sourceSchema = z.string().min(1).max(platformMaxima.sourceBytes);
const targetText = z.string().min(1).max(10_000);
const metadataValue = z.union([z.string().max(2_000), z.number(), z.boolean(), z.null()], {
  error: 'must be a text of at most 2000 characters, a number, true, false or null',
});

/** A program's text, or a file beside the suite that holds it. */
const sourceOrBeside = z.union([sourceSchema, beside], {
  error: 'must be text, or { file: … } for a text file beside the suite',
});

const messagesInput = z.strictObject({
  messages: z
    .array(z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: promptSchema }))
    .min(1)
    .max(conversationMaxima.messages),
});

/** @param source how the text of a program may be given here */
export const inputSchemaOf = <S extends z.ZodType>(source: S) =>
  z.union([
    promptSchema,
    messagesInput,
    z.strictObject({
      language: z.enum(['python', 'shell']),
      source,
      stdin: z.string().max(platformMaxima.fileBytes).optional(),
    }),
  ]);

export const sampleSchema = z.strictObject({
  id: sampleId,
  input: inputSchemaOf(sourceOrBeside).describe(
    'A program, for the solver program. For models: the prompt, or the messages a conversation begins with.',
  ),
  choices: z
    .array(z.string().min(1).max(2_000))
    .min(2)
    .max(conversationMaxima.choices)
    .optional()
    .describe('Shown behind the prompt, lettered from A; the target names the right ones.'),
  target: z
    .union([targetText, z.array(targetText).min(1).max(50)], {
      error: 'must be a text of 1 to 10000 characters, or a list of at most 50 of them',
    })
    .optional()
    .describe('What scorers compare the output with; any of several.'),
  files: filesSchemaOf(content).optional(),
  metadata: z.record(z.string().max(100), metadataValue).optional(),
  expectation: expectationSchema.optional(),
});

export const scorerSchema = scorerSchemaOf(sourceOrBeside);
export const solverSchema = solverSchemaOf({ source: sourceOrBeside, files: filesSchemaOf(content).prefault({}) });

const epochCount = z.int().min(1).max(platformMaxima.epochs);
export const epochsSchema = z.union(
  [epochCount, z.strictObject({ count: epochCount, reducer: epochReducerSchema.default('mean') })],
  {
    error: ({ input }) =>
      typeof input === 'object' && input !== null
        ? undefined
        : `must be a whole number from 1 to ${platformMaxima.epochs}, or { count, reducer }`,
  },
);

const evaluationBudget = {
  tokens: z.int().min(1).optional().describe('Tokens of the whole evaluation.'),
  cost: z.number().min(0).max(conversationMaxima.costUsd).optional().describe('US dollars of the whole evaluation.'),
  calls: z.int().min(1).optional().describe('Calls to models of the whole evaluation.'),
  time: duration('1h', 1_000, conversationMaxima.timeMs * 30)
    .optional()
    .describe('Working time of all trials together.'),
};

const samples = z.array(sampleSchema).min(1, 'a dataset needs at least one sample').max(platformMaxima.samples);

/** A suite as its author writes it. The JSON Schema in suites/schema is generated from this. */
export const suiteFileSchema = z.strictObject({
  apiVersion: z.literal('crucible/v1'),
  kind: z.literal('Suite'),
  metadata: metadataSchema,
  sandbox: sandboxSchema.prefault({}),
  dataset: z.union([
    z.strictObject({ samples }),
    z.strictObject({ file: line(300).describe('JSONL file beside the suite, one sample a line.') }),
  ]),
  solver: solverSchema.prefault({ kind: 'program' }),
  scorers: z.array(scorerSchema).max(10).default([]),
  epochs: epochsSchema
    .default(1)
    .describe('How often each sample is tried, and how the scores of its epochs become one.'),
  limits: z
    .strictObject({
      concurrency: z
        .int()
        .min(1)
        .max(platformMaxima.concurrency)
        .default(8)
        .describe('Trials of this evaluation at once.'),
      attempts: z
        .int()
        .min(1)
        .max(platformMaxima.attempts)
        .default(3)
        .describe('Attempts at a trial whose sandbox, not its program, failed.'),
      ...evaluationBudget,
    })
    .prefault({}),
});
export type SuiteFile = z.infer<typeof suiteFileSchema>;
export type SuiteFileInput = z.input<typeof suiteFileSchema>;
export type Sample = z.infer<typeof sampleSchema>;
export type Scorer = z.infer<typeof scorerSchema>;
export type Expectation = z.infer<typeof expectationSchema>;
