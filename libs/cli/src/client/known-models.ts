import { UsageFailure } from '../exit.ts';
import { currentModelsFile } from '../platform/models-file.ts';

/**
 * Names of the models that the platform has: those of its file, and the scripted ones.
 * @throws UsageFailure that lists every mistake in the file
 */
export const knownModels = async (): Promise<string[]> => {
  // Not at the top: programs are run without what models need.
  const { loadModels, modelsProblemLine } = await import('@crucible/models');
  const loaded = await loadModels(currentModelsFile());
  if (!loaded.ok) throw new UsageFailure(loaded.problems.map(modelsProblemLine).join('\n       '));
  return loaded.models.map(({ name }) => name);
};
