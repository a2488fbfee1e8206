import type { EvaluationList } from '@crucible/api';
import { evaluationStatusSchema } from '@crucible/domain';
import type { EvaluationView } from '@crucible/domain';
import type { Command } from 'commander';
import { pc } from '../colours.ts';
import { currentClient, saying } from '../client/access.ts';
import type { ApiClient } from '../client/api-client.ts';
import { listEvaluations, shortId } from '../client/evaluations.ts';
import type { ListFilter } from '../client/evaluations.ts';
import { misuse } from '../client/failure.ts';
import { listEvents, parsePosition } from '../client/past.ts';
import { containmentText, worstVerdictOf } from '../client/result.ts';
import { table } from '../client/table.ts';
import type { Column } from '../client/table.ts';
import { duration, paint, safe, scoreText } from '../client/text.ts';
import { asksModel, subjectText, usageCost, usageTokens } from '../client/usage-text.ts';
import { printJson, tableColumns } from '../terminal.ts';
import { wholeNumber } from '../client/whole-number.ts';

interface ListOptions {
  readonly status?: string;
  readonly suite?: string;
  readonly model?: string;
  readonly limit: string;
  readonly at?: string;
  readonly json?: true;
}

const localTime = (iso: string): string => {
  const at = new Date(iso);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
};

const tookMs = ({ submittedAt, endedAt }: EvaluationView, nowMs: number): number =>
  (endedAt === null ? nowMs : Date.parse(endedAt)) - Date.parse(submittedAt);

const columnsAt = (nowMs: number): Column<EvaluationView>[] => [
  { title: 'id', text: ({ id }) => shortId(id) },
  { title: 'suite', text: ({ suite }) => safe(`${suite.name} ${suite.version}`, 90), shrinks: true },
  { title: 'subject', text: ({ subject }) => subjectText(subject), shrinks: true, dropOrder: 2 },
  { title: 'status', text: ({ status }) => status, paint: (text, { status }) => paint(status, text) },
  {
    title: 'passed',
    text: ({ trials }) => `${trials.passed}/${trials.total}`,
    paint: (text, { trials }) => (trials.failed + trials.errored > 0 ? pc.red(text) : text),
    align: 'right',
  },
  { title: 'score', text: ({ score }) => scoreText(score), align: 'right', dropOrder: 1 },
  {
    title: 'containment',
    text: containmentText,
    paint: (text, view) => (view.looserProfile ? pc.yellow(text) : paint(worstVerdictOf(view) ?? '', text)),
  },
  { title: 'tokens', text: (view) => (asksModel(view) ? usageTokens(view.usage) : ''), align: 'right', dropOrder: 6 },
  { title: 'cost', text: (view) => (asksModel(view) ? usageCost(view.usage) : ''), align: 'right', dropOrder: 3 },
  { title: 'time', text: (view) => duration(tookMs(view, nowMs)), align: 'right', dropOrder: 4 },
  { title: 'submitted', text: ({ submittedAt }) => localTime(submittedAt), dropOrder: 5 },
];

/** A page of a past list may end early, where much has changed since; what is missing is on those behind it. */
const listWhole = async (
  client: ApiClient,
  filter: ListFilter & { readonly limit: number },
): Promise<EvaluationList> => {
  let found = await listEvaluations(client, filter);
  while (filter.at !== undefined && found.nextCursor !== null && found.items.length < filter.limit) {
    const rest = { ...filter, limit: filter.limit - found.items.length, cursor: found.nextCursor };
    const next = await listEvaluations(client, rest);
    found = { ...next, items: [...found.items, ...next.items] };
  }
  return found;
};

/** When a position was written; where that cannot be read, now. */
const momentOf = async (client: ApiClient, at: number): Promise<number> => {
  const { items } = await listEvents(client, { after: Math.max(0, at - 100), before: at + 1, order: 'desc', limit: 1 });
  return Date.parse(items[0]?.time ?? '') || Date.now();
};

const list = async (options: ListOptions): Promise<void> => {
  const limit = wholeNumber('--limit', options.limit, 500);
  const status = evaluationStatusSchema.safeParse(options.status);
  if (options.status !== undefined && !status.success) {
    throw misuse(`--status ${safe(options.status, 40)}: must be one of ${evaluationStatusSchema.options.join(', ')}`);
  }
  const at = options.at === undefined ? undefined : parsePosition(options.at, '--at');
  const client = await currentClient();
  await saying(async () => {
    const found = await listWhole(client, {
      status: status.data,
      suite: options.suite,
      model: options.model,
      limit,
      at,
    });
    if (options.json) return printJson(found);
    const nowMs = at === undefined ? Date.now() : await momentOf(client, at);
    if (at !== undefined) process.stdout.write(pc.dim(`as of position ${at}, ${new Date(nowMs).toISOString()}\n`));
    if (found.items.length === 0) {
      process.stdout.write(
        at === undefined ? 'No evaluations. Run one: ./crucible run suites/first-contact\n' : 'No evaluations then.\n',
      );
      return;
    }
    const lines = table(found.items, columnsAt(nowMs), tableColumns());
    if (found.nextCursor !== null) lines.push(pc.dim(`older ones are not shown: --limit ${Math.min(500, limit * 4)}`));
    process.stdout.write(`${lines.join('\n')}\n`);
  });
};

export const register = (program: Command): void => {
  program
    .command('list')
    .description('list evaluations, newest first')
    .option('--status <status>', `only those that are ${evaluationStatusSchema.options.join(', ')}`)
    .option('--suite <name>', 'only those of one suite')
    .option('--model <name>', 'only those of one model')
    .option('--at <position>', 'the list as it was at this position of the log')
    .option('--limit <n>', 'at most so many', '20')
    .option('--json', 'print one JSON object: { items, nextCursor, position }')
    .addHelpText(
      'after',
      `
Examples:
  $ ./crucible list --status running
  $ ./crucible list --status running --at 1234
  $ ./crucible list --suite first-contact --json`,
    )
    .action(list);
};
