import type { Command } from 'commander';
import { currentClient, saying } from '../client/access.ts';
import { findTrial } from '../client/description.ts';
import { eraseEvidence, listTrials, resolveId } from '../client/evaluations.ts';
import { misuse } from '../client/failure.ts';
import { printJson } from '../terminal.ts';

const REASON_CHARS_MAX = 500;

interface EraseOptions {
  readonly trial?: string;
  readonly reason: string;
  readonly json?: true;
}

const run = async (given: string, options: EraseOptions): Promise<void> => {
  const reason = options.reason.trim();
  if (reason === '' || reason.length > REASON_CHARS_MAX)
    throw misuse(`--reason says why in 1 to ${REASON_CHARS_MAX} characters: it stays in the record`);
  const client = await currentClient();
  await saying(async () => {
    const id = await resolveId(client, given);
    const trial = options.trial === undefined ? undefined : findTrial(await listTrials(client, id), options.trial).id;
    const { position } = await eraseEvidence(client, id, trial, reason);
    if (options.json) return printJson({ evaluationId: id, trialId: trial, position });
    const what = trial === undefined ? `evaluation ${id}` : `trial ${trial} of ${id}`;
    process.stdout.write(`The evidence of ${what} is being erased; the request is position ${position} of the log.\n`);
    process.stdout.write('Its seals stay in the log, and the log still verifies: ./crucible audit verify\n');
  });
};

export const register = (program: Command): void => {
  program
    .command('erase')
    .description('erase what trials printed and did, for good; that it was erased stays in the log')
    .argument('<evaluationId>', 'its id, or the beginning of it')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--trial <trial>', 'only this trial’s: its id, or a sample’s id for its last attempt')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Only of what has ended. Results, seals and events stay: only the payload goes.

Exit codes: 0 it is being erased, 1 it has not ended, 2 there is no such thing.

Examples:
  $ ./crucible erase 019af3c2-71b0 --reason "a person's name was in the output"
  $ ./crucible erase 019af3c2-71b0 --trial fork-bomb --reason "asked for by legal"`,
    )
    .action(run);
};
