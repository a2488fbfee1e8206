import { describe, expect, it } from 'vitest';
import { checkPromises, simulate } from '../testing/index.ts';

const SEEDS = 3_000;

/** Of all runs together: they are work of seconds for a machine with nothing else to do. */
const TIMEOUT_MS = 60_000;

/** One seed, to look at a failure again: its log is printed. */
const replay = undefined as number | undefined;

describe('schedule, simulated', () => {
  it(
    `keeps its promises through ${SEEDS} runs of cancels, stops, budgets, errors, deaths and restarts`,
    () => {
      const events = {
        'crucible.evaluation.completed.v1': 0,
        'crucible.trial.withdrawn.v1': 0,
        'crucible.trial.dispatched.v1': 0,
        'crucible.stop.engaged.v1': 0,
        'crucible.stop.released.v1': 0,
        'crucible.trial.budget-reached.v1': 0,
      };
      for (let seed = replay ?? 1; seed <= (replay ?? SEEDS); seed += 1) {
        try {
          const simulation = simulate({ seed });
          if (replay !== undefined)
            console.log(
              simulation.log.entries
                .map(
                  ({ position, event, seen }) => `${position} ${event.type} ${JSON.stringify(event.data)} seen ${seen}`,
                )
                .join('\n'),
            );
          checkPromises(simulation);
          for (const { event } of simulation.log.entries)
            if (event.type in events) events[event.type as keyof typeof events] += 1;
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error });
        }
      }
      // The runs would prove nothing if nothing happened in them.
      for (const count of Object.values(events)) expect(count).toBeGreaterThan(replay === undefined ? SEEDS / 3 : -1);
    },
    TIMEOUT_MS,
  );
});
