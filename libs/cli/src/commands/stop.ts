import { stopIdSchema } from '@crucible/api';
import type { StopApplied, StopView } from '@crucible/api';
import { evaluationIdSchema } from '@crucible/events';
import type { StopScope } from '@crucible/events';
import type { Command } from 'commander';
import { ApiClient } from '../client/api-client.ts';
import { saying } from '../client/access.ts';
import { resolveId, shortId } from '../client/evaluations.ts';
import { failed, misuse } from '../client/failure.ts';
import { isConfirmed, silentOf, StopClient } from '../client/stops.ts';
import { table } from '../client/table.ts';
import type { Column } from '../client/table.ts';
import { safe } from '../client/text.ts';
import { wholeNumber } from '../client/whole-number.ts';
import { pc } from '../colours.ts';
import { readSettings } from '../config.ts';
import { exitCodes } from '../exit.ts';
import { PlatformFailure } from '../platform/failure.ts';
import { locateHome } from '../platform/home.ts';
import { readInfo } from '../platform/info.ts';
import type { PlatformInfo } from '../platform/info.ts';
import { printJson, tableColumns } from '../terminal.ts';

const REASON_CHARS_MAX = 500;
const WAIT_SECONDS_MAX = 600;
const SHOWN_MAX = 5;

interface EngageOptions {
  readonly all?: true;
  readonly team?: string;
  readonly evaluation?: string;
  readonly reason?: string;
  readonly wait: string;
  readonly json?: true;
}

/** How this home's platform was last reached, whatever of it still runs. */
const lastPlatform = (): PlatformInfo => {
  const info = readInfo(locateHome(readSettings().home));
  if (info === undefined) throw new PlatformFailure('no platform was ever up in this home', 'start it: ./crucible up');
  return info;
};

const reasonOf = (reason: string | undefined): string => {
  const said = reason?.trim() ?? '';
  if (said === '') throw misuse('say why: --reason "…"', 'it goes on the record');
  if (said.length > REASON_CHARS_MAX) throw misuse(`--reason is longer than ${REASON_CHARS_MAX} characters`);
  return said;
};

const scopeOf = async ({ all, team, evaluation }: EngageOptions, info: PlatformInfo): Promise<StopScope> => {
  if ([all, team, evaluation].filter((each) => each !== undefined).length !== 1)
    throw misuse('say what to stop: --all, --team <team> or --evaluation <id>');
  if (team !== undefined) return { kind: 'team', team };
  if (evaluation === undefined) return { kind: 'platform' };
  const whole = evaluationIdSchema.safeParse(evaluation.trim().toLowerCase());
  // A whole id needs nobody to look it up.
  const id = whole.success ? whole.data : await saying(() => resolveId(new ApiClient(info), evaluation));
  return { kind: 'evaluation', evaluationId: evaluationIdSchema.parse(id) };
};

const scopeText = (scope: StopScope): string => {
  switch (scope.kind) {
    case 'platform':
      return 'the whole platform';
    case 'team':
      return `team ${safe(scope.team, 60)}`;
    case 'evaluation':
      return `evaluation ${shortId(scope.evaluationId)}`;
  }
};

const appliedText = ({ executorId, killed, unconfirmed, latencyMs }: StopApplied): string => {
  const what = `${killed} killed${killed > 0 ? `, the last gone after ${Math.round(latencyMs)} ms` : ''}`;
  const lost = unconfirmed > 0 ? pc.red(`, ${unconfirmed} NOT SEEN TO BE GONE`) : '';
  return `  executor ${safe(executorId, 63)}: ${what}${lost}`;
};

const engage = async (options: EngageOptions): Promise<void> => {
  const reason = reasonOf(options.reason);
  const waitMs = wholeNumber('--wait', options.wait, WAIT_SECONDS_MAX) * 1_000;
  const info = lastPlatform();
  const scope = await scopeOf(options, info);
  const begin = performance.now();
  const client = new StopClient(info);
  const print = (line: string): void => void (options.json ? undefined : process.stdout.write(`${line}\n`));
  try {
    // The command waits for none of this.
    const watching = client.watch();
    const stop = await client.engage(scope, reason);
    const way = stop.by === 'bus' ? ', by the bus: the gateway did not answer' : '';
    print(`Stopped ${scopeText(scope)}${way}. No trial of it starts until it is released.`);
    const before = await watching;
    const executors: StopApplied[] = [];
    for await (const applied of client.confirmations(stop, before, waitMs)) {
      executors.push(applied);
      print(appliedText(applied));
    }
    const silent = before === null ? [] : silentOf(before, executors);
    if (before === null)
      print(pc.red('  the bus cannot be read: no executor could be asked whether anything of it still runs'));
    for (const id of silent)
      print(pc.red(`  executor ${safe(id, 63)} has not confirmed it; without the bus it ends everything by itself`));
    print(`  ./crucible stop release ${shortId(stop.stopId)} --reason "…"    lets it go on`);
    const elapsedMs = Math.round(performance.now() - begin);
    if (options.json) printJson({ ...stop, scope, reason, asked: before !== null, executors, silent, elapsedMs });
    if (!isConfirmed(before, executors)) process.exitCode = exitCodes.failed;
  } finally {
    await client.close();
  }
};

const withClient = async <T>(work: (client: StopClient) => Promise<T>): Promise<T> => {
  const client = new StopClient(lastPlatform());
  try {
    return await work(client);
  } finally {
    await client.close();
  }
};

/** The stop that a person means by an id or the beginning of one. */
const resolveStop = async (client: StopClient, given: string): Promise<string> => {
  const prefix = given.trim().toLowerCase();
  if (stopIdSchema.safeParse(prefix).success) return prefix;
  if (!/^[0-9a-f][0-9a-f-]{3,35}$/.test(prefix))
    throw misuse('give the id of a stop or at least its first 4 characters');
  const found = (await client.list()).filter(({ stopId }) => stopId.startsWith(prefix));
  const [only] = found;
  if (only === undefined) throw misuse(`no stop begins with ${prefix}`, './crucible stop list shows them');
  if (found.length === 1) return only.stopId;
  const shown = found.slice(0, SHOWN_MAX).map(({ stopId }) => `\n  ${stopId}`);
  throw misuse(`more than one stop begins with ${prefix}:${shown.join('')}`, 'give more characters');
};

const release = async (
  given: string,
  options: { readonly reason?: string; readonly json?: true },
  command: Command,
): Promise<void> => {
  // The verb above has an option of the same name, which takes it.
  const reason = reasonOf(options.reason ?? command.optsWithGlobals<{ reason?: string }>().reason);
  await withClient(async (client) => {
    const released = await client.release(await resolveStop(client, given), reason);
    if (options.json ?? command.optsWithGlobals<{ json?: true }>().json) return printJson({ ...released, reason });
    process.stdout.write(
      `Released stop ${released.stopId}: what had not begun goes on, what was killed stays ended.\n`,
    );
  });
};

const moment = (at: string): string => at.slice(0, 19).replace('T', ' ');
const listed: Column<StopView>[] = [
  { title: 'id', text: ({ stopId }) => shortId(stopId) },
  { title: 'stops', text: ({ scope }) => scopeText(scope) },
  {
    title: 'state',
    text: ({ releasedAt }) => (releasedAt === null ? 'engaged' : 'released'),
    paint: (text, { releasedAt }) => (releasedAt === null ? pc.red(text) : pc.green(text)),
  },
  { title: 'since', text: ({ engagedAt }) => moment(engagedAt), dropOrder: 2 },
  { title: 'by', text: ({ engagedBy }) => safe(engagedBy, 40), dropOrder: 4 },
  {
    title: 'killed',
    text: ({ executors }) => String(executors.reduce((sum, { killed }) => sum + killed, 0)),
    align: 'right',
    dropOrder: 3,
  },
  { title: 'reason', text: ({ reason }) => safe(reason, 200), shrinks: true, dropOrder: 1 },
];

const list = async (options: { readonly json?: true }, command: Command): Promise<void> =>
  withClient(async (client) => {
    const items = await client.list();
    if (options.json ?? command.optsWithGlobals<{ json?: true }>().json) return printJson({ items });
    const lines = table(items, listed, tableColumns());
    process.stdout.write(items.length === 0 ? 'Nothing was ever stopped.\n' : `${lines.join('\n')}\n`);
    if (items.some(({ executors }) => executors.some(({ unconfirmed }) => unconfirmed > 0)))
      throw failed('sandboxes were not seen to be gone: ./crucible logs sandbox-executor');
  });

export const register = (program: Command): void => {
  const verb = program
    .command('stop')
    .description('emergency stop: kill what runs and let nothing start, until it is released')
    .option('--all', 'the whole platform')
    .option('--team <team>', 'everything of one team')
    .option('--evaluation <id>', 'one evaluation')
    .option('--reason <text>', 'why, for the record')
    .option('--wait <seconds>', 'how long to wait for executors to confirm', '15')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
The gateway is asked first; when it does not answer in 1.5 s the bus is told directly. Needs neither the database nor the
scheduler. Exit codes: 0 every executor confirmed that nothing runs, 1 one did not or none could be asked, 3 nothing could be reached.

Examples:
  $ ./crucible stop --all --reason "a canary was printed by another trial"
  $ ./crucible stop list
  $ ./crucible stop release 019af3c2-71b0 --reason "it came from the suite itself"`,
    )
    .action(engage);
  verb
    .command('list')
    .description('stops, newest first')
    .option('--json', 'print one JSON object: { items }')
    .action(list);
  verb
    .command('release')
    .description('let what a stop held back go on')
    .argument('<id>', 'its id, or the beginning of it')
    .option('--reason <text>', 'why, for the record')
    .option('--json', 'print one JSON object')
    .action(release);
};
