import type { Budget, EpochReducer, SandboxLimits } from '@crucible/events';
import { z } from 'zod';
import { crossChecks } from './cross-checks.ts';
import { scorerSchemaOf } from './format-scorers.ts';
import { solverSchemaOf } from './format-solver.ts';
import {
  filesSchemaOf,
  inlineContentSchema,
  inputSchemaOf,
  platformMaxima,
  sampleSchema,
  sourceSchema,
  suiteFileSchema,
} from './format.ts';
import type { SuiteFile } from './format.ts';
import { bytesOf, msOf } from './quantities.ts';

/** A sample with its program and files inside it. */
export const inlineSampleSchema = sampleSchema.extend({
  input: inputSchemaOf(sourceSchema),
  files: filesSchemaOf(inlineContentSchema).optional(),
});

/** The fields of an inline suite, each for itself; `suiteSchema` adds what only the whole can tell. */
export const suiteShape = suiteFileSchema.extend({
  dataset: z.strictObject({
    samples: z.array(inlineSampleSchema).min(1, 'a dataset needs at least one sample').max(platformMaxima.samples),
  }),
  solver: solverSchemaOf({ source: sourceSchema, files: filesSchemaOf(inlineContentSchema).prefault({}) }).prefault({
    kind: 'program',
  }),
  scorers: z.array(scorerSchemaOf(sourceSchema)).max(10).default([]),
});

/** A suite whose samples and files are all inside it: what travels to the platform and is stored under its digest. */
export const suiteSchema = suiteShape.superRefine((suite, context) => {
  crossChecks(suite).forEach(({ path, message }) => context.addIssue({ code: 'custom', path: [...path], message }));
});
export type Suite = z.infer<typeof suiteSchema>;
export type SuiteSample = Suite['dataset']['samples'][number];
export type SuiteSolver = Suite['solver'];
/** What asks the subject; all but `program` ask a model. */
export const solverKinds = [
  'program',
  'generate',
  'chat',
  'agent',
  'agent-program',
] as const satisfies readonly SuiteSolver['kind'][];
export type SuiteScorer = Suite['scorers'][number];
export type SuiteTool = Exclude<Extract<SuiteSolver, { kind: 'agent' }>['tools'][number], string>;

/** What a sample of the solver `program` holds. */
export type ProgramInput = Extract<SuiteSample['input'], { language: unknown }>;
export const isProgramInput = (input: SuiteSample['input']): input is ProgramInput =>
  typeof input === 'object' && 'language' in input;

export const epochsOf = ({
  epochs,
}: Pick<Suite, 'epochs'>): { readonly count: number; readonly reducer: EpochReducer } =>
  typeof epochs === 'number' ? { count: epochs, reducer: 'mean' } : epochs;

const MICRO = 1_000_000;
/** US dollars as an author writes them, in millionths. */
export const microUsd = (dollars: number): number => Math.round(dollars * MICRO);

/** What a suite lets one evaluation of it use. */
export const budgetOf = ({ limits }: Pick<Suite, 'limits'>): Budget => ({
  tokensMax: limits.tokens ?? null,
  costMicroUsdMax: limits.cost === undefined ? null : microUsd(limits.cost),
  callsMax: limits.calls ?? null,
  timeMsMax: limits.time === undefined ? null : msOf(limits.time),
});

const TMP_BYTES_MAX = 16 * 1024 ** 2;
const FILES_OPEN_MAX = 1_024;
const BLOCK_BYTES = 4_096;

/** The bounds a suite's sandbox section asks for, in bytes, milliseconds and thousandths of a core. */
export const limitsOf = (sandbox: SuiteFile['sandbox']): SandboxLimits => ({
  cpuMillis: Math.round(sandbox.cpu * 1_000),
  memoryBytesMax: bytesOf(sandbox.memory),
  pidsMax: sandbox.pids,
  diskBytesMax: bytesOf(sandbox.disk),
  wallTimeMsMax: msOf(sandbox.wallTime),
  outputBytesMax: bytesOf(sandbox.output),
  tmpBytesMax: sandbox.tmp === undefined ? TMP_BYTES_MAX : bytesOf(sandbox.tmp),
  filesOpenMax: sandbox.openFiles ?? FILES_OPEN_MAX,
  // Linux counts a file of exactly this size as allowed; one block more lets "no space left" come before "file too large".
  fileBytesMax: sandbox.fileSize === undefined ? bytesOf(sandbox.disk) + BLOCK_BYTES : bytesOf(sandbox.fileSize),
});
