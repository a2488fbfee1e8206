import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { currentClient, saying } from '../client/access.ts';
import { getPage, getSuite } from '../client/evaluation-page.ts';
import { resolveId, submit } from '../client/evaluations.ts';
import { retryRequest } from '../client/retry-suite.ts';
import { safe } from '../client/text.ts';
import { watchToEnd } from '../client/watch.ts';
import { pc } from '../colours.ts';

interface RetryOptions {
  readonly errored?: true;
  readonly json?: true;
}

const retry = async (given: string, options: RetryOptions): Promise<void> => {
  const json = options.json === true;
  const client = await currentClient();
  await saying(async () => {
    const id = await resolveId(client, given);
    const [page, suite] = await Promise.all([getPage(client, id), getSuite(client, id)]);
    const request = retryRequest(page, suite, options.errored === true);
    const accepted = await submit(client, request, randomUUID(), (ms) => pause(ms));
    const url = client.address(accepted.url).href;
    const { position } = accepted;
    if (json) {
      const line = { type: 'submitted', evaluationId: accepted.id, position, url, retryOf: id };
      process.stdout.write(`${JSON.stringify(line)}\n`);
    } else {
      process.stderr.write(`${pc.bold(safe(suite.metadata.name, 64))} submitted, retry of ${id}: ${pc.dim(url)}\n`);
    }
    await watchToEnd(client, [{ id: accepted.id, url, position }], json);
  });
};

export const register = (program: Command): void => {
  program
    .command('retry')
    .description('run again what failed or errored in an evaluation, as a new one that names it')
    .argument('<evaluationId>', 'its id, or the beginning of it')
    .option('--errored', 'only what came to no score, such as for a provider that was down')
    .option('--json', 'one JSON object a line; the last one is the result')
    .addHelpText(
      'after',
      `
The new evaluation has the suite as it was submitted then, whatever has become of its files since, the same subject and
the same budget. Samples are tried with all of their epochs. Exit codes are those of run.

Examples:
  $ ./crucible retry 019af3c2-71b0
  $ ./crucible retry 019af3c2-71b0 --errored`,
    )
    .action(retry);
};
