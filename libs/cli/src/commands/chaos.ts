import { randomInt } from 'node:crypto';
import type { Command } from 'commander';
import type { ChaosReport } from '../chaos/chaos.ts';
import { failed } from '../client/failure.ts';
import { exitCodes } from '../exit.ts';
import { printJson, span } from '../terminal.ts';
import { wholeNumber } from '../client/whole-number.ts';

interface Given {
  readonly seed?: string;
  readonly trials: string;
  readonly faults: string;
  readonly everyMs: string;
  readonly keep?: true;
  readonly json?: true;
}

const SEED_MAX = 2 ** 31 - 1;

const lines = (report: ChaosReport): string[] => {
  const { faults, trials, evaluations, cancels, events } = report;
  return [
    '',
    ...report.findings.map(({ promise, broken }) =>
      broken === null ? `  kept    ${promise}` : `  BROKEN  ${promise}: ${broken}`,
    ),
    '',
    `${report.ok ? 'ok' : 'BROKEN'}: ${faults.kills + faults.pauses} faults (${faults.kills} kills, ${faults.pauses} pauses) under ${trials} trials of ${evaluations} evaluations, ${cancels} cancels, ${events} events, ${span(report.durationMs)}, seed ${report.seed}`,
    ...(report.home === null ? [] : [`left running: CRUCIBLE_HOME=${report.home} ./crucible status`]),
  ];
};

const chaos = async (given: Given): Promise<void> => {
  const json = given.json === true;
  const options = {
    seed: given.seed === undefined ? randomInt(1, SEED_MAX) : wholeNumber('--seed', given.seed, SEED_MAX),
    trials: wholeNumber('--trials', given.trials, 100_000),
    faults: wholeNumber('--faults', given.faults, 100_000),
    everyMs: wholeNumber('--every-ms', given.everyMs, 60_000),
    keep: given.keep === true,
  };
  const { runChaos } = await import('../chaos/chaos.ts');
  const over = new AbortController();
  // Whoever interrupts it leaves no platform behind.
  const interrupt = (): void => over.abort(failed('interrupted; its platform is put away'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  const note = (line: string): void => void process.stderr.write(`${line}\n`);
  const report = await runChaos({ ...options, signal: over.signal }, note);
  if (json) printJson(report);
  else process.stdout.write(`${lines(report).join('\n')}\n`);
  process.exitCode = report.ok ? exitCodes.ok : exitCodes.failed;
};

export const register = (program: Command): void => {
  program
    .command('chaos')
    .description('kill and pause every part of a platform of its own while evaluations run, then check every promise')
    .option('--seed <n>', 'the same seed strikes the same faults; by default a new one, which is printed')
    .option('--trials <n>', 'trials to run at least', '60')
    .option('--faults <n>', 'faults to strike at least', '30')
    .option('--every-ms <n>', 'mean time between two faults', '1500')
    .option('--keep', 'leave the platform running afterwards')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
It never touches the platform you have running. Exit code 0 when every promise was kept, 1 when not.

Examples:
  $ ./crucible chaos --seed 7 --trials 60
  $ ./crucible chaos --faults 200 --json`,
    )
    .action(chaos);
};
