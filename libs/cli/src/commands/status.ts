import type { Command } from 'commander';
import { openDeadLetters, openText } from '../client/dead-letters.ts';
import { concurrencyText, modelAccounts } from '../client/model-concurrency.ts';
import { safe } from '../client/text.ts';
import { pc } from '../colours.ts';
import { readSettings } from '../config.ts';
import { exitCodes } from '../exit.ts';
import { componentStatuses, type ComponentStatus } from '../platform/components.ts';
import { locateHome, readState, secretPath, type Archive } from '../platform/home.ts';
import { currentPlatform, type PlatformInfo } from '../platform/platform.ts';
import { loginLink } from '../login-link.ts';
import { columns, printJson, span } from '../terminal.ts';

const paint: Record<ComponentStatus['state'], (text: string) => string> = {
  ready: pc.green,
  'not-ready': pc.yellow,
  dead: pc.red,
  down: pc.dim,
};

const row = (component: ComponentStatus): string[] => [
  component.name,
  paint[component.state](component.state),
  component.pid === undefined ? (component.foreign ? 'yours' : '-') : String(component.pid),
  component.port === undefined ? '-' : String(component.port),
  component.uptimeMs === undefined ? '-' : span(component.uptimeMs),
];

/** Where other teams' programs read the bus; null where it is not ours to give out. */
const busForReaders = (info: PlatformInfo | undefined, components: readonly ComponentStatus[]): object | null => {
  if (!info || components.some(({ name, foreign }) => name === 'nats' && foreign)) return null;
  return { url: info.natsUrl, user: 'subscriber', passwordFile: secretPath(locateHome(info.home), 'nats-subscriber') };
};

const archiveLine = ({ status: state, size, origin, importedAt }: Archive): string =>
  state === 'whole'
    ? `An archive: the log ${origin} up to position ${size}, imported ${importedAt}. It is only read.`
    : 'An archive whose import was interrupted: ./crucible down --purge, and import again.';

const status = async ({ json }: { json?: true }): Promise<void> => {
  const settings = readSettings();
  const info = currentPlatform(settings);
  const components = await componentStatuses(settings, info);
  const up = components.every(({ state }) => state === 'ready');
  const { archive } = readState(locateHome(settings.home));
  const anything = components.some(({ state, foreign }) => state !== 'down' && !foreign);
  if (!up) process.exitCode = exitCodes.failed;
  const gatewayReady = components.some(({ name, state }) => name === 'gateway' && state === 'ready');
  const open = info && gatewayReady ? await openDeadLetters(info) : null;
  const models = await modelAccounts(info);
  if (json) {
    printJson({
      state: up ? 'up' : anything ? 'degraded' : 'down',
      url: info?.url ?? null,
      home: settings.home,
      archive: archive ?? null,
      bus: busForReaders(info, components),
      deadLettersOpen: open,
      models,
      components,
    });
    return;
  }
  const head = ['component', 'state', 'pid', 'port', 'up for'].map((text) => pc.bold(text));
  process.stdout.write(`${columns([head, ...components.map(row)])}\n\n`);
  if (archive) process.stdout.write(`${archiveLine(archive)}\n`);
  const hint = anything
    ? 'Not all of it is running; ./crucible up starts the rest.'
    : 'Not running; ./crucible up starts it.';
  const login = info && gatewayReady ? await loginLink(info) : undefined;
  process.stdout.write(info ? `${info.url}   (state in ${settings.home})\n` : '');
  if (login) process.stdout.write(`Log in with this link, once: ${pc.cyan(login)}\n`);
  const busy = (models ?? []).filter(({ inFlight, waiting, pausedMs }) => inFlight + waiting + pausedMs > 0);
  for (const account of busy)
    process.stdout.write(
      `${safe(account.provider, 40)} (${safe(account.models.join(', '), 120)}): ${concurrencyText(account)} calls at once\n`,
    );
  if (open) process.stdout.write(`${pc.yellow(openText(open))}: ./crucible dead-letters shows them\n`);
  if (!up) process.stdout.write(`${hint}\n`);
};

export const register = (program: Command): void => {
  program
    .command('status')
    .description('show every component: state, process, port, uptime')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Exit code 0 when everything is ready, 1 otherwise.

Examples:
  $ ./crucible status
  $ ./crucible status --json`,
    )
    .action(status);
};
