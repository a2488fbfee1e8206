import { acknowledgeRequestSchema } from '@crucible/api';
import { capabilitySchema, severitySchema } from '@crucible/events';
import { Option } from 'commander';
import type { Command } from 'commander';
import { currentClient, saying } from '../client/access.ts';
import { alertCountsText, alertLines } from '../client/alert-text.ts';
import { acknowledgeAlert, alertsListedMax, listAlerts, resolveAlertId } from '../client/alerts.ts';
import type { AlertFilter } from '../client/alerts.ts';
import type { ApiClient } from '../client/api-client.ts';
import { findTrial } from '../client/description.ts';
import { listTrials, resolveId } from '../client/evaluations.ts';
import { misuse } from '../client/failure.ts';
import { parsePosition } from '../client/past.ts';
import { safe } from '../client/text.ts';
import { wholeNumber } from '../client/whole-number.ts';
import { pc } from '../colours.ts';
import { printJson } from '../terminal.ts';

interface ListOptions {
  readonly evaluation?: string;
  readonly trial?: string;
  readonly severity?: string;
  readonly capability?: string;
  readonly rule?: string;
  readonly unacknowledged?: true;
  readonly at?: string;
  readonly limit: string;
  readonly json?: true;
}

const severities = severitySchema.options;
const write = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);

/** @throws UsageFailure that names what is no severity */
const severityOf = (given: string): string => {
  const words = given.split(',').map((word) => word.trim().toLowerCase());
  const wrong = words.find((word) => !severitySchema.safeParse(word).success);
  if (wrong === undefined) return words.join(',');
  throw misuse(`--severity ${safe(wrong, 40)}: must be of ${severities.join(', ')}, with commas between`);
};

/** What can be checked before anybody is asked is checked first. */
const plainFilterOf = (options: ListOptions): AlertFilter => {
  if (options.trial !== undefined && options.evaluation === undefined)
    throw misuse('--trial needs to know of which evaluation', 'add --evaluation with its id');
  return {
    severity: options.severity === undefined ? undefined : severityOf(options.severity),
    capability: options.capability,
    rule: options.rule,
    acknowledged: options.unacknowledged ? 'false' : undefined,
    at: options.at === undefined ? undefined : parsePosition(options.at, '--at'),
  };
};

const placeOf = async (client: ApiClient, { evaluation, trial }: ListOptions): Promise<AlertFilter> => {
  if (evaluation === undefined) return {};
  const id = await resolveId(client, evaluation);
  if (trial === undefined) return { evaluation: id };
  return { evaluation: id, trial: findTrial(await listTrials(client, id), trial).id };
};

const list = async (options: ListOptions): Promise<void> => {
  const plain = plainFilterOf(options);
  const limit = wholeNumber('--limit', options.limit, alertsListedMax);
  const client = await currentClient();
  await saying(async () => {
    const filter = { ...plain, ...(await placeOf(client, options)) };
    const found = await listAlerts(client, filter, limit);
    if (options.json) return printJson(found);
    const columns = process.stdout.columns ?? 120;
    const isFiltered = Object.entries(filter).some(([name, value]) => value !== undefined && name !== 'at');
    write([
      ...(filter.at === undefined ? [] : [pc.dim(`as of position ${filter.at}`)]),
      ...found.items.flatMap((alert) => alertLines(alert, columns)),
      ...(found.items.length > 0 ? [''] : [isFiltered ? 'No such alerts.' : 'No alert was raised.']),
      ...(found.nextCursor === null
        ? []
        : [pc.dim(`older ones are not shown: --limit ${Math.min(alertsListedMax, limit * 4)}`)]),
      `${pc.dim('open in all:')} ${alertCountsText(found.unacknowledged)}`,
    ]);
  });
};

/** @throws UsageFailure with the remedy, before anybody is asked */
const noteOf = (given: string | undefined): string => {
  if (given === undefined) throw misuse('say what you found: --note "…"', 'it goes on the record');
  const note = acknowledgeRequestSchema.shape.note.safeParse(given);
  if (note.success) return note.data;
  throw misuse(`--note: ${note.error.issues[0]?.message ?? 'is not accepted'}`);
};

const acknowledge = async (given: string, options: { readonly note?: string }, command: Command): Promise<void> => {
  const note = noteOf(options.note);
  const client = await currentClient();
  await saying(async () => {
    const { id, position } = await acknowledgeAlert(client, await resolveAlertId(client, given), note);
    // The verb above has an option of the same name, which takes it.
    if (command.optsWithGlobals<{ json?: true }>().json) return printJson({ id, note, position });
    write([`Acknowledged alert ${id}: on the record at position ${position}.`]);
  });
};

export const register = (program: Command): void => {
  const verb = program
    .command('alerts')
    .description('what detectors saw in trials, newest first, and saying that somebody looked at it')
    .option('--evaluation <id>', 'only of this evaluation; the beginning of the id is enough')
    .option('--trial <trial>', 'only of this one of its trials: a sample’s id, or a trial’s such as 0-1-1')
    .option('--severity <severities>', `only these: ${severities.join(', ')}, with commas between`)
    .addOption(
      new Option('--capability <capability>', 'only about this dangerous capability').choices(capabilitySchema.options),
    )
    .option('--rule <id>', 'only those that this rule raised')
    .option('--unacknowledged', 'only those that nobody has acknowledged')
    .option('--at <position>', 'as they were at this position of the log')
    .option('--limit <n>', 'at most so many', '50')
    .option('--json', 'print one JSON object: { items, nextCursor, unacknowledged, position }')
    .addHelpText(
      'after',
      `
Each alert names its rule with its version; ./crucible show <evaluation> --trial <trial> shows the evidence it rests on.

Examples:
  $ ./crucible alerts --unacknowledged --severity high,critical
  $ ./crucible alerts --evaluation 019af3c2-71b0 --trial fork-bomb
  $ ./crucible alerts --evaluation 019af3c2 --json
  $ ./crucible alerts ack 019af3c2-81b5-7d62 --note "expected: this suite tries it on purpose"`,
    )
    .action(list);
  verb
    .command('ack')
    .description('acknowledge an alert: you looked at it, and say what you found')
    .argument('<alertId>', 'its id, or the beginning of it')
    .option('--note <text>', 'what you found, for the record')
    .option('--json', 'print one JSON object: { id, note, position }')
    .addHelpText(
      'after',
      `
An alert is acknowledged once, and stays on the record. Exit codes: 0 acknowledged, 1 somebody has before, 2 there is none.

Examples:
  $ ./crucible alerts ack 019af3c2-81b5-7d62 --note "expected: this suite tries it on purpose"`,
    )
    .action(acknowledge);
};
