import type { Command } from 'commander';
import { currentClient, saying } from '../client/access.ts';
import { resolveId } from '../client/evaluations.ts';
import { watchToEnd } from '../client/watch.ts';

const watch = async (given: string, { json }: { json?: true }): Promise<void> => {
  const client = await currentClient();
  await saying(async () => {
    const id = await resolveId(client, given);
    await watchToEnd(client, [{ id, url: client.address(`/evaluations/${id}`).href }], json === true);
  });
};

export const register = (program: Command): void => {
  program
    .command('watch')
    .description('show an evaluation live until it ends, then its results')
    .argument('<evaluationId>', 'its id, or the beginning of it')
    .option('--json', 'one JSON object a line; the last one is the result')
    .addHelpText(
      'after',
      `
Exit codes: 0 the evaluation completed and every trial passed (of a model: was scored), 1 not, 2 there is no such
evaluation.
Ctrl-C stops watching; the evaluation goes on.

Examples:
  $ ./crucible watch 019af3c2-71b0`,
    )
    .action(watch);
};
