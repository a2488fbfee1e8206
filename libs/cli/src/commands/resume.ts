import type { Command } from 'commander';
import { registerTrialVerb } from '../client/trial-verb.ts';

export const register = (program: Command): void =>
  registerTrialVerb(program, 'resume', {
    description: 'let paused trials go on',
    done: 'goes on',
    help: 'Exit codes: 0 they go on, 1 one of them was not paused, 2 misuse.',
  });
