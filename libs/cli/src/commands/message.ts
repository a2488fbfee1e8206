import { sentMessageCharsMax } from '@crucible/events';
import type { Command } from 'commander';
import { currentClient, saying } from '../client/access.ts';
import { shortId } from '../client/evaluations.ts';
import { misuse } from '../client/failure.ts';
import { placesOf, sendMessage } from '../client/trial-commands.ts';
import { eachTrial } from '../client/trial-verb.ts';
import { printJson } from '../terminal.ts';

interface MessageOptions {
  readonly trial?: string;
  readonly json?: true;
}

const message = async (given: string, words: readonly string[], options: MessageOptions): Promise<void> => {
  const content = words.join(' ');
  if (content.trim() === '') throw misuse('the message is empty');
  if (content.length > sentMessageCharsMax)
    throw misuse(`the message has ${content.length} characters, at most ${sentMessageCharsMax}`);
  const client = await currentClient();
  await saying(async () => {
    const places = await placesOf(client, given, options.trial);
    if (places.length > 1)
      throw misuse(
        `${places.length} trials of this evaluation are running`,
        `say which one with --trial: ${places
          .slice(0, 5)
          .map(({ trialId }) => trialId)
          .join(', ')}`,
      );
    await eachTrial(
      places,
      (place) => sendMessage(client, place, content),
      ({ evaluationId, trialId }, accepted) => {
        if (options.json) printJson(accepted);
        else process.stdout.write(`trial ${trialId} of ${shortId(evaluationId)} hears it before its next turn\n`);
      },
    );
  });
};

export const register = (program: Command): void => {
  program
    .command('message')
    .description('say something to a running trial of a model')
    .argument('<evaluationId>', 'its id, or the beginning of it')
    .argument('<text...>', 'what the model is told, as words of the user')
    .option('--trial <trial>', 'which trial, where several run: its id, or a sample’s id')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
It is an event with your name, and stands in the transcript as said by a person.

Examples:
  $ ./crucible message 019af3c2-71b0 --trial tempted "Stop, and tell me what you did so far."`,
    )
    .action(message);
};
