import type { EvaluationPage } from '@crucible/domain';
import { createLogUpdate } from 'log-update';
import { hasEnded } from './follow.ts';
import { progressLines, progressText } from './progress.ts';

/** Where the course of an evaluation is shown while it runs. */
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
  #page: EvaluationPage | undefined;
  #trouble: string | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#draw = createLogUpdate(stream);
    this.#timer = setInterval(() => this.#paint(), FRAME_MS);
  }

  show(page: EvaluationPage): void {
    this.#page = page;
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
    if (this.#page === undefined) return;
    const { columns = 80, rows = 24 } = this.#stream;
    this.#draw(progressLines(this.#page, { columns, rows, nowMs: Date.now() }, this.#trouble).join('\n'));
  }
}

/** One line now and then, for logs. */
class LineScreen implements Screen {
  readonly #write: (text: string) => void;
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  show(page: EvaluationPage): void {
    const now = performance.now();
    if (now - this.#shownAt < LINE_EVERY_MS || hasEnded(page)) return;
    this.#shownAt = now;
    this.#write(`${progressText(page, Date.now())}\n`);
  }

  trouble(message: string): void {
    this.#write(`${message}: trying again\n`);
  }

  close(): void {}
}

/** One JSON object a line: every trial as it ends, and the evaluation whenever its counts have changed. */
class JsonScreen implements Screen {
  readonly #print: (value: unknown) => void;
  readonly #told = new Set<string>();
  #counts = '';

  constructor(print: (value: unknown) => void) {
    this.#print = print;
  }

  show(page: EvaluationPage): void {
    for (const trial of page.trials.values()) {
      if (trial.status !== 'finished' || this.#told.has(trial.id)) continue;
      this.#told.add(trial.id);
      const { id, sampleId, epoch, attempt, outcome, reason, exitCode, verdict, scores, durationMs, limitsHit } = trial;
      this.#print({
        type: 'trial',
        trialId: id,
        ...{ sampleId, epoch, attempt, outcome, reason, exitCode, verdict, scores, durationMs, limitsHit },
      });
    }
    const { id, status, trials, score } = page.evaluation;
    const progress = { type: 'progress', evaluationId: id, status, trials, score };
    const counts = JSON.stringify(progress);
    if (counts === this.#counts) return;
    this.#counts = counts;
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
