import type { Command } from 'commander';
import { pc } from '../colours.ts';
import { readSettings } from '../config.ts';
import { exitCodes } from '../exit.ts';
import { examine, type Finding } from '../platform/doctor.ts';
import { printJson } from '../terminal.ts';

const marks: Record<Finding['state'], string> = { ok: pc.green('✓'), warn: pc.yellow('!'), fail: pc.red('✗') };

const print = (finding: Finding): void => {
  process.stdout.write(`${marks[finding.state]} ${finding.name.padEnd(15)} ${finding.found}\n`);
  if (finding.remedy) process.stdout.write(`  ${''.padEnd(15)} ${pc.dim('→')} ${finding.remedy}\n`);
};

const doctor = async ({ json }: { json?: true }): Promise<void> => {
  const findings = await examine(readSettings());
  const count = (state: Finding['state']): number => findings.filter((finding) => finding.state === state).length;
  if (count('fail') > 0) process.exitCode = exitCodes.failed;
  if (json) {
    printJson({ ok: count('fail') === 0, findings });
    return;
  }
  findings.forEach(print);
  const verdict =
    count('fail') === 0 ? 'Ready for ./crucible up.' : `${count('fail')} to mend before ./crucible up can work.`;
  process.stdout.write(`\n${verdict}\n`);
};

export const register = (program: Command): void => {
  program
    .command('doctor')
    .description('check everything the platform needs; say what is wrong and the exact remedy')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Changes nothing. Exit code 1 when something must be mended first.

Examples:
  $ ./crucible doctor
  $ ./crucible doctor --json`,
    )
    .action(doctor);
};
