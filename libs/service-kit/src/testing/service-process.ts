import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const LOADER = fileURLToPath(new URL('../../../source-loader/register.mjs', import.meta.url));
const LOG_LINES_MAX = 10_000;

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string; readonly level: number };

const parsed = (line: string): LogLine => {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line, level: 0 };
  }
};

/** A service run as the platform runs it, for tests: a process of its own, its environment, its log and its health port. */
export class ServiceProcess {
  readonly log: LogLine[] = [];
  readonly #child: ChildProcess;
  readonly #origin: string;
  readonly #ended: Promise<number | null>;

  /**
   * @param main path of the service's `main.ts`
   * @param environment its whole environment, which needs CRUCIBLE_HEALTH_PORT
   */
  constructor(main: string, environment: Readonly<Record<string, string>>) {
    const argv = ['--conditions=crucible-source', '--import', LOADER, main];
    this.#child = spawn(process.execPath, argv, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#origin = `http://127.0.0.1:${environment['CRUCIBLE_HEALTH_PORT'] ?? ''}`;
    this.#ended = once(this.#child, 'exit').then(([code]) => code as number | null);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        if (this.log.length < LOG_LINES_MAX) this.log.push(parsed(line));
      });
    }
  }

  /** Status and body of an answer; status 0 while nobody listens. */
  async get(path: string): Promise<{ status: number; body: unknown }> {
    try {
      const answer = await fetch(`${this.#origin}${path}`, { signal: AbortSignal.timeout(5_000) });
      return { status: answer.status, body: await answer.json() };
    } catch {
      return { status: 0, body: undefined };
    }
  }

  /** Waits until `/readyz` answers with the status and the text. @throws Error with the log when it does not in time */
  async answers(status: 200 | 503, containing = '', waitMs = 20_000): Promise<void> {
    for (const deadline = Date.now() + waitMs; Date.now() < deadline; await sleep(50)) {
      const answer = await this.get('/readyz');
      if (answer.status === status && JSON.stringify(answer.body).includes(containing)) return;
    }
    throw new Error(
      `readyz did not answer ${status} ${containing}:\n${this.log.map((line) => JSON.stringify(line)).join('\n')}`,
    );
  }

  /** The exit code, null after a signal that was not handled. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal);
    return this.#ended;
  }
}
