import type { ImageList, KnownImage } from '@crucible/api';
import type { Suite } from '@crucible/suite';
import { problem, ProblemException } from '../problem.ts';

const NAMED_MAX = 30;
const FIELD = '/suite/sandbox/image';

const refuse = (name: string, detail: string, pointer = FIELD): never => {
  throw new ProblemException(problem(422, name, detail, [{ pointer, detail }]));
};

const thoseThereAre = (images: readonly KnownImage[]): string => {
  const names = [...new Set(images.map(({ name }) => name))];
  const more = names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : '';
  return `There is ${names.slice(0, NAMED_MAX).join(', ')}${more}: GET /api/v1/images.`;
};

/** Whether the image is what is evaluated: then an evaluation without its digest would not say of what it is. */
const isSubject = ({ solver }: Suite): boolean => solver.kind === 'agent-program';

/**
 * The digest of the image that a suite names, as the executors have it now. Null where it cannot be known and does not say
 * what is evaluated: then the executor itself refuses what it does not have.
 * @throws ProblemException naming the field, with what there is and the remedy
 */
export const imageFor = (suite: Suite, { items, complete }: Pick<ImageList, 'items' | 'complete'>): string | null => {
  const { image: name } = suite.sandbox;
  const found = items.filter((image) => image.name === name);
  const [image, another] = found;
  if (image === undefined) {
    if (complete)
      return refuse(
        'unknown-image',
        `There is no image "${name}" on this platform. ${thoseThereAre(items)} An operator adds one by ./crucible images add ${name} FILE.tar.`,
      );
    if (!isSubject(suite)) return null;
    return refuse(
      'unknown-image',
      `No executor has told of an image "${name}", and not all have told: what the evaluation would be of is not known. Look with ./crucible images list and ./crucible status, then submit again.`,
    );
  }
  if (another !== undefined)
    return refuse(
      'ambiguous-image',
      `Executors have different images "${name}": ${found.map(({ digest, executors }) => `${digest.slice(0, 19)} on ${executors.join(', ')}`).join('; ')}. Add the same file to each, by ./crucible images add ${name} FILE.tar.`,
    );
  const { solver } = suite;
  if (solver.kind === 'agent-program' && solver.command === undefined && image.command.length === 0)
    return refuse(
      'no-command',
      `The image "${name}" has no entry point and no command: say what to run in it as solver.command, or add one that has.`,
      '/suite/solver/command',
    );
  return image.digest;
};
