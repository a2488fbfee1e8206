import type { Command } from 'commander';
import { pc } from '../colours.ts';
import { readSettings } from '../config.ts';
import { loginLink } from '../login-link.ts';
import { ensurePlatform } from '../platform/platform.ts';
import { seconds } from '../platform/steps.ts';
import { printJson, terminalSteps } from '../terminal.ts';

const up = async ({ json }: { json?: true }): Promise<void> => {
  const started = performance.now();
  const steps = terminalSteps({ json: json === true });
  const info = await ensurePlatform({ settings: readSettings(), steps });
  const ms = Math.round(performance.now() - started);
  const login = await loginLink(info);
  if (json) {
    printJson({ type: 'up', url: info.url, loginUrl: login ?? null, home: info.home, ms, steps: info.steps });
    return;
  }
  process.stdout.write(`\n${pc.bold('Crucible is up')} after ${seconds(ms)}: ${info.url}\n`);
  if (login) process.stdout.write(`Log in with this link, once: ${pc.cyan(login)}\n`);
};

export const register = (program: Command): void => {
  program
    .command('up')
    .description('start whatever is not running and print the address of the UI')
    .option('--json', 'one JSON object a line: each step, then the result')
    .addHelpText(
      'after',
      `
Installs what is missing (Debian, Ubuntu), starts NATS, Postgres, a container engine with gVisor and the
services. On a platform that is up, nothing is changed.

Examples:
  $ ./crucible up
  $ CRUCIBLE_PORT=4800 ./crucible up                     another port, remembered from then on
  $ CRUCIBLE_HOME=/srv/crucible ./crucible up            another place for all state
  $ CRUCIBLE_DATABASE_URL=postgres://… ./crucible up     a Postgres of yours (also: CRUCIBLE_NATS_URL)`,
    )
    .action(up);
};
