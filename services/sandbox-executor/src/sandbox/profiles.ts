import { profilesOf } from '@crucible/domain';
import type { SandboxProfile } from '@crucible/domain';
import { readProfilesFile } from '@crucible/suite/load';

/** By name: `strict`, and what the operator's file adds. @throws Error saying what is wrong with the file and where */
export const readProfiles = async (path: string | undefined): Promise<ReadonlyMap<string, SandboxProfile>> => {
  const made = profilesOf(path === undefined ? [] : await readProfilesFile(path));
  if (!made.ok) throw new Error(`${path ?? ''} cannot be used:\n${made.problems.join('\n')}`);
  return made.profiles;
};
