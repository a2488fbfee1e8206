import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { pc } from '../colours.ts';
import { platformMaxima } from '@crucible/suite';
import { currentClient, saying, startedClient } from '../client/access.ts';
import { submit } from '../client/evaluations.ts';
import { findSuite } from '../client/find-suite.ts';
import { safe } from '../client/text.ts';
import { watchToEnd } from '../client/watch.ts';
import { readSettings } from '../config.ts';
import { wholeNumber } from '../client/whole-number.ts';

interface RunOptions {
  readonly concurrency?: string;
  readonly json?: true;
  readonly start: boolean;
}

/** @throws UsageFailure unless it is a whole number the platform takes */
export const parseConcurrency = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  return wholeNumber('--concurrency', text, platformMaxima.concurrency);
};

const run = async (given: string, options: RunOptions): Promise<void> => {
  const json = options.json === true;
  const concurrency = parseConcurrency(options.concurrency);
  // A suite that cannot run is said before anything is started.
  const suite = await findSuite(given, readSettings().repository);
  const client = options.start ? await startedClient(json) : await currentClient();
  await saying(async () => {
    const request = { suite, ...(concurrency === undefined ? {} : { concurrency }) };
    const accepted = await submit(client, request, randomUUID(), (ms) => pause(ms));
    const url = client.address(accepted.url).href;
    if (json) {
      const { id: evaluationId, position } = accepted;
      process.stdout.write(`${JSON.stringify({ type: 'submitted', evaluationId, position, url })}\n`);
    } else {
      const { name, version } = suite.metadata;
      process.stderr.write(`${pc.bold(safe(name))} ${safe(version)} submitted: ${pc.dim(url)}\n`);
    }
    await watchToEnd(client, accepted.id, { json, url, position: accepted.position });
  });
};

export const register = (program: Command): void => {
  program
    .command('run')
    .description('run a suite: start what is not running, show it live, print the results')
    .argument('<suite>', 'folder or file of a suite, or the name of one in suites/')
    .option('--concurrency <n>', 'trials at once, where less than the suite asks for is wanted')
    .option('--json', 'one JSON object a line; the last one is the result')
    .option('--no-start', 'fail when the platform is not running, instead of starting it')
    .addHelpText(
      'after',
      `
Exit codes: 0 the evaluation completed and every trial passed, 1 not, 2 misuse (such as a suite with mistakes),
3 the platform could not be started. Ctrl-C stops watching; the evaluation goes on.

Examples:
  $ ./crucible run suites/first-contact
  $ ./crucible run suites/first-contact --json | tail -n 1
  $ ./crucible run my-suite/suite.yaml --concurrency 2`,
    )
    .action(run);
};
