import type { SandboxLimits } from '@crucible/events';
import { z } from 'zod';
import { crossChecks } from './cross-checks.ts';
import {
  guestPathSchema,
  inlineContentSchema,
  platformMaxima,
  sampleSchema,
  sourceSchema,
  suiteFileSchema,
} from './format.ts';
import type { SuiteFile } from './format.ts';
import { bytesOf, msOf } from './quantities.ts';

/** A sample with its program and files inside it. */
export const inlineSampleSchema = sampleSchema.extend({
  input: sampleSchema.shape.input.extend({ source: sourceSchema }),
  files: z
    .record(guestPathSchema, inlineContentSchema)
    .refine(
      (files) => Object.keys(files).length <= platformMaxima.filesPerSample,
      `at most ${platformMaxima.filesPerSample} files`,
    )
    .optional(),
});

/** The fields of an inline suite, each for itself; `suiteSchema` adds what only the whole can tell. */
export const suiteShape = suiteFileSchema.extend({
  dataset: z.strictObject({
    samples: z.array(inlineSampleSchema).min(1, 'a dataset needs at least one sample').max(platformMaxima.samples),
  }),
});

/** A suite whose samples and files are all inside it: what travels to the platform and is stored under its digest. */
export const suiteSchema = suiteShape.superRefine((suite, context) => {
  crossChecks(suite).forEach(({ path, message }) => context.addIssue({ code: 'custom', path: [...path], message }));
});
export type Suite = z.infer<typeof suiteSchema>;
export type SuiteSample = Suite['dataset']['samples'][number];

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
