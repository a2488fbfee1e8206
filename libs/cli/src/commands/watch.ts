import type { Command } from 'commander';
import { currentClient, saying } from '../client/access.ts';
import type { ApiClient } from '../client/api-client.ts';
import { resolveId } from '../client/evaluations.ts';
import { watchReplies } from '../client/watch-replies.ts';
import { watchToEnd } from '../client/watch.ts';

const replies = async (client: ApiClient, id: string, trialId: string, json: boolean): Promise<void> => {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  const write = (text: string): void => void process.stdout.write(text);
  await watchReplies(client, { id, trialId }, { json, signal: interrupt.signal, write });
};

const watch = async (given: string, { json, trial }: { json?: true; trial?: string }): Promise<void> => {
  const client = await currentClient();
  await saying(async () => {
    const id = await resolveId(client, given);
    if (trial !== undefined) return replies(client, id, trial, json === true);
    await watchToEnd(client, [{ id, url: client.address(`/evaluations/${id}`).href }], json === true);
  });
};

export const register = (program: Command): void => {
  program
    .command('watch')
    .description('show an evaluation live until it ends, then its results')
    .argument('<evaluationId>', 'its id, or the beginning of it')
    .option('--trial <id>', 'show what the model of one trial says while it says it, such as 0-1-1')
    .option('--json', 'one JSON object a line; the last one is the result')
    .addHelpText(
      'after',
      `
Exit codes: 0 the evaluation completed and every trial passed (of a model: was scored), 1 not, 2 there is no such
evaluation. With --trial: 0 the trial ended, 2 there is no such one.
Ctrl-C stops watching; the evaluation goes on.

Examples:
  $ ./crucible watch 019af3c2-71b0
  $ ./crucible watch 019af3c2-71b0 --trial 0-1-1`,
    )
    .action(watch);
};
