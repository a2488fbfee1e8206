import { displayableLine } from '@crucible/events';
import type { Command } from 'commander';
import { currentClient, saying } from '../client/access.ts';
import { resolveId } from '../client/evaluations.ts';
import { exportEvaluation, exportFormats, logFormatOf } from '../client/export-evaluation.ts';
import type { ExportFormat, ExportWish } from '../client/export-evaluation.ts';
import { misuse } from '../client/failure.ts';
import { bytesText, safe } from '../client/text.ts';
import { printJson } from '../terminal.ts';

interface ExportOptions {
  readonly format: string;
  readonly as?: string;
  readonly out?: string;
  readonly force?: true;
  readonly json?: true;
}

/** Where to, when nobody says: a file here that is called after the evaluation. */
const fileOf = (id: string, { format, as }: ExportOptions): string =>
  `${id}.${format === 'inspect' ? (as ?? 'eval') : format}`;

/** @throws UsageFailure that names the option that makes no sense */
export const wishOf = (options: ExportOptions, id = 'evaluation'): ExportWish => {
  const { format, as, force, out = fileOf(id, options) } = options;
  if (!exportFormats.includes(format as ExportFormat))
    throw misuse(`--format ${safe(format, 40)}: must be one of ${exportFormats.join(', ')}`);
  if (format !== 'inspect' && as !== undefined)
    throw misuse('--as is for --format inspect', 'leave it out: --format says what is written');
  const logFormat = format === 'inspect' ? logFormatOf(out, as) : 'json';
  return { format: format as ExportFormat, as: logFormat, out, force: force === true };
};

const exportOne = async (given: string, options: ExportOptions): Promise<void> => {
  if (wishOf(options).out === '-' && options.json) throw misuse('--json would be printed into what --out - prints');
  const { id, wish, count, bytes } = await saying(async () => {
    const client = await currentClient();
    const id = await resolveId(client, given);
    const wish = wishOf(options, id);
    return { id, wish, ...(await exportEvaluation(client, id, wish)) };
  });
  if (wish.out === '-') return;
  const { format, out } = wish;
  const isLog = format === 'inspect';
  if (options.json) {
    const counts = isLog ? { as: wish.as, samples: count } : { trials: count };
    return printJson({ evaluationId: id, format, file: out, bytes, ...counts });
  }
  const what = isLog ? 'sample' : 'trial';
  const counted = `${count} ${what}${count === 1 ? '' : 's'}`;
  process.stdout.write(`${counted}, ${bytesText(bytes)} written to ${displayableLine(out, 300)}\n`);
  if (isLog) process.stdout.write(`  inspect view --log-dir ${displayableLine(directoryOf(out), 300)}\n`);
};

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '.';

export const register = (program: Command): void => {
  program
    .command('export')
    .description('write an evaluation into a file that other programs read: a log of Inspect AI, or a table of trials')
    .argument('<evaluationId>', 'its id, or the beginning of it')
    .option('--out <file>', 'where to; - for standard output; else a file here with the evaluation’s id for a name')
    .option(
      '--format <format>',
      'inspect: a log of Inspect AI; csv, json: a row a trial, all attempts, without what was said',
      'inspect',
    )
    .option('--as <kind>', 'of a log: json (one document) or eval (a zip archive); else as the file’s name ends')
    .option('--force', 'replace the file if it is there')
    .option('--json', 'print one JSON object: { evaluationId, format, file, bytes, as, samples } or { …, trials }')
    .addHelpText(
      'after',
      `
A log has the samples that have ended, with messages, events, scores and usage; what only Crucible knows stands in it as
events of kind info: docs/export.md. Nothing is too long for it: it is read page by page, and put together beside the file.

The file holds what models and programs under test said: treat it as hostile, and as confidential as your evaluations are.
That you read it is recorded. Evidence that was erased is said to be, and the rest is written.

Exit codes: 0 written, 1 not, 2 misuse, 3 the platform is not running.

Examples:
  $ ./crucible export 019af3c2-71b0 --format inspect
  $ ./crucible export 019af3c2-71b0 --out logs/access.eval
  $ ./crucible export 019af3c2-71b0 --out - | jq .results
  $ ./crucible export 019af3c2-71b0 --format csv --out trials.csv`,
    )
    .action(exportOne);
};
