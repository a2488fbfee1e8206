import type { EvaluationPage } from '@crucible/domain';
import { pc } from '../colours.ts';
import { exitCodes } from '../exit.ts';
import type { ApiClient } from './api-client.ts';
import { getEvaluation, loginLink, shortId } from './evaluations.ts';
import { follow, hasEnded } from './follow.ts';
import { cameToResult, resultLine, resultLines } from './result.ts';
import { openScreen } from './screen.ts';
import type { Screen } from './screen.ts';
import { sideBySideLines } from './side-by-side.ts';

/** One evaluation to be watched. */
export interface Watched {
  readonly id: string;
  /** Address of the evaluation's page. */
  readonly url: string;
  /** Log position of the submission, where it was made just now: the page is waited for until it is there. */
  readonly position?: number;
}

/** What became of it while it was watched. */
interface Seen extends Watched {
  readonly page: EvaluationPage | undefined;
}

const write = (line: string): void => void process.stdout.write(`${line}\n`);
const writeJson = ({ page, url }: Seen): void => {
  if (page !== undefined) write(JSON.stringify(resultLine(page, url)));
};

const printResult = async (client: ApiClient, seen: readonly Seen[]): Promise<void> => {
  const pages = seen.flatMap(({ page }) => page ?? []);
  const view = { columns: process.stdout.columns ?? 100, nowMs: Date.now() };
  const [only] = pages;
  write('');
  if (pages.length === 1 && only !== undefined) resultLines(only, view).forEach(write);
  else sideBySideLines(pages, view).forEach(write);
  const link = await loginLink(client).catch(() => undefined);
  write('');
  seen.forEach(({ url }) => write(url));
  if (link !== undefined) write(`${pc.dim('Log a browser in with this link, once:')} ${pc.cyan(link)}`);
};

const leave = (seen: readonly Seen[], json: boolean): void => {
  if (json) return seen.forEach(writeJson);
  const open = seen.filter(({ page }) => page === undefined || !hasEnded(page));
  const lines = [
    open.length === 1 ? 'Stopped watching; the evaluation goes on.' : 'Stopped watching; the evaluations go on.',
    ...open.flatMap(({ id }) => [
      `  ./crucible watch ${shortId(id)}    to see it again`,
      `  ./crucible cancel ${shortId(id)}   to end it`,
    ]),
  ];
  process.stderr.write(`${lines.join('\n')}\n`);
};

const followed = async (client: ApiClient, watched: Watched, screen: Screen, stop: AbortController): Promise<Seen> => {
  try {
    if (watched.position !== undefined) await getEvaluation(client, watched.id, watched.position);
    const page = await follow(client, watched.id, {
      signal: stop.signal,
      onPage: (next) => screen.show(next),
      onTrouble: (message) => screen.trouble(message),
    });
    return { ...watched, page };
  } catch (error) {
    // Nobody goes on reading a screen that is being closed.
    stop.abort();
    throw error;
  }
};

/**
 * Shows evaluations until they end, prints their results and sets the exit code: 0 when each came to what it was started
 * for, else 1. Ctrl-C ends the watching, never an evaluation.
 */
export const watchToEnd = async (client: ApiClient, watched: readonly Watched[], json: boolean): Promise<void> => {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  // Not `once`: seeing no listener left, the library that hides the cursor would end the process itself.
  process.on('SIGINT', onSignal);
  const screen = openScreen(json);
  let seen: Seen[];
  try {
    seen = await Promise.all(watched.map((each) => followed(client, each, screen, interrupt)));
  } finally {
    screen.close();
    process.off('SIGINT', onSignal);
  }
  const allEnded = seen.every(({ page }) => page !== undefined && hasEnded(page));
  const allCame = seen.every(({ page }) => page !== undefined && cameToResult(page.evaluation));
  process.exitCode = allEnded && allCame ? exitCodes.ok : exitCodes.failed;
  if (!allEnded) return leave(seen, json);
  if (json) return seen.forEach(writeJson);
  await printResult(client, seen);
};
