import { toolSpecSchema } from '@crucible/events';
import { z } from 'zod';
import { byteSize, duration } from './quantities.ts';

const KiB = 1024;
const MiB = 1024 ** 2;

/** Bounds of conversations, whatever a suite asks for. */
export const conversationMaxima = {
  promptChars: 100_000,
  messages: 200,
  turns: 1_000,
  tokens: 100_000_000,
  costUsd: 100_000,
  calls: 1_000_000,
  timeMs: 86_400_000,
  tools: 32,
  toolSchemaBytes: 64 * KiB,
  approvalRules: 50,
  choices: 26,
  /** Words of an agent program's command, and characters of one of them. */
  commandWords: 100,
  commandWordChars: 4_000,
} as const;

/** Text that a model is given. */
export const promptSchema = z.string().min(1).max(conversationMaxima.promptChars);

const system = promptSchema.optional().describe('System prompt.');

const samplingSchema = z
  .strictObject({
    temperature: z.number().min(0).max(2).optional(),
    topP: z.number().min(0).max(1).optional(),
    outputTokens: z.int().min(1).max(1_000_000).optional().describe('Of one reply.'),
    seed: z.int().optional(),
    stop: z.array(z.string().min(1).max(200)).max(8).optional(),
  })
  .describe('How replies are sampled; what is left out is up to the provider.');

export const conversationLimitsSchema = z
  .strictObject({
    turns: z.int().min(1).max(conversationMaxima.turns).default(50).describe('Replies of the subject.'),
    messages: z.int().min(1).max(10_000).optional().describe('Messages of the conversation, whoever said them.'),
    tokens: z.int().min(1).max(conversationMaxima.tokens).optional().describe('Read and written, of all calls.'),
    cost: z.number().min(0).max(conversationMaxima.costUsd).optional().describe('In US dollars.'),
    calls: z
      .int()
      .min(1)
      .max(conversationMaxima.calls)
      .optional()
      .describe('Calls to models: those of the subject and of a simulated user, and none of a grader.'),
    time: duration('10m', 100, conversationMaxima.timeMs)
      .optional()
      .describe('Working time, without what is waited for at providers or for people.'),
  })
  .describe('Of one trial; reaching one ends it with that reason, and what it came to is scored.');

export const builtinTools = ['bash', 'python', 'read_file', 'write_file', 'submit'] as const;
export type BuiltinTool = (typeof builtinTools)[number];

/** A program that comes with the suite: run in the sandbox as a tool, or in one of its own as a scorer. */
const programShape = {
  language: z.enum(['python', 'shell']),
};

const jsonSchemaSchema = z.record(z.string(), z.json());

/** @param source how the text of a program may be given here */
export const toolSchemaOf = <S extends z.ZodType>(source: S) =>
  z.union(
    [
      z.enum(builtinTools),
      z
        .strictObject({
          name: toolSpecSchema.shape.name,
          description: z.string().min(1).max(4_000),
          parameters: jsonSchemaSchema.describe('JSON Schema of the arguments: an object.'),
          program: z
            .strictObject({ ...programShape, source })
            .describe(
              'Run in the trial’s sandbox. Gets the arguments as JSON on standard input; what it prints is the result.',
            ),
          timeout: duration('30s', 100, 3_600_000).optional(),
          output: byteSize('64KiB', KiB, MiB).optional(),
        })
        .describe('A tool of this suite.'),
    ],
    {
      error: ({ input }) =>
        typeof input === 'object' && input !== null && !Array.isArray(input)
          ? undefined
          : `must be one of ${builtinTools.join(', ')}, or a tool of the suite's own: { name, description, parameters, program }`,
    },
  );

export const approvalRuleSchema = z
  .strictObject({
    tool: z.string().min(1).max(64).describe('Name of a tool, or * for every one.'),
    pattern: z
      .string()
      .min(1)
      .max(1_000)
      .optional()
      .describe('RE2 pattern over the arguments as JSON; without it the rule is for every call.'),
    action: z.enum(['auto', 'ask', 'deny']),
    timeout: duration('10m', 1_000, conversationMaxima.timeMs)
      .optional()
      .describe('For ask: denied when nobody has decided by then; 10m when left out.'),
  })
  .describe('The first rule that fits a tool call decides; a call that none fits is run.');
export type ApprovalRule = z.infer<typeof approvalRuleSchema>;

/** Of solvers whose conversations are not gone on with. */
const resume = z
  .enum(['retry', 'lost'])
  .default('retry')
  .describe('What becomes of a trial whose executor died: it is attempted again, or is lost.');

const chatFields = {
  kind: z.literal('chat'),
  system,
  turns: z
    .array(promptSchema)
    .min(1)
    .max(conversationMaxima.messages)
    .optional()
    .describe('What is said to the subject behind the sample’s input, one after each of its replies.'),
  user: z
    .strictObject({
      model: z.string().min(1).max(200).describe('A model of the platform’s configuration.'),
      instructions: promptSchema.describe('Whom it plays, what it knows and wants.'),
      turnsMax: z.int().min(1).max(conversationMaxima.turns).default(10),
      until: z.string().min(1).max(1_000).optional().describe('RE2 pattern: what it says that ends the conversation.'),
    })
    .optional()
    .describe('A simulated user, in place of turns.'),
  limits: conversationLimitsSchema.prefault({}),
  parameters: samplingSchema.prefault({}),
  resume,
};

const agentProgramLimits = conversationLimitsSchema
  .omit({ messages: true })
  .extend({
    turns: z
      .int()
      .min(1)
      .max(conversationMaxima.turns)
      .default(50)
      .describe('Replies that it is given: calls it makes to its model.'),
    time: duration('10m', 100, conversationMaxima.timeMs)
      .default('10m')
      .describe('Working time of the program, without what its calls wait for at providers or for people.'),
  })
  .describe('Of one trial; reaching one ends it with that reason, and what it came to is scored.');

/** One word of a command: it goes to the program as it is, and to no shell. */
const word = z
  .string()
  .max(conversationMaxima.commandWordChars)
  .regex(/^[^\0]*$/, 'must not hold a zero byte');

const agentProgramFields = {
  kind: z.literal('agent-program'),
  name: z
    .string()
    .max(64)
    .regex(
      /^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$/,
      'must be lower-case letters, digits, hyphens and dots, at most 64, such as "tiny-agent"',
    )
    .describe('What the agent is called where it is shown as what was evaluated.'),
  command: z
    .array(word)
    .min(1)
    .max(conversationMaxima.commandWords)
    .refine(([program]) => program !== '', 'must begin with the name of a program')
    .optional()
    .describe(
      'Program and arguments, run in /work. A name without a slash is looked up in PATH. May be left out where sandbox.image is an image with a command of its own, which is then the agent.',
    ),
  limits: agentProgramLimits.prefault({}),
  resume,
};

/** How the parts of a solver that are files may be given. */
export interface SolverContents<S extends z.ZodType, F extends z.ZodType> {
  /** Text of a program. */
  readonly source: S;
  /** Files by their path in the work folder. */
  readonly files: F;
}

export const solverSchemaOf = <S extends z.ZodType, F extends z.ZodType>({ source, files }: SolverContents<S, F>) =>
  z.discriminatedUnion('kind', [
    z
      .strictObject({ kind: z.literal('program') })
      .describe('The sample’s own source is run. The subject is a program.'),
    z
      .strictObject({
        kind: z.literal('generate'),
        system,
        limits: conversationLimitsSchema.prefault({}),
        parameters: samplingSchema.prefault({}),
        resume,
      })
      .describe('A model answers the sample’s input once.'),
    z.strictObject(chatFields).describe('A conversation: scripted turns, or a simulated user.'),
    z
      .strictObject({
        kind: z.literal('agent'),
        system,
        tools: z
          .array(toolSchemaOf(source))
          .max(conversationMaxima.tools)
          .default(() => [...builtinTools] as never),
        toolTimeout: duration('60s', 100, 3_600_000).default('60s').describe('Of one tool call.'),
        toolOutput: byteSize('64KiB', KiB, MiB)
          .default('64KiB')
          .describe('Of one tool call; what is beyond is dropped.'),
        limits: conversationLimitsSchema.prefault({}),
        parameters: samplingSchema.prefault({}),
        approval: z.array(approvalRuleSchema).max(conversationMaxima.approvalRules).default([]),
        resume: z
          .enum(['transcript', 'retry', 'lost'])
          .default('retry')
          .describe(
            'What becomes of a trial whose executor died: it goes on behind its last whole turn in a fresh sandbox, is attempted again, or is lost.',
          ),
      })
      .describe('A model acts with tools in the trial’s sandbox until it submits, stops or reaches a limit.'),
    z
      .strictObject({ ...agentProgramFields, files })
      .describe(
        'A program that drives itself in the trial’s sandbox, and reaches its model by an OpenAI-compatible endpoint there. The subject is the agent.',
      ),
  ]);
