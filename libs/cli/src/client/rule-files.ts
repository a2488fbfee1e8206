import { readFileSync, statSync } from 'node:fs';
import { loadRules, ruleBounds, ruleFilesOf, shippedFolder } from '@crucible/detectors';
import type { CompiledRules, RuleFile, RuleProblem } from '@crucible/detectors';
import { UsageFailure } from '../exit.ts';
import { misuse } from './failure.ts';
import { safe } from './text.ts';

const readRule = (path: string): RuleFile => {
  try {
    const { size } = statSync(path);
    if (size > ruleBounds.fileBytesMax) throw new Error(`is ${size} bytes, at most ${ruleBounds.fileBytesMax}`);
    return { path, text: readFileSync(path, 'utf8') };
  } catch (error) {
    throw misuse(`${safe(path)}: ${error instanceof Error ? error.message : 'cannot be read'}`);
  }
};

/** `FILE:LINE:COLUMN: field: message`, as editors understand it. */
export const problemLine = ({ path, line, column, field, message }: RuleProblem): string =>
  `${safe(path)}:${line}:${column}: ${field === '' ? '' : `${field}: `}${message}`;

/**
 * Rules of these files, and nothing else.
 * @throws UsageFailure with every problem on a line of its own
 */
export const loadRuleFiles = (paths: readonly string[]): CompiledRules => {
  const loaded = loadRules(paths.map(readRule));
  if (loaded.ok) return loaded.rules;
  throw new UsageFailure(loaded.problems.map(problemLine).join('\n       '));
};

/** The same, beside the shipped rules: an id that is taken there is refused as well. */
export const checkRuleFiles = (paths: readonly string[]): CompiledRules => {
  const own = loadRuleFiles(paths);
  const shipped = ruleFilesOf(shippedFolder).filter(({ path }) => !paths.includes(path));
  const together = loadRules([...shipped, ...paths.map(readRule)]);
  if (together.ok) return own;
  throw new UsageFailure(together.problems.map(problemLine).join('\n       '));
};
