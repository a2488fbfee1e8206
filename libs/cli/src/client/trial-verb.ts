import type { Command } from 'commander';
import { printJson } from '../terminal.ts';
import { currentClient, saying } from './access.ts';
import type { ApiClient } from './api-client.ts';
import { shortId } from './evaluations.ts';
import { misuse } from './failure.ts';
import { commandTrial, placesOf } from './trial-commands.ts';
import type { TrialPlace, TrialVerb } from './trial-commands.ts';

const REASON_CHARS_MAX = 500;

interface VerbOptions {
  readonly trial?: string;
  readonly reason?: string;
  readonly json?: true;
}

/** @throws UsageFailure when it is longer than the log takes */
export const reasonIn = (text: string | undefined): string => {
  if ((text?.length ?? 0) <= REASON_CHARS_MAX) return text ?? '';
  throw misuse(`--reason is longer than ${REASON_CHARS_MAX} characters`);
};

/** Does something to each of some trials, and says what. One that refuses is named; the others have been asked. */
export const eachTrial = async <T>(
  places: readonly TrialPlace[],
  ask: (place: TrialPlace) => Promise<T>,
  say: (place: TrialPlace, answer: T) => void,
): Promise<void> => {
  let refusal: unknown;
  for (const place of places) {
    try {
      say(place, await ask(place));
    } catch (error) {
      refusal ??= error;
    }
  }
  if (refusal !== undefined) throw refusal;
};

interface VerbWords {
  readonly description: string;
  /** Said of each trial, behind its name. */
  readonly done: string;
  readonly help: string;
}

/** A verb that asks something of running trials of a model: all of an evaluation, or one. */
export const registerTrialVerb = (program: Command, verb: TrialVerb, words: VerbWords): void => {
  const run = async (given: string, options: VerbOptions): Promise<void> => {
    const reason = reasonIn(options.reason);
    const client: ApiClient = await currentClient();
    await saying(async () => {
      const places = await placesOf(client, given, options.trial);
      await eachTrial(
        places,
        (place) => commandTrial(client, place, verb, reason),
        ({ evaluationId, trialId }, accepted) => {
          if (options.json) printJson(accepted);
          else process.stdout.write(`trial ${trialId} of ${shortId(evaluationId)} ${words.done}\n`);
        },
      );
    });
  };
  program
    .command(verb)
    .description(words.description)
    .argument('<evaluationId>', 'its id, or the beginning of it')
    .option('--trial <trial>', 'one trial only: its id, or a sample’s id for its last attempt')
    .option('--reason <text>', 'why, for the record')
    .option('--json', 'print one JSON object a trial')
    .addHelpText(
      'after',
      `\n${words.help}\n\nExamples:\n  $ ./crucible ${verb} 019af3c2-71b0\n  $ ./crucible ${verb} 019af3c2-71b0 --trial tempted --reason "a closer look"`,
    )
    .action(run);
};
