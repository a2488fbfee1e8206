import type { Dispatch } from '@crucible/domain';
import type { Suite } from '@crucible/suite';
import type { Place } from '../trials/trial-run.ts';
import { carriedTo } from './carried.ts';
import type { Earlier } from './plan.ts';
import { resumeFrom } from './resume.ts';
import type { ResumePorts } from './resume.ts';

/** What the earlier attempts at a trial leave to the one that takes their place. @throws BusUnavailable */
export const earlierOf = async (
  ports: ResumePorts,
  place: Place,
  dispatch: Dispatch,
  suite: Pick<Suite, 'solver'>,
): Promise<Earlier> => ({
  before: await resumeFrom(ports, place, dispatch, suite),
  carried: await carriedTo(ports, place, dispatch, suite),
});
