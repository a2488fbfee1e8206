import { existsSync, readdirSync } from 'node:fs';
import { displayable } from '@crucible/events';
import { Command, CommanderError } from 'commander';
import { pc } from './colours.ts';
import { readSettings } from './config.ts';
import { exitCodes, UsageFailure } from './exit.ts';
import { messageOf, PlatformFailure } from './platform/failure.ts';

/** What a file in `commands/` offers: one verb, named as the file is. */
interface CommandModule {
  register(program: Command): void;
}

const folder = new URL('./commands/', import.meta.url);
const order = [
  'run',
  'watch',
  'list',
  'show',
  'compare',
  'export',
  'retry',
  'replay',
  'events',
  'alerts',
  'kernel',
  'stop',
  'cancel',
  'pause',
  'resume',
  'message',
  'terminate',
  'approvals',
  'erase',
  'models',
  'images',
  'audit',
  'up',
  'down',
  'status',
  'doctor',
  'dead-letters',
  'logs',
  'import',
  'baseline',
  'bench',
  'test',
];
const rank = (verb: string): number => (order.indexOf(verb) + order.length + 1) % (order.length + 1);

const verbs = (): string[] =>
  readdirSync(folder)
    .flatMap((file) => /^([a-z-]+)\.(?:ts|js)$/.exec(file)?.[1] ?? [])
    .sort((a, b) => rank(a) - rank(b));

const load = async (verb: string): Promise<CommandModule> => {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return (await import(new URL(`${verb}.${extension}`, folder).href)) as CommandModule;
};

const program = new Command('crucible')
  .description('Run models and programs that may try to escape, watch them live, and prove afterwards what happened.')
  .exitOverride()
  .showHelpAfterError('(see: crucible --help)')
  .configureHelp({ showGlobalOptions: false })
  .addHelpText(
    'after',
    `
Examples:
  $ ./crucible run suites/first-contact    start what is not running, run a suite, print the results
  $ ./crucible up                          start the platform and print the address of its UI
  $ ./crucible doctor                      check what this machine has and lacks

State lives in .crucible/ or CRUCIBLE_HOME; the UI listens on CRUCIBLE_PORT (4700).
Exit codes: 0 ok, 1 failed, 2 misuse, 3 the platform could not be started.`,
  );

/** Only the verb that was asked for is loaded, so that no verb pays for what the others import. */
const registerAsked = async (asked: string | undefined): Promise<void> => {
  const known = verbs();
  const wanted = asked !== undefined && known.includes(asked) ? [asked] : known;
  for (const verb of wanted) (await load(verb)).register(program);
  // Set after registration: commands are made by their files, and inherit nothing later.
  prepare(program.commands, 'crucible');
};

const prepare = (commands: readonly Command[], path: string): void => {
  for (const command of commands) {
    const name = `${path} ${command.name()}`;
    command.exitOverride().showHelpAfterError(`(see: ${name} --help)`);
    prepare(command.commands, name);
  }
};

const explain = (error: unknown): number => {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.misuse;
  }
  const write = (text: string): boolean => process.stderr.write(`${text}\n`);
  if (readSettings().debug) write(error instanceof Error ? (error.stack ?? error.message) : String(error));
  // A name or an answer that is part of it may be anybody's.
  else write(`${pc.red('error:')} ${displayable(messageOf(error))}`);
  if (error instanceof PlatformFailure) {
    if (error.remedy) write(`${pc.bold('way out:')} ${error.remedy}`);
    return exitCodes.platform;
  }
  return error instanceof UsageFailure ? exitCodes.misuse : exitCodes.failed;
};

// A reader that went away, such as `head`, is no failure of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    throw error;
  });
}

try {
  if (!existsSync(folder)) throw new Error('this checkout has no commands');
  const words = process.argv.slice(2);
  await registerAsked(words.find((word) => !word.startsWith('-')));
  if (words.length === 0) program.outputHelp();
  else await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}
