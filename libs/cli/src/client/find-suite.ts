import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { displayableLine } from '@crucible/events';
import type { Suite } from '@crucible/suite';
import { loadSuite, problemLine } from '@crucible/suite/load';
import { misuse } from './failure.ts';

/**
 * The suite that a person names: a folder or file, or the name of a folder in the checkout's `suites/`.
 * @throws UsageFailure that lists every mistake in it
 */
export const findSuite = async (given: string, repository: string): Promise<Suite> => {
  const shelved = join(repository, 'suites', given);
  const path = !existsSync(given) && /^[a-z0-9-]+$/.test(given) && existsSync(shelved) ? shelved : given;
  const loaded = await loadSuite(path);
  if (loaded.ok) return loaded.suite;
  const { problems } = loaded;
  const what = problems.length === 1 ? 'this suite cannot be run:' : `this suite has ${problems.length} mistakes:`;
  const lines = problems.map((problem) => `\n  ${displayableLine(problemLine(problem), 1_000)}`);
  throw misuse(`${what}${lines.join('')}`);
};
