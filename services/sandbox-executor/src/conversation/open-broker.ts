import { createBroker, loadModels, modelsProblemLine } from '@crucible/models';
import type { Environment, ModelBroker } from '@crucible/models';
import { ConfigInvalid } from '@crucible/service-kit';
import type { Logger } from '@crucible/service-kit';

const PROBLEMS_TOLD_MAX = 20;

/**
 * The models of an executor, with their keys: no other process has these.
 * @throws ConfigInvalid naming file, line and field of each mistake
 */
export const openBroker = async (
  { CRUCIBLE_MODELS_FILE: file }: { readonly CRUCIBLE_MODELS_FILE?: string | undefined },
  environment: Environment,
  logger: Logger,
): Promise<ModelBroker> => {
  const loaded = await loadModels(file ?? null, environment);
  if (!loaded.ok) {
    const lines = loaded.problems.slice(0, PROBLEMS_TOLD_MAX).map((problem) => `  ${modelsProblemLine(problem)}`);
    throw new ConfigInvalid(`the models of CRUCIBLE_MODELS_FILE are not usable:\n${lines.join('\n')}`);
  }
  for (const warning of loaded.warnings) logger.warn(modelsProblemLine(warning));
  logger.info({ models: loaded.models.map(({ name }) => name) }, 'models loaded');
  return createBroker(loaded.models, loaded.keys);
};
