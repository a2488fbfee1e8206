import { createHash } from 'node:crypto';
import type { SandboxLimits } from '@crucible/events';
import { z } from 'zod';
import { operatorCeilings, profileNameSchema } from './format.ts';
import { parseOperatorText, readOperatorFile } from './operator-file.ts';
import type { OperatorParsed } from './operator-file.ts';
import { byteSize, bytesOf, duration, msOf } from './quantities.ts';

/** A profile as an operator's file has it. What it leaves out is as in `strict`. */
export interface ConfiguredProfile {
  readonly name: string;
  /** Changes whenever anything in the profile does. */
  readonly version: string;
  readonly kernelPlatforms: readonly string[] | undefined;
  readonly max: Partial<SandboxLimits>;
}

const FILE_BYTES_MAX = 64 * 1024;
const PROFILES_MAX = 20;
const VERSION_CHARS = 12;
const most = operatorCeilings;

const maxSchema = z.strictObject({
  cpu: z.number().min(0.1).max(most.cpuCores).optional(),
  memory: byteSize('8GiB', 1, most.memoryBytes).optional(),
  pids: z.int().min(1).max(most.pids).optional(),
  disk: byteSize('4GiB', 1, most.diskBytes).optional(),
  tmp: byteSize('1GiB', 1, most.tmpBytes).optional(),
  openFiles: z.int().min(1).max(most.filesOpen).optional(),
  fileSize: byteSize('4GiB', 1, most.fileBytes).optional(),
  wallTime: duration('4h', 1, most.wallTimeMs).optional(),
  output: byteSize('256MiB', 1, most.outputBytes).optional(),
});

const fileSchema = z.strictObject({
  profiles: z
    .record(
      profileNameSchema,
      z.strictObject({
        kernelPlatforms: z.array(z.string()).min(1).max(10).optional(),
        max: maxSchema.default({}),
      }),
    )
    .refine((profiles) => Object.keys(profiles).length <= PROFILES_MAX, `has more than ${PROFILES_MAX} profiles`),
});

const limitsIn = (max: z.infer<typeof maxSchema>): Partial<SandboxLimits> => {
  const limits: Partial<Record<keyof SandboxLimits, number | undefined>> = {
    cpuMillis: max.cpu === undefined ? undefined : Math.round(max.cpu * 1_000),
    memoryBytesMax: max.memory === undefined ? undefined : bytesOf(max.memory),
    pidsMax: max.pids,
    diskBytesMax: max.disk === undefined ? undefined : bytesOf(max.disk),
    tmpBytesMax: max.tmp === undefined ? undefined : bytesOf(max.tmp),
    filesOpenMax: max.openFiles,
    fileBytesMax: max.fileSize === undefined ? undefined : bytesOf(max.fileSize),
    wallTimeMsMax: max.wallTime === undefined ? undefined : msOf(max.wallTime),
    outputBytesMax: max.output === undefined ? undefined : bytesOf(max.output),
  };
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
};

const versionOf = (content: unknown): string =>
  createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, VERSION_CHARS);

/** An operator's profiles from their YAML text. Whether each may be is not decided here. */
export const parseProfiles = (text: string): OperatorParsed<readonly ConfiguredProfile[]> => {
  const parsed = parseOperatorText(fileSchema, text);
  if (!parsed.ok) return parsed;
  const profiles = Object.entries(parsed.data.profiles).map(([name, { kernelPlatforms, max }]) => {
    const limits = limitsIn(max);
    return { name, kernelPlatforms, max: limits, version: versionOf([kernelPlatforms ?? null, limits]) };
  });
  return { ok: true, data: profiles };
};

/** @throws Error saying what is wrong with the file and where; a file that is not there is an error, too */
export const readProfilesFile = async (path: string): Promise<readonly ConfiguredProfile[]> => {
  const parsed = parseProfiles(await readOperatorFile(path, FILE_BYTES_MAX));
  if (!parsed.ok) throw new Error(`${path} is not a file of profiles:\n${parsed.problems.join('\n')}`);
  return parsed.data;
};
