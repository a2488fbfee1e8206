import type { Command } from 'commander';
import { pc } from '../colours.ts';
import { currentClient, saying } from '../client/access.ts';
import { trialAlerts, worstAlerts } from '../client/alerts.ts';
import type { ApiClient } from '../client/api-client.ts';
import { getEvaluation, getTrial, listTrials, outputOf, resolveId } from '../client/evaluations.ts';
import { misuse } from '../client/failure.ts';
import { evaluationLines, findTrial, trialLines } from '../client/description.ts';
import { getSnapshot, momentMs, parsePosition } from '../client/past.ts';
import { OutputPrinter } from '../client/output-printer.ts';
import { printJson } from '../terminal.ts';

interface ShowOptions {
  readonly trial?: string;
  readonly output?: true;
  readonly at?: string;
  readonly json?: true;
}

const ALERTS_SHOWN_MAX = 5;

const write = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);
const columns = (): number => process.stdout.columns ?? 100;

const showEvaluation = async (client: ApiClient, id: string, json: boolean): Promise<void> => {
  const { evaluation, position } = await getEvaluation(client, id);
  const trials = await listTrials(client, id);
  if (json) return printJson({ evaluation, trials, position });
  const url = client.address(`/evaluations/${id}`).href;
  const alerts = await worstAlerts(client, { evaluation: id, counts: evaluation.alerts }, ALERTS_SHOWN_MAX);
  write(evaluationLines(evaluation, trials, alerts, { columns: columns(), nowMs: Date.now(), url }));
};

/** The same as it was at a position; what it says of time is as of then, too. */
const showPast = async (client: ApiClient, id: string, at: number, json: boolean): Promise<void> => {
  const snapshot = await getSnapshot(client, id, at);
  if (json) return printJson(snapshot);
  const asked = { evaluation: id, counts: snapshot.evaluation.alerts, at };
  const alerts = await worstAlerts(client, asked, ALERTS_SHOWN_MAX);
  const nowMs = momentMs(snapshot);
  const url = client.address(`/evaluations/${id}`, { at }).href;
  write([pc.dim(`as of position ${at}, ${new Date(nowMs).toISOString()}`)]);
  write(evaluationLines(snapshot.evaluation, snapshot.trials, alerts, { columns: columns(), nowMs, url }));
};

const showPastTrial = async (client: ApiClient, id: string, at: number, options: ShowOptions): Promise<void> => {
  const { trials } = await getSnapshot(client, id, at);
  const answer = await getTrial(client, id, findTrial(trials, options.trial ?? '').id, at);
  if (options.json) return printJson(answer);
  const alerts = await trialAlerts(client, { evaluation: id, trial: answer.trial.id, at });
  write([pc.dim(`as of position ${at}`)]);
  write(trialLines(answer, alerts));
};

const showOutput = async (client: ApiClient, id: string, trialId: string, json: boolean): Promise<void> => {
  const printer = new OutputPrinter((text) => void process.stdout.write(text));
  for await (const chunk of outputOf(client, id, trialId)) {
    if (json) printJson(chunk);
    else printer.print(chunk);
  }
  if (!json) printer.end();
};

const show = async (given: string, options: ShowOptions): Promise<void> => {
  const json = options.json === true;
  if (options.output && options.trial === undefined) {
    throw misuse('--output needs to know of which trial', 'add --trial with a sample’s id, or a trial’s such as 0-1-1');
  }
  if (options.output && options.at !== undefined) {
    throw misuse('--output is the whole of what a trial printed, and not as of a position', 'leave out --at');
  }
  const at = options.at === undefined ? undefined : parsePosition(options.at, '--at');
  const client = await currentClient();
  await saying(async () => {
    const id = await resolveId(client, given);
    if (at !== undefined)
      return options.trial === undefined ? showPast(client, id, at, json) : showPastTrial(client, id, at, options);
    if (options.trial === undefined) return showEvaluation(client, id, json);
    const trial = findTrial(await listTrials(client, id), options.trial);
    if (options.output) return showOutput(client, id, trial.id, json);
    const answer = await getTrial(client, id, trial.id);
    if (json) return printJson(answer);
    write(trialLines(answer, await trialAlerts(client, { evaluation: id, trial: trial.id })));
  });
};

export const register = (program: Command): void => {
  program
    .command('show')
    .description('show an evaluation, one of its trials, or what a trial printed')
    .argument('<evaluationId>', 'its id, or the beginning of it')
    .option('--trial <trial>', 'a trial’s id, or a sample’s id for its last attempt')
    .option('--at <position>', 'as it was at this position of the log')
    .option('--output', 'what the trial printed, control characters made visible')
    .option('--json', 'print JSON: one object, or with --output one a line')
    .addHelpText(
      'after',
      `
Alerts are shown with it: the worst of an evaluation, those of a trial with the evidence they rest on. With --json they are
counted only; ./crucible alerts --evaluation <id> --json lists them.

Examples:
  $ ./crucible show 019af3c2-71b0
  $ ./crucible show 019af3c2-71b0 --at 1234
  $ ./crucible show 019af3c2-71b0 --trial fork-bomb
  $ ./crucible show 019af3c2-71b0 --trial fork-bomb --output`,
    )
    .action(show);
};
