import type { EvidenceRecord, RecordPage } from '@crucible/api';
import type { TrialView } from '@crucible/domain';
import type { Command } from 'commander';
import { currentClient, saying } from '../client/access.ts';
import type { ApiClient } from '../client/api-client.ts';
import { findTrial } from '../client/description.ts';
import { getTrial, listTrials, resolveId } from '../client/evaluations.ts';
import { misuse } from '../client/failure.ts';
import { clockStartMs, kernelEndLines, kernelLine, kernelTitle, leftOutOf } from '../client/kernel-text.ts';
import { recordPages } from '../client/records.ts';
import type { RecordsAsked } from '../client/records.ts';
import { safe } from '../client/text.ts';
import { wholeNumber } from '../client/whole-number.ts';
import { printJson } from '../terminal.ts';

interface KernelOptions {
  readonly trial: string;
  readonly kind?: string;
  readonly after?: string;
  readonly around?: string;
  readonly limit: string;
  readonly json?: true;
}

const LIMIT_MAX = 200_000;
const NUMBER_MAX = 999_999_999_999;
const KINDS = /^[a-z][a-z-]*(,[a-z][a-z-]*)*$/;
const KINDS_CHARS_MAX = 500;

const write = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);

const recordNumber = (option: string, given: string | undefined): number | undefined =>
  given === undefined ? undefined : wholeNumber(option, given, NUMBER_MAX, 0);

/** @throws UsageFailure that names the option that makes no sense */
const askedOf = ({ kind, after, around, limit }: KernelOptions): RecordsAsked => {
  if (after !== undefined && around !== undefined)
    throw misuse('--after and --around both say where to begin', 'leave out one of them');
  if (kind !== undefined && (!KINDS.test(kind) || kind.length > KINDS_CHARS_MAX))
    throw misuse(`--kind ${safe(kind, 40)}: must be kinds of records with commas between, such as open,connect`);
  return {
    kind,
    after: recordNumber('--after', after),
    around: recordNumber('--around', around),
    limit: wholeNumber('--limit', limit, LIMIT_MAX),
  };
};

/** The trial with what was told at its end, where that came while its records were read. */
const atEnd = async (client: ApiClient, trial: TrialView, last: RecordPage): Promise<TrialView> =>
  last.complete && leftOutOf(trial) === null ? (await getTrial(client, trial.evaluationId, trial.id)).trial : trial;

type Pages = AsyncGenerator<RecordPage>;

const printObject = async (client: ApiClient, trial: TrialView, pages: Pages): Promise<void> => {
  const records: EvidenceRecord[] = [];
  let first: RecordPage | undefined;
  let last: RecordPage | undefined;
  for await (const page of pages) {
    first ??= page;
    last = page;
    for (const record of page.records) records.push(record);
  }
  if (first === undefined || last === undefined) return;
  const { evaluationId, id: trialId } = trial;
  const leftOut = leftOutOf(await atEnd(client, trial, last));
  printJson({ evaluationId, trialId, ...last, records, index: first.index, leftOut });
};

const printLines = async (client: ApiClient, trial: TrialView, pages: Pages): Promise<void> => {
  const startMs = clockStartMs(trial);
  let shown = 0;
  let last: RecordPage | undefined;
  for await (const page of pages) {
    const lines = page.records.map((record) => kernelLine(record, startMs));
    if (shown === 0 && lines.length > 0) lines.unshift(kernelTitle());
    shown += page.records.length;
    last = page;
    if (lines.length > 0) write(lines);
  }
  if (last !== undefined) write(kernelEndLines(shown, last, await atEnd(client, trial, last)));
};

const findTrialOf = async (client: ApiClient, given: string, wanted: string): Promise<TrialView> => {
  const trials = await listTrials(client, await resolveId(client, given));
  return findTrial(trials, wanted);
};

const kernel = async (given: string, options: KernelOptions): Promise<void> => {
  const asked = askedOf(options);
  const client = await currentClient();
  await saying(async () => {
    const trial = await findTrialOf(client, given, options.trial);
    const pages = recordPages(client, trial, 'kernel', asked);
    await (options.json ? printObject : printLines)(client, trial, pages);
  });
};

export const register = (program: Command): void => {
  program
    .command('kernel')
    .description('what the kernel saw of a trial, from outside its sandbox: one line a record')
    .argument('<evaluationId>', 'its id, or the beginning of it')
    .requiredOption('--trial <trial>', 'a trial’s id such as 0-1-1, or a sample’s id for its last attempt')
    .option('--kind <kinds>', 'only these kinds of records, such as open,connect')
    .option('--after <n>', 'only records behind this number')
    .option('--around <n>', 'begin before this number, as an alert’s evidence names it: kernel:<n>')
    .option('--limit <n>', 'at most so many', '200')
    .option(
      '--json',
      'print one JSON object: { evaluationId, trialId, records, index, matching, total, unreadable, kinds, leftOut, next, complete }',
    )
    .addHelpText(
      'after',
      `
Time is counted from the trial's start; a sandbox that was made ahead of it has records from before. What was refused ends
with the error's name. Texts were chosen by the program and are made harmless, except in JSON. That you read it is recorded.
Exit codes: 0 shown, 1 not, as when the evidence was erased, 2 misuse, 3 the platform is not running.

Examples:
  $ ./crucible kernel 019af3c2-71b0 --trial fork-bomb
  $ ./crucible kernel 019af3c2-71b0 --trial 0-1-1 --kind connect,socket
  $ ./crucible kernel 019af3c2-71b0 --trial 0-1-1 --around 812 --limit 20
  $ ./crucible kernel 019af3c2-71b0 --trial 0-1-1 --after 812 --limit 5000 --json`,
    )
    .action(kernel);
};
