import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readSettings } from '../config.ts';
import { locateHome } from './home.ts';
import type { Home } from './home.ts';
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
