import { imageCommandBytesMax, imageCommandWordsMax, imageNameSchema } from '@crucible/events';
import { z } from 'zod';

/**
 * Sandbox images that operators add: how the engine holds them. Who makes one (the command line) and who runs it (an
 * executor) know each other by this alone.
 */

/** The name that is the platform's own image, and nobody else's. */
export const OWN_IMAGE = 'python';

const REPOSITORY = 'crucible-image';
/** What the engine calls the image of this name. */
export const imageReference = (name: string): string => `${REPOSITORY}/${name}:latest`;

/** The name that an engine's reference stands for; null for a reference that is none of ours. */
export const imageNameOf = (reference: string): string | null => {
  const name = new RegExp(`^${REPOSITORY}/([^/:]+):latest$`).exec(reference)?.[1];
  return name !== undefined && name !== OWN_IMAGE && imageNameSchema.safeParse(name).success ? name : null;
};

/** What an image says of the agent in it, kept in a label: nothing that the engine itself would act on. */
export const AGENT_LABEL = 'crucible.image.agent';
export const imageEnvBytesMax = 64 * 1024;

const text = z.string().regex(/^[^\0]*$/, 'must not hold a zero byte');
const bytes = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).byteLength;

export const imageAgentSchema = z.object({
  /** Entry point and command, one after the other. */
  command: z
    .array(text)
    .max(imageCommandWordsMax)
    .refine((words) => bytes(words) <= imageCommandBytesMax, `must not be longer than ${imageCommandBytesMax} bytes`),
  /** Its own environment. It reaches the agent, and never what proves the sandbox. */
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a name'), text)
    .refine((env) => bytes(env) <= imageEnvBytesMax, `must not be longer than ${imageEnvBytesMax} bytes`),
  /** Where it is begun: an absolute path. */
  folder: text.regex(/^\//, 'must be an absolute path').max(1_000),
});
export type ImageAgent = z.infer<typeof imageAgentSchema>;

/** What a label says; null where it says nothing that can be used. */
export const readAgentLabel = (label: string | undefined): ImageAgent | null => {
  try {
    const read = imageAgentSchema.safeParse(JSON.parse(label ?? 'null'));
    return read.success ? read.data : null;
  } catch {
    return null;
  }
};

/** Below this folder an image that was added has our own runtime: nothing of the image's is needed to begin a sandbox. */
export const RUNTIME_FOLDER = '/.crucible';

/**
 * How a program of our runtime's Python is begun. The loader is named, so that none of the image's is; it looks for
 * libraries in our folder and in no cache, and Python takes nothing from its environment or from a site of the image's.
 */
export const runtimePython = (program: string): string[] => [
  `${RUNTIME_FOLDER}/lib/ld.so`,
  '--inhibit-cache',
  '--library-path',
  `${RUNTIME_FOLDER}/lib`,
  `${RUNTIME_FOLDER}/bin/python3`,
  '-I',
  '-S',
  '-c',
  program,
];

/** Python would look for a locale among the image's files, were it not told of one that is built in. */
export const runtimeEnv: readonly string[] = ['LC_ALL=C'];

/** How a subject names an image: by its name, and by what it was when the evaluation was submitted. */
export const imageOfSubject = (name: string, digest: string): string => `${name}@${digest}`;
