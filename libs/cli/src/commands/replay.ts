import { setTimeout as sleep } from 'node:timers/promises';
import type { EvaluationPage } from '@crucible/domain';
import type { Command } from 'commander';
import { pc } from '../colours.ts';
import { currentClient, saying } from '../client/access.ts';
import type { ApiClient } from '../client/api-client.ts';
import { resolveId, shortId } from '../client/evaluations.ts';
import { hasEnded } from '../client/follow.ts';
import { getSnapshot, historyOf, momentMs, parsePosition } from '../client/past.ts';
import { progressLines } from '../client/progress.ts';
import { JsonStage, LineStage, LiveStage } from '../client/replay-stage.ts';
import type { ClosableStage } from '../client/replay-stage.ts';
import { parseSpeed, play } from '../client/replay.ts';
import { resultLine, resultLines } from '../client/result.ts';
import { printJson } from '../terminal.ts';

interface ReplayOptions {
  readonly at?: string;
  readonly speed: string;
  readonly json?: true;
}

const MOMENT_ROWS = 60;
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const columns = (): number => process.stdout.columns ?? 100;
const isScreen = (): boolean => process.stdout.isTTY === true && process.env['TERM'] !== 'dumb';

const showMoment = async (client: ApiClient, id: string, at: number, json: boolean): Promise<void> => {
  const snapshot = await getSnapshot(client, id, at);
  if (json) return printJson(snapshot);
  const { evaluation, trials, position } = snapshot;
  const page: EvaluationPage = { evaluation, trials: new Map(trials.map((trial) => [trial.id, trial])), position };
  const nowMs = momentMs(snapshot);
  write(pc.dim(`as of position ${position}, ${new Date(nowMs).toISOString()}`));
  progressLines(page, { columns: columns(), rows: MOMENT_ROWS, nowMs }).forEach(write);
  if (trials.length === 0) return;
  write('');
  resultLines(page, { columns: columns(), nowMs }).forEach(write);
};

const stageFor = (json: boolean, speed: number): ClosableStage => {
  if (json) return new JsonStage(printJson);
  return isScreen() ? new LiveStage(process.stdout, speed) : new LineStage(write);
};

const end = (client: ApiClient, page: EvaluationPage, json: boolean): void => {
  const id = page.evaluation.id;
  if (json) return printJson(resultLine(page, client.address(`/evaluations/${id}`).href));
  const nowMs = momentMs({ evaluation: page.evaluation, trials: [...page.trials.values()] });
  if (isScreen()) resultLines(page, { columns: columns(), nowMs }).forEach(write);
  if (!hasEnded(page)) write(`The evaluation goes on from here: ./crucible watch ${shortId(id)}`);
};

const playWhole = async (client: ApiClient, id: string, speed: number, json: boolean): Promise<void> => {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  // Not `once`: seeing no listener left, the library that hides the cursor would end the process itself.
  process.on('SIGINT', onSignal);
  const { signal } = interrupt;
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal }).catch(() => undefined);
  const stage = stageFor(json, speed);
  let page: EvaluationPage | undefined;
  try {
    page = await play(historyOf(client, id), stage, { speed, signal, now: () => performance.now(), pause });
  } finally {
    stage.close();
    process.off('SIGINT', onSignal);
  }
  if (!signal.aborted) {
    if (page !== undefined) end(client, page, json);
  } else if (!json) {
    const at = page?.position ?? 1;
    process.stderr.write(`Stopped at position ${at}.\n  ./crucible replay ${shortId(id)} --at ${at}    to see it\n`);
  }
};

const replay = async (given: string, options: ReplayOptions): Promise<void> => {
  const at = options.at === undefined ? undefined : parsePosition(options.at, '--at');
  const speed = parseSpeed(options.speed);
  const json = options.json === true;
  const client = await currentClient();
  await saying(async () => {
    const id = await resolveId(client, given);
    if (at === undefined) await playWhole(client, id, speed, json);
    else await showMoment(client, id, at, json);
  });
};

export const register = (program: Command): void => {
  program
    .command('replay')
    .description('play an evaluation from the log in the rhythm it happened, or show one moment of it')
    .argument('<evaluationId>', 'its id, or the beginning of it')
    .option('--at <position>', 'show it as it was at this position of the log, and end')
    .option('--speed <times>', 'so many times faster, like 10x or 0.5x; max leaves out every pause', '1x')
    .option(
      '--json',
      'one JSON object an event, the result last; with --at one object: { evaluation, trials, position }',
    )
    .addHelpText(
      'after',
      `
On a terminal it draws what watch draws, by the clock of the past; elsewhere it prints one line an event, in the same
rhythm. A pause that would take longer than 2 s is shortened to 2 s, and that is said where it happens.
Exit codes: 0 played or shown, also when Ctrl-C ended it, 1 not, 2 there is no such evaluation or it was not there yet.

Examples:
  $ ./crucible replay 019af3c2-71b0 --speed 10x
  $ ./crucible replay 019af3c2-71b0 --at 1234
  $ ./crucible replay 019af3c2-71b0 --speed max | less`,
    )
    .action(replay);
};
