import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readSettings } from '../config.ts';
import { locateHome } from './home.ts';
import type { Home } from './home.ts';
import { readSpec } from './process.ts';
import { currentSettings } from './settings.ts';
import type { Remembered } from './settings.ts';

/** The operator's models: the file that was named, which must then be there, or the one in the home if it is. */
export const modelsFile = (home: Home, remembered: Remembered): string | null => {
  if (remembered.CRUCIBLE_MODELS_FILE !== undefined) return resolve(remembered.CRUCIBLE_MODELS_FILE);
  const usual = join(home.root, 'models.yaml');
  return existsSync(usual) ? usual : null;
};

/** The same for the home that this command line is about. */
export const currentModelsFile = (): string | null => {
  const settings = readSettings();
  const home = locateHome(settings.home);
  return modelsFile(home, currentSettings(home, settings.given));
};

/**
 * The keys that the models' entries name by environment variables: as they are now, else as the executor was given them
 * before, so that another terminal can bring the platform up again. What is missing or wrong is the executor's to say.
 */
export const modelKeys = async (
  home: Home,
  remembered: Remembered,
  environment: NodeJS.ProcessEnv,
): Promise<Record<string, string>> => {
  const file = modelsFile(home, remembered);
  if (file === null) return {};
  // Most verbs have nothing to do with models, and the libraries behind them take their time to load.
  const { loadModels } = await import('@crucible/models');
  const loaded = await loadModels(file);
  if (!loaded.ok) return {};
  const before = readSpec(home, 'sandbox-executor')?.env ?? {};
  return Object.fromEntries(
    loaded.keyVariables.flatMap((name) => {
      const value = environment[name] ?? before[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
};
