import type { Command } from 'commander';
import { registerTrialVerb } from '../client/trial-verb.ts';

export const register = (program: Command): void =>
  registerTrialVerb(program, 'pause', {
    description: 'hold running trials of a model before their next turn',
    done: 'is held before its next turn',
    help: 'Their sandboxes stay, and time that trials are held is no working time. It survives restarts: an attempt that takes the place of a lost one begins paused. ./crucible resume lets them go on.',
  });
