import {
  comparedMax,
  comparisonCsv,
  comparisonJson,
  comparisonOf,
  comparisonTables,
  comparisonWarnings,
  differs,
  sampleRows,
  titled,
} from '@crucible/domain';
import type { ComparisonTable, EvaluationPage } from '@crucible/domain';
import { Option } from 'commander';
import type { Command } from 'commander';
import { currentClient, saying } from '../client/access.ts';
import { getPage } from '../client/evaluation-page.ts';
import { resolveId } from '../client/evaluations.ts';
import { misuse } from '../client/failure.ts';
import { classTable, matrixLines, summaryTable } from '../client/side-by-side.ts';
import { pc } from '../colours.ts';

interface CompareOptions {
  readonly all?: true;
  readonly csv?: true;
  readonly table?: ComparisonTable;
  readonly json?: true;
}

const comparisonLines = (pages: readonly EvaluationPage[], all: boolean, columns: number): string[] => {
  const rows = sampleRows(pages);
  const shown = all ? rows : rows.filter(differs);
  const titles = titled(pages);
  const same = rows.length - shown.length;
  const matrix = shown.length === 0 ? [] : matrixLines(titles, shown, columns);
  return [
    ...comparisonWarnings(pages).map((warning) => `${pc.yellow('!')} ${warning}`),
    ...matrix,
    ...(shown.length > 0 && matrix.length === 0
      ? [pc.dim('the samples do not fit side by side: --csv or --json')]
      : []),
    ...(same > 0 ? [pc.dim(`${same} of ${rows.length} samples came to the same in all: --all shows them`)] : []),
    '',
    ...summaryTable(titles, columns, Date.now()),
    ...classTable(pages, columns),
  ];
};

const compare = async (given: readonly string[], options: CompareOptions): Promise<void> => {
  if (given.length < 2) throw misuse('one evaluation has nothing to be compared with', 'name two or more');
  if (given.length > comparedMax) throw misuse(`at most ${comparedMax} evaluations can be compared at once`);
  if (options.csv && options.json)
    throw misuse('--csv and --json are two ways to print the same', 'leave one of them out');
  if (options.table !== undefined && !options.csv)
    throw misuse('--table says which table --csv prints', 'add --csv, or leave it out');
  const client = await currentClient();
  await saying(async () => {
    const ids: string[] = [];
    for (const each of given) ids.push(await resolveId(client, each));
    const pages = await Promise.all(ids.map((id) => getPage(client, id)));
    if (options.json) return void process.stdout.write(comparisonJson(comparisonOf(pages)));
    if (options.csv) return void process.stdout.write(comparisonCsv(comparisonOf(pages), options.table ?? 'samples'));
    const lines = comparisonLines(pages, options.all === true, process.stdout.columns ?? 120);
    process.stdout.write(`${lines.join('\n')}\n`);
  });
};

export const register = (program: Command): void => {
  program
    .command('compare')
    .description('evaluations beside each other: scores with intervals, samples that differ, verdicts, cost')
    .argument('<evaluationId...>', 'two or more, each by its id or the beginning of it')
    .option('--all', 'also the samples that came to the same')
    .option('--csv', 'print a table for spreadsheets: see --table')
    .addOption(
      new Option('--table <table>', 'which table --csv prints; samples when left out').choices(comparisonTables),
    )
    .option('--json', 'print one JSON object: { evaluations, classes, samples }')
    .addHelpText(
      'after',
      `
Scores are reduced over epochs as the suite says. Of suites that measure a class of dangerous capabilities, what each
subject came to in the whole class is shown, too. The interval is the 95 % bootstrap interval over samples, ± the standard
error of the mean over samples.

Tables of --csv:
  samples      a row a sample: score and worst verdict of each evaluation
  evaluations  a row an evaluation: score, interval, trials, verdicts, alerts, tokens, cost, calls, times
  classes      a row a class of dangerous capabilities and subject: score and interval over the class's suites

Examples:
  $ ./crucible compare 019af3c2-71b0 019af3c2-8a1f
  $ ./crucible compare 019af3c2-71b0 019af3c2-8a1f --csv > samples.csv
  $ ./crucible compare 019af3c2-71b0 019af3c2-8a1f --csv --table evaluations > evaluations.csv`,
    )
    .action(compare);
};
