import { imageOfSubject, OWN_IMAGE } from '@crucible/domain';
import type { ImageAgent } from '@crucible/domain';
import type { Subject } from '@crucible/events';
import type { Suite } from '@crucible/suite';

/** An image that sandboxes can be made from. */
export interface SandboxImage {
  readonly name: string;
  /** What the engine is told to start; of an image that was added its digest, so that it is no other one. */
  readonly reference: string;
  readonly digest: string;
  /** What it says of the agent in it; null for the platform's own. */
  readonly agent: ImageAgent | null;
}

/** What an executor has in its engine. */
export interface Images {
  find(name: string): SandboxImage | undefined;
  /** Looks in the engine again. @throws EngineError when it cannot be asked */
  reload(): Promise<void>;
}

/** The platform's own images alone, by the engine's references. */
export const fixedImages = (references: Readonly<Record<string, string>>): Images => ({
  find: (name) => {
    const reference = references[name];
    return reference === undefined ? undefined : { name, reference, digest: `sha256:${'0'.repeat(64)}`, agent: null };
  },
  reload: () => Promise.resolve(),
});

/** Those that a program needs to find where it may write, and what it is given to reach its model by. */
const ours = /^(HOME|TMPDIR|OPENAI_.*)$/;

/**
 * What an image adds to the environment of what runs in it. It may say where programs are, which ours could only guess; it
 * cannot take away a tripwire, a folder that can be written to, or the way to the model.
 */
export const imageEnvironment = (
  agent: ImageAgent | null,
  tripwires: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(agent?.env ?? {}).filter(([name]) => !ours.test(name) && !(name in tripwires)));

/** Why a suite cannot be run on what is here under the name of its image, or null. */
export const imageRefusal = (suite: Suite, subject: Subject | null, image: SandboxImage | undefined): string | null => {
  const { image: name } = suite.sandbox;
  const remedy = `add the image by ./crucible images add ${name} FILE.tar, and submit again`;
  if (image === undefined) return `this executor has no image "${name}": ${remedy}`;
  const wanted = subject?.kind === 'agent' ? subject.image : null;
  if (wanted !== null && wanted !== imageOfSubject(name, image.digest))
    return `the evaluation is of ${wanted}, and "${name}" is ${image.digest} here by now: it was replaced. Submit again to evaluate that one`;
  const { solver } = suite;
  const isBare = (image.agent?.command.length ?? 0) === 0;
  return solver.kind === 'agent-program' && solver.command === undefined && isBare
    ? `the image "${name}" has no entry point and no command: say what to run in it as solver.command`
    : null;
};

/** Whether it is only for this evaluation to say which image is meant: the platform's own is nobody's to replace. */
export const isAdded = ({ sandbox }: Suite): boolean => sandbox.image !== OWN_IMAGE;
