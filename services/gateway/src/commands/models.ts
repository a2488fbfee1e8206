import type { KnownModel, ModelList, SubmitRequest } from '@crucible/api';
import { displayableLine } from '@crucible/events';
import { namedModels } from '@crucible/suite';
import type { Suite } from '@crucible/suite';
import { problem, ProblemException } from '../problem.ts';
import { pointerTo } from '../request.ts';

const NAMED_MAX = 30;

const thoseThereAre = (models: readonly KnownModel[]): string => {
  const names = models.slice(0, NAMED_MAX).map(({ name }) => name);
  const more = models.length > NAMED_MAX ? ` and ${models.length - NAMED_MAX} more` : '';
  return `There is ${names.join(', ')}${more}: GET /api/v1/models.`;
};

type Asked = Extract<SubmitRequest['subject'], { model: string }>;
/** A model itself, or an agent's program, which is given one to ask. */
const isAsked = (subject: SubmitRequest['subject']): subject is Asked => subject !== undefined && 'model' in subject;

/**
 * Refuses a submission that needs a model which no executor has. Where an executor has not told all of its models, the
 * submission is taken: the executor itself refuses to call what it does not have.
 * @throws ProblemException naming each field by its JSON pointer, and the models there are
 */
export const refuseUnknownModels = (
  suite: Suite,
  subject: SubmitRequest['subject'],
  { items, complete }: Pick<ModelList, 'items' | 'complete'>,
): void => {
  if (!complete) return;
  const asked = [
    ...(isAsked(subject) ? [{ path: ['subject', 'model'], model: subject.model }] : []),
    ...namedModels(suite).map(({ path, model }) => ({ path: ['suite', ...path], model })),
  ];
  const errors = asked
    .filter(({ model }) => !items.some(({ name }) => name === model))
    .map(({ path, model }) => ({
      pointer: pointerTo(path),
      detail: `There is no model "${displayableLine(model, 200)}" on this platform. ${thoseThereAre(items)}`,
    }));
  const [first] = errors;
  if (first === undefined) return;
  throw new ProblemException(problem(422, 'unknown-model', first.detail, errors));
};

/** Whether a submission of a suite asks any model. */
export const asksModels = (suite: Suite, subject: SubmitRequest['subject']): boolean =>
  isAsked(subject) || namedModels(suite).length > 0;
