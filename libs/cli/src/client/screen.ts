import type { EvaluationPage } from '@crucible/domain';
import { createLogUpdate } from 'log-update';
import { hasEnded } from './follow.ts';
import { progressText, stackedLines } from './progress.ts';

/** Where the course of evaluations is shown while they run. */
export interface Screen {
  show(page: EvaluationPage): void;
  /** The stream was lost for now. */
  trouble(message: string): void;
  /** Leaves the terminal as a next line can be written to it. */
  close(): void;
}

const FRAME_MS = 100;
const LINE_EVERY_MS = 5_000;

/** Redraws on a terminal, ten times a second while something runs. */
class LiveScreen implements Screen {
  readonly #stream: NodeJS.WriteStream;
  readonly #draw: ReturnType<typeof createLogUpdate>;
  readonly #timer: NodeJS.Timeout;
  readonly #pages = new Map<string, EvaluationPage>();
  #trouble: string | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#draw = createLogUpdate(stream);
    this.#timer = setInterval(() => this.#paint(), FRAME_MS);
  }

  show(page: EvaluationPage): void {
    this.#pages.set(page.evaluation.id, page);
    this.#trouble = undefined;
  }

  trouble(message: string): void {
    this.#trouble = message;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#draw.clear();
    this.#draw.done();
  }

  #paint(): void {
    if (this.#pages.size === 0) return;
    const { columns = 80, rows = 24 } = this.#stream;
    const canvas = { columns, rows, nowMs: Date.now() };
    this.#draw(stackedLines([...this.#pages.values()], canvas, this.#trouble).join('\n'));
  }
}

/** One line now and then, for logs. */
class LineScreen implements Screen {
  readonly #write: (text: string) => void;
  readonly #shownAt = new Map<string, number>();

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  show(page: EvaluationPage): void {
    const now = performance.now();
    const { id } = page.evaluation;
    if (now - (this.#shownAt.get(id) ?? Number.NEGATIVE_INFINITY) < LINE_EVERY_MS || hasEnded(page)) return;
    this.#shownAt.set(id, now);
    this.#write(`${progressText(page, Date.now())}\n`);
  }

  trouble(message: string): void {
    this.#write(`${message}: trying again\n`);
  }

  close(): void {}
}

/** One JSON object a line: every trial as it ends, and an evaluation whenever its counts have changed. */
class JsonScreen implements Screen {
  readonly #print: (value: unknown) => void;
  readonly #told = new Set<string>();
  readonly #counts = new Map<string, string>();

  constructor(print: (value: unknown) => void) {
    this.#print = print;
  }

  show(page: EvaluationPage): void {
    for (const trial of page.trials.values()) {
      const name = `${trial.evaluationId} ${trial.id}`;
      if (trial.status !== 'finished' || this.#told.has(name)) continue;
      this.#told.add(name);
      const { id, sampleId, epoch, attempt, outcome, reason, exitCode, verdict, scores, durationMs, limitsHit } = trial;
      this.#print({
        type: 'trial',
        evaluationId: trial.evaluationId,
        trialId: id,
        ...{ sampleId, epoch, attempt, outcome, reason, exitCode, verdict, scores, durationMs, limitsHit },
      });
    }
    const { id, status, trials, score } = page.evaluation;
    const progress = { type: 'progress', evaluationId: id, status, trials, score };
    const counts = JSON.stringify(progress);
    if (counts === this.#counts.get(id)) return;
    this.#counts.set(id, counts);
    this.#print({ ...progress, position: page.position });
  }

  trouble(message: string): void {
    this.#print({ type: 'trouble', message });
  }

  close(): void {}
}

/** The screen that fits: JSON lines on standard output where asked for, else progress on standard error. */
export const openScreen = (json: boolean): Screen => {
  if (json) return new JsonScreen((value) => void process.stdout.write(`${JSON.stringify(value)}\n`));
  const live = process.stderr.isTTY && process.env['TERM'] !== 'dumb';
  return live ? new LiveScreen(process.stderr) : new LineScreen((text) => void process.stderr.write(text));
};
