import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventAnswer, EventSummary } from '@crucible/api';
import { displayable } from '@crucible/events';
import type { Command } from 'commander';
import { pc } from '../colours.ts';
import { currentClient, saying } from '../client/access.ts';
import type { ApiClient } from '../client/api-client.ts';
import { resolveId } from '../client/evaluations.ts';
import { followLine, summaryColumns } from '../client/event-text.ts';
import { misuse } from '../client/failure.ts';
import { followEvents } from '../client/follow-events.ts';
import { getEvent, listEvents, parsePosition } from '../client/past.ts';
import type { EventFilter } from '../client/past.ts';
import { table } from '../client/table.ts';
import { bytesText, safe } from '../client/text.ts';
import { printJson, tableColumns } from '../terminal.ts';
import { wholeNumber } from '../client/whole-number.ts';

interface EventsOptions {
  readonly evaluation?: string;
  readonly trial?: string;
  readonly type?: string;
  readonly actor?: string;
  readonly after?: string;
  readonly before?: string;
  readonly limit: string;
  readonly follow?: true;
  readonly json?: true;
}
interface ShowOptions {
  readonly raw?: true;
  readonly json?: true;
}

const LIMIT_MAX = 1_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const write = (text: string): void => void process.stdout.write(text);

/** Types may be given as they are printed, without what all of them begin with. */
const fullType = (type: string): string =>
  type.startsWith('crucible.') || type === '*' ? type : `crucible.${type}${/\*$|\.v\d+$/.test(type) ? '' : '.v*'}`;

const filterOf = async (client: ApiClient, options: EventsOptions): Promise<EventFilter> => ({
  ...(options.evaluation === undefined ? {} : { evaluation: await resolveId(client, options.evaluation) }),
  ...(options.type === undefined ? {} : { type: fullType(options.type) }),
  ...(options.after === undefined ? {} : { after: parsePosition(options.after, '--after') }),
  ...(options.before === undefined ? {} : { before: parsePosition(options.before, '--before') }),
  trial: options.trial,
  actor: options.actor,
  limit: wholeNumber('--limit', options.limit, LIMIT_MAX),
});

type Print = (items: readonly EventSummary[], titled: boolean) => void;

const printer = (json: boolean, follow: boolean): Print => {
  if (json) return (items) => items.forEach(printJson);
  if (follow)
    return (items, titled) => {
      if (titled) write(`${followLine()}\n`);
      for (const item of items) write(`${followLine(item)}\n`);
    };
  return (items) => {
    if (items.length === 0) write('No such events.\n');
    else write(`${table(items, summaryColumns, tableColumns()).join('\n')}\n`);
  };
};

const events = async (options: EventsOptions): Promise<void> => {
  const json = options.json === true;
  const print = printer(json, options.follow === true);
  const client = await currentClient();
  await saying(async () => {
    const filter = await filterOf(client, options);
    // Read as a log is read: downwards. Without a beginning, the newest ones.
    const order = filter.after === undefined ? 'desc' : 'asc';
    const { items, position } = await listEvents(client, { ...filter, order });
    const shown = order === 'desc' ? items.toReversed() : items;
    print(shown, true);
    if (options.follow !== true) return;
    const interrupt = new AbortController();
    const onSignal = (): void => interrupt.abort();
    process.on('SIGINT', onSignal);
    // A page that begins at `after` may end before the present.
    const after = order === 'asc' && items.length === filter.limit ? (items.at(-1)?.position ?? position) : position;
    await followEvents(client, filter, {
      after,
      signal: interrupt.signal,
      pause: (ms) => sleep(ms, undefined, { signal: interrupt.signal }).catch(() => undefined),
      onEvents: (more) => print(more, false),
      onTrouble: (message) => void process.stderr.write(`${message}: trying again\n`),
    }).finally(() => process.off('SIGINT', onSignal));
  });
};

const positionOf = async (client: ApiClient, given: string): Promise<number> => {
  if (!UUID.test(given.toLowerCase())) return parsePosition(given, 'event');
  const { items } = await listEvents(client, { id: given.toLowerCase(), limit: 1 });
  const [only] = items;
  if (only === undefined) throw misuse(`there is no event with the id ${given.toLowerCase()}`);
  return only.position;
};

const eventLines = (answer: EventAnswer, bytes: Buffer): string[] => {
  const fact = (name: string, value: string): string => `${pc.dim(name.padEnd(10))} ${value}`;
  const body =
    answer.event === null ? displayable(bytes.toString('utf8')) : displayable(JSON.stringify(answer.event, null, 2));
  return [
    fact('position', String(answer.position)),
    fact('subject', safe(answer.subject, 300)),
    fact('message id', answer.messageId === null ? 'none' : safe(answer.messageId, 100)),
    fact('bytes', `${bytes.byteLength} (${bytesText(bytes.byteLength)}), SHA-256 ${sha256(bytes)}`),
    ...(answer.undecodable === null
      ? []
      : [fact('unreadable', pc.yellow(safe(answer.undecodable.replaceAll(/\s+/g, ' '), 500)))]),
    '',
    body,
  ];
};

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const showEvent = async (given: string, _: unknown, command: Command): Promise<void> => {
  // `--json` is known to the list too, which would take it for its own.
  const { raw, json } = command.optsWithGlobals<ShowOptions>();
  const client = await currentClient();
  await saying(async () => {
    const answer = await getEvent(client, await positionOf(client, given));
    const bytes = Buffer.from(answer.base64, 'base64');
    if (raw === true) process.stdout.write(bytes);
    else if (json === true) printJson(answer);
    else write(`${eventLines(answer, bytes).join('\n')}\n`);
  });
};

export const register = (program: Command): void => {
  const command = program
    .command('events')
    .description('list the log: everything that happened, in its order')
    .option('--evaluation <id>', 'only what is about this evaluation or its trials; the beginning of the id is enough')
    .option('--trial <id>', 'only this trial’s, such as 0-1-1')
    .option('--type <type>', 'only this type, or with * at its end every type that begins so')
    .option('--actor <actor>', 'only what this actor did, such as user:local')
    .option('--after <position>', 'only events behind this position')
    .option('--before <position>', 'only events before this position')
    .option('--limit <n>', 'at most so many: the newest, or the first behind --after', '50')
    .option('-f, --follow', 'go on printing what happens; Ctrl-C ends it')
    .option('--json', 'one JSON object an event')
    .action(events);
  command.addHelpText(
    'after',
    `
Types may be given as they are printed: trial.finished stands for crucible.trial.finished.v2.
Exit codes: 0 listed, also when Ctrl-C ended --follow, 1 not, 2 misuse.

Examples:
  $ ./crucible events --evaluation 019af3c2-71b0
  $ ./crucible events --type 'trial.*' --follow
  $ ./crucible events --actor user:local --limit 1000 --json
  $ ./crucible events show 1234`,
  );
  command
    .command('show')
    .description('show one event with its stored bytes, over which the log’s hashes are')
    .argument('<position|id>', 'its position, or its id')
    .option('--raw', 'write exactly the stored bytes')
    .option('--json', 'print one JSON object: { position, subject, messageId, base64, event, undecodable }')
    .action(showEvent);
};
