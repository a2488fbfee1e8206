import { deadLetterSchema } from '@crucible/api';
import type { DeadLetter } from '@crucible/api';
import { Option } from 'commander';
import type { Command } from 'commander';
import { currentClient, saying } from '../client/access.ts';
import { findDeadLetter, listDeadLetters, redrive, shortLetterId } from '../client/dead-letters.ts';
import type { Redriven } from '../client/dead-letters.ts';
import { misuse } from '../client/failure.ts';
import { table } from '../client/table.ts';
import type { Column } from '../client/table.ts';
import { safe } from '../client/text.ts';
import { pc } from '../colours.ts';
import { exitCodes } from '../exit.ts';
import { printJson, tableColumns } from '../terminal.ts';
import { wholeNumber } from '../client/whole-number.ts';

const statuses = deadLetterSchema.shape.status.options;
const LIMIT_MAX = 500;

interface ListOptions {
  readonly status?: string;
  readonly consumer?: string;
  readonly limit: string;
  readonly json?: true;
}

const colours: Readonly<Record<DeadLetter['status'], (text: string) => string>> = {
  open: pc.red,
  redriving: pc.yellow,
  handled: pc.green,
};

const listed: Column<DeadLetter>[] = [
  { title: 'id', text: ({ id }) => shortLetterId(id) },
  { title: 'consumer', text: ({ consumer }) => safe(consumer, 60) },
  { title: 'position', text: ({ stream, position }) => (stream === 'EVENTS' ? '' : `${stream} `) + String(position) },
  { title: 'status', text: ({ status }) => status, paint: (text, { status }) => colours[status](text) },
  { title: 'reason', text: ({ reason }) => reason, dropOrder: 2 },
  { title: 'since', text: ({ recordedAt }) => recordedAt.slice(0, 19).replace('T', ' '), dropOrder: 3 },
  { title: 'detail', text: ({ detail }) => safe(detail, 200), shrinks: true, dropOrder: 1 },
];

const list = async (options: ListOptions): Promise<void> => {
  const limit = wholeNumber('--limit', options.limit, LIMIT_MAX);
  const client = await currentClient();
  await saying(async () => {
    const found = await listDeadLetters(client, { status: options.status, consumer: options.consumer, limit });
    if (options.json) return printJson(found);
    if (found.items.length === 0) {
      const asked = options.status !== undefined || options.consumer !== undefined;
      const none = asked ? 'No dead letter is so.' : 'No dead letters: every consumer could handle what it got.';
      process.stdout.write(`${none}\n`);
      return;
    }
    const lines = table(found.items, listed, tableColumns());
    if (found.items.length === limit) lines.push(pc.dim('there may be older ones: --limit shows more'));
    process.stdout.write(`${lines.join('\n')}\n`);
  });
};

const facts = (letter: DeadLetter): [string, string][] => [
  ['id', letter.id],
  ['consumer', letter.consumer],
  ['message', `${letter.stream}, position ${letter.position}`],
  ['subject', letter.subject],
  ['reason', `${letter.reason}, after ${letter.deliveries} ${letter.deliveries === 1 ? 'delivery' : 'deliveries'}`],
  ['detail', letter.detail],
  ['status', `${letter.status}, redriven ${letter.redrives} ${letter.redrives === 1 ? 'time' : 'times'}`],
  ['recorded', `${letter.recordedAt}, position ${letter.recordedPosition}`],
];

const show = async (given: string, { json }: { readonly json?: true }): Promise<void> => {
  const client = await currentClient();
  await saying(async () => {
    const letter = await findDeadLetter(client, given);
    if (json) return printJson(letter);
    const lines = facts(letter).map(([name, value]) => `${pc.dim(name.padEnd(9))} ${safe(value, 2_100)}`);
    if (letter.status !== 'handled')
      lines.push('', `  ./crucible dead-letters redrive ${shortLetterId(letter.id)}    has it handled once more`);
    process.stdout.write(`${lines.join('\n')}\n`);
  });
};

const lineOf = ({ id, consumer, position, outcome, detail }: Redriven): string =>
  `${shortLetterId(id)}  ${safe(consumer, 60)} at ${position}: ${outcome === 'handled' ? pc.green('handled') : `${pc.red('failed')}: ${safe(detail, 2_100)}`}`;

const redriveAsked = async (given: string | undefined, options: { all?: true; json?: true }): Promise<void> => {
  if ((given === undefined) === (options.all === undefined)) throw misuse('name one dead letter, or give --all');
  const client = await currentClient();
  await saying(async () => {
    const letters =
      given === undefined
        ? (await listDeadLetters(client, { status: 'open', limit: LIMIT_MAX })).items
        : [await findDeadLetter(client, given)];
    const outcomes: Redriven[] = [];
    for (const letter of letters) {
      const outcome = await redrive(client, letter);
      outcomes.push(outcome);
      if (!options.json) process.stdout.write(`${lineOf(outcome)}\n`);
    }
    if (options.json) printJson({ items: outcomes });
    else if (outcomes.length === 0) process.stdout.write('No dead letter is open.\n');
    if (outcomes.some(({ outcome }) => outcome === 'failed')) process.exitCode = exitCodes.failed;
  });
};

export const register = (program: Command): void => {
  const group = program
    .command('dead-letters')
    .description('messages that a consumer could not handle: list them, have them handled once more')
    .addHelpText(
      'after',
      `
A consumer that cannot read a message, or fails at it too often, puts it aside on the record and goes on.

Examples:
  $ ./crucible dead-letters
  $ ./crucible dead-letters show 5f1b8a3e
  $ ./crucible dead-letters redrive --all --json`,
    );
  group
    .command('list', { isDefault: true })
    .description('list them, newest first')
    .addOption(new Option('--status <status>', 'only those that are so').choices(statuses))
    .option('--consumer <name>', 'only those of one consumer, such as notifier/webhook')
    .option('--limit <n>', 'at most so many', '50')
    .option('--json', 'print one JSON object: { items, position }')
    .action(list);
  group
    .command('show')
    .description('all that is known of one')
    .argument('<id>', 'its id, or the beginning of it')
    .option('--json', 'print one JSON object')
    .action(show);
  group
    .command('redrive')
    .description('have one, or all that are open, handled once more; exit code 1 when one failed again')
    .argument('[id]', 'its id, or the beginning of it')
    .option('--all', 'all that are open, at most 500')
    .option('--json', 'print one JSON object: { items: [{ id, consumer, position, outcome, detail }] }')
    .action(redriveAsked);
  for (const command of group.commands)
    command.exitOverride().showHelpAfterError('(see: crucible dead-letters --help)');
};
