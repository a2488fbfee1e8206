import type { Command } from 'commander';
import { currentClient, saying } from '../client/access.ts';
import { cancel, resolveId, shortId } from '../client/evaluations.ts';
import { misuse } from '../client/failure.ts';
import { printJson } from '../terminal.ts';

const REASON_CHARS_MAX = 500;

const run = async (given: string, options: { readonly reason?: string; readonly json?: true }): Promise<void> => {
  if ((options.reason?.length ?? 0) > REASON_CHARS_MAX) {
    throw misuse(`--reason is longer than ${REASON_CHARS_MAX} characters`);
  }
  const client = await currentClient();
  await saying(async () => {
    const id = await resolveId(client, given);
    const accepted = await cancel(client, id, options.reason);
    if (options.json) return printJson({ evaluationId: accepted.id, position: accepted.position, url: accepted.url });
    process.stdout.write(`Cancelling ${id}: what runs is stopped, what waits is withdrawn.\n`);
    process.stdout.write(`  ./crucible watch ${shortId(id)}    to see it end\n`);
  });
};

export const register = (program: Command): void => {
  program
    .command('cancel')
    .description('end an evaluation: stop what runs, withdraw what waits')
    .argument('<evaluationId>', 'its id, or the beginning of it')
    .option('--reason <text>', 'why, for the record')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Exit codes: 0 it is being cancelled, 1 it had ended or was being cancelled already, 2 there is no such evaluation.

Examples:
  $ ./crucible cancel 019af3c2-71b0 --reason "wrong suite"`,
    )
    .action(run);
};
