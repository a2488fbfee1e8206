import type { Command } from 'commander';
import { registerTrialVerb } from '../client/trial-verb.ts';

export const register = (program: Command): void =>
  registerTrialVerb(program, 'terminate', {
    description: 'end running trials of a model, one by one',
    done: 'is being ended',
    help: 'What they said and did is kept, but is no result: they end as errored, without scores, and are not attempted again, also where their executor died before it heard of it. ./crucible cancel ends a whole evaluation.',
  });
