import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of this checkout. */
export const repository = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/\/$/, '');

/** Folder with published datasets: `CRUCIBLE_TEST_DATA`, by default `shared/data` beside the checkout. */
const dataFolder = process.env['CRUCIBLE_TEST_DATA'] || join(repository, '../shared/data');

/** Path of a dataset's file, or undefined where this machine does not have it. */
export const findData = (name: string): string | undefined => {
  const path = join(dataFolder, name);
  return existsSync(path) ? path : undefined;
};
export const dataHint = `not in ${dataFolder}; set CRUCIBLE_TEST_DATA to a folder that has it`;

/**
 * A home to keep between test runs (`CRUCIBLE_E2E_HOME`), for whoever works on these tests: bring-up is then a second.
 * Without it each run has a new platform, removed at its end.
 */
export const keptHome = process.env['CRUCIBLE_E2E_HOME'] || undefined;
export const keptPort = process.env['CRUCIBLE_E2E_PORT'] || '4788';
/** Where its model is looked for. */
export const keptModelPort = 4787;

/** The environment of a child: ours without our own settings, so that nobody's platform is touched by accident. */
export const environmentWith = (more: Readonly<Record<string, string>>): Record<string, string> => {
  const own = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('CRUCIBLE_'),
  );
  return { ...Object.fromEntries(own), ...more };
};
