import { profilesOf, strict, tighten } from '@crucible/domain';
import type { LimitField, SandboxProfile } from '@crucible/domain';
import { durationText, limitsOf, sizeText } from '@crucible/suite';
import type { Suite } from '@crucible/suite';
import { readProfilesFile } from '@crucible/suite/load';
import { problem, ProblemException } from '../problem.ts';

export type Profiles = ReadonlyMap<string, SandboxProfile>;

/** `strict`, and what the operator's file adds. @throws Error saying what is wrong with the file and where */
export const readProfiles = async (path: string | undefined): Promise<Profiles> => {
  const made = profilesOf(path === undefined ? [] : await readProfilesFile(path));
  if (!made.ok) throw new Error(`${path ?? ''} cannot be used:\n${made.problems.join('\n')}`);
  return made.profiles;
};

/** What a suite calls each limit, and how its values are written there. */
const written: Readonly<Record<LimitField, readonly [field: string, text: (value: number) => string]>> = {
  cpuMillis: ['cpu', (millis) => String(millis / 1_000)],
  memoryBytesMax: ['memory', sizeText],
  pidsMax: ['pids', String],
  diskBytesMax: ['disk', sizeText],
  tmpBytesMax: ['tmp', sizeText],
  filesOpenMax: ['openFiles', String],
  fileBytesMax: ['fileSize', sizeText],
  wallTimeMsMax: ['wallTime', durationText],
  outputBytesMax: ['output', sizeText],
};

const CALL_FOR = 'Ask for less, or ask the operator of this platform for a profile that allows it.';

/**
 * Refuses a suite whose sandbox no configured profile allows. The executor would refuse it as well; here its author is told.
 * @throws ProblemException naming each field by its JSON pointer, with the remedy
 */
export const refuseBeyondProfile = (suite: Suite, profiles: Profiles): void => {
  const { profile: name } = suite.sandbox;
  const profile = profiles.get(name);
  if (profile === undefined) {
    const known = [...profiles.keys()].join(', ');
    const detail = `There is no profile "${name}" on this platform: there is ${known}. Use one of them, or leave it out for ${strict.name}.`;
    throw new ProblemException(
      problem(422, 'unknown-profile', detail, [{ pointer: '/suite/sandbox/profile', detail }]),
    );
  }
  const granted = tighten(profile, limitsOf(suite.sandbox));
  if (granted.ok) return;
  const errors = granted.problems.map(({ field, asked, most }) => {
    const [key, text] = written[field];
    const detail = `asks for ${text(asked)}; the profile ${name} allows at most ${text(most)}`;
    return { pointer: `/suite/sandbox/${key}`, detail };
  });
  const detail = `The suite's sandbox is beyond the profile ${name}: ${errors.map((each) => each.pointer).join(', ')}. ${CALL_FOR}`;
  throw new ProblemException(problem(422, 'beyond-profile', detail, errors));
};
