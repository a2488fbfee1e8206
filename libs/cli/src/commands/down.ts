import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { readSettings } from '../config.ts';
import { takeDown } from '../platform/down.ts';
import { printJson, terminalSteps } from '../terminal.ts';

const down = async (options: { purge?: true; json?: true }): Promise<void> => {
  const steps = terminalSteps({ json: options.json === true });
  const { home } = readSettings();
  const result = await takeDown(home, { purge: options.purge === true, steps });
  if (options.json) {
    printJson({ type: 'down', ...result, home });
    return;
  }
  const fate = result.purged ? 'all data is removed' : existsSync(home) ? `data stays in ${home}` : 'there is no data';
  const ended = result.stopped.length === 0 ? 'Nothing was running' : `Ended ${result.stopped.length} components`;
  process.stdout.write(`${ended}; ${fate}.\n`);
};

export const register = (program: Command): void => {
  program
    .command('down')
    .description('end everything this platform started; data stays')
    .option('--purge', 'remove all data as well: events, evidence, results, secrets, images')
    .option('--json', 'one JSON object a line: each step, then the result')
    .addHelpText(
      'after',
      `
Also cleans up after a crash. Ends nothing that it did not start.

Examples:
  $ ./crucible down
  $ ./crucible down --purge`,
    )
    .action(down);
};
