import type { SubmitRequest } from '@crucible/api';
import { modelsAtOnceMax, namedModels } from '@crucible/suite';
import type { Suite } from '@crucible/suite';
import { misuse } from './failure.ts';
import { safe } from './text.ts';

type SubmitSubject = NonNullable<SubmitRequest['subject']>;

/** `scorers[1].model` */
const fieldOf = (path: readonly (string | number)[]): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .slice(1);

const namesText = (known: readonly string[]): string => `those there are: ${known.join(', ')}`;

const refuseUnknown = (suite: Suite, models: readonly string[], known: readonly string[]): void => {
  const unknown = models.filter((model) => !known.includes(model));
  if (unknown.length > 0)
    throw misuse(`--model: there is no model ${unknown.map((model) => safe(model, 100)).join(', ')}`, namesText(known));
  const missing = namedModels(suite).find(({ model }) => !known.includes(model));
  if (missing !== undefined)
    throw misuse(
      `${safe(suite.metadata.name, 64)}: ${fieldOf(missing.path)}: there is no model ${safe(missing.model, 100)}`,
      `add it to the file of models (docs/models.md), or name another; ${namesText(known)}`,
    );
};

/**
 * The subjects that a suite is to be run against, one an evaluation.
 * @param known names of the models that the platform has
 * @throws UsageFailure when suite and models do not go together, or a model is not known
 */
export const subjectsFor = (suite: Suite, models: readonly string[], known: readonly string[]): SubmitSubject[] => {
  const name = safe(suite.metadata.name, 64);
  const { kind } = suite.solver;
  if (kind === 'program') {
    if (models.length === 0) return [{ kind: 'program' }];
    throw misuse(
      `--model: ${name} runs the suite's own programs (solver program), which no model takes the place of`,
      'leave out --model, or run a suite whose solver is generate, chat, agent or agent-program',
    );
  }
  if (models.length === 0)
    throw misuse(
      `${name} ${kind === 'agent-program' ? 'runs an agent that uses' : 'asks'} a model (solver ${kind}): name one with --model`,
      `such as: ./crucible run ${name} --model ${known[0] ?? 'NAME'}; ${namesText(known)}`,
    );
  const twice = models.find((model, index) => models.indexOf(model) !== index);
  if (twice !== undefined)
    throw misuse(`--model ${safe(twice, 100)} is there twice`, 'to try every sample more than once, give --epochs N');
  if (models.length > modelsAtOnceMax)
    throw misuse(`--model: ${models.length} models are more than the ${modelsAtOnceMax} that one command takes`);
  refuseUnknown(suite, models, known);
  return models.map((model) => ({ kind: kind === 'agent-program' ? 'agent' : 'model', model }));
};
