import type { EvaluationPage } from '@crucible/domain';
import { pc } from '../colours.ts';
import { exitCodes } from '../exit.ts';
import type { ApiClient } from './api-client.ts';
import { getEvaluation, loginLink, shortId } from './evaluations.ts';
import { follow, hasEnded } from './follow.ts';
import { allPassed, resultLine, resultLines } from './result.ts';
import { openScreen } from './screen.ts';

export interface WatchOptions {
  readonly json: boolean;
  /** Address of the evaluation's page. */
  readonly url: string;
  /** Log position of the submission, where it was made just now: the page is waited for until it is there. */
  readonly position?: number;
}

const write = (line: string): void => void process.stdout.write(`${line}\n`);

const printResult = async (client: ApiClient, page: EvaluationPage, { json, url }: WatchOptions): Promise<void> => {
  if (json) {
    write(JSON.stringify(resultLine(page, url)));
    return;
  }
  const columns = process.stdout.columns ?? 100;
  write('');
  resultLines(page, { columns, nowMs: Date.now() }).forEach(write);
  const link = await loginLink(client).catch(() => undefined);
  write(`\n${url}`);
  if (link !== undefined) write(`${pc.dim('Log a browser in with this link, once:')} ${pc.cyan(link)}`);
};

const leave = (page: EvaluationPage | undefined, id: string, options: WatchOptions): void => {
  if (options.json) {
    if (page !== undefined) write(JSON.stringify(resultLine(page, options.url)));
    return;
  }
  const lines = [
    'Stopped watching; the evaluation goes on.',
    `  ./crucible watch ${shortId(id)}    to see it again`,
    `  ./crucible cancel ${shortId(id)}   to end it`,
  ];
  process.stderr.write(`${lines.join('\n')}\n`);
};

/**
 * Shows an evaluation until it ends, prints its result and sets the exit code: 0 when it completed and everything passed, else 1.
 * Ctrl-C ends the watching, never the evaluation.
 */
export const watchToEnd = async (client: ApiClient, id: string, options: WatchOptions): Promise<void> => {
  if (options.position !== undefined) await getEvaluation(client, id, options.position);
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  // Not `once`: seeing no listener left, the library that hides the cursor would end the process itself.
  process.on('SIGINT', onSignal);
  const screen = openScreen(options.json);
  let page: EvaluationPage | undefined;
  try {
    page = await follow(client, id, {
      signal: interrupt.signal,
      onPage: (next) => screen.show(next),
      onTrouble: (message) => screen.trouble(message),
    });
  } finally {
    screen.close();
    process.off('SIGINT', onSignal);
  }
  if (page === undefined || !hasEnded(page)) {
    process.exitCode = exitCodes.failed;
    leave(page, id, options);
    return;
  }
  process.exitCode = allPassed(page.evaluation) ? exitCodes.ok : exitCodes.failed;
  await printResult(client, page, options);
};
