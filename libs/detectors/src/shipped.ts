import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadRules } from './load.ts';
import type { Loaded } from './load.ts';
import type { RuleFile } from './rule.ts';
import type { CompiledRules } from './rule-set.ts';

export const shippedFolder = fileURLToPath(new URL('../rules/', import.meta.url));

/** The rule files of a folder by name: `*.yaml` and `*.yml`. None when there is no such folder. */
export const ruleFilesOf = (folder: string): RuleFile[] => {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => ({ path: join(folder, name), text: readFileSync(join(folder, name), 'utf8') }));
};

let shipped: CompiledRules | null = null;

/** The rules that come with the platform. Reads them once. @throws when one of them is wrong, which a test rules out. */
export const shippedRules = (): CompiledRules => {
  if (shipped !== null) return shipped;
  const loaded = loadRules(ruleFilesOf(shippedFolder));
  if (!loaded.ok) throw new Error(`a shipped rule is wrong: ${JSON.stringify(loaded.problems[0])}`);
  shipped = loaded.rules;
  return shipped;
};

/**
 * The shipped rules and beside them an operator's own of a folder. An operator's rule cannot take a shipped one's id.
 * @param folder null or not there: shipped rules only
 */
export const rulesWith = (folder: string | null): Loaded => {
  if (folder === null) return { ok: true, rules: shippedRules() };
  return loadRules([...ruleFilesOf(shippedFolder), ...ruleFilesOf(folder)]);
};
