import type { EvaluationPage } from '@crucible/domain';
import { createLogUpdate } from 'log-update';
import { pc } from '../colours.ts';
import { eventLine, shortType } from './event-text.ts';
import type { PastEvent } from './past.ts';
import { progressLines } from './progress.ts';
import type { Gap, Stage } from './replay.ts';
import { cut, duration } from './text.ts';

const FRAME_MS = 100;
const OWN_LINES = 2;

/** A stage that has something to put away at the end. */
export interface ClosableStage extends Stage {
  close(): void;
}

const speedText = (speed: number): string => (Number.isFinite(speed) ? `${speed}x` : 'as fast as it can be read');

/** What stands below the picture: where in the log it is, and why the clock may jump. */
export const footLines = (
  view: { readonly position: number; readonly type: string; readonly speed: number; readonly gap: Gap | undefined },
  columns: number,
): string[] => {
  const { gap } = view;
  const shortened =
    gap?.shortened === true
      ? `nothing happened for ${duration(gap.toMs - gap.fromMs)}: shortened to ${duration(gap.pauseMs)}`
      : '';
  const place = `position ${view.position}  ${view.type}  ${speedText(view.speed)}  Ctrl-C ends`;
  return [pc.dim(cut(place, columns)), shortened === '' ? '' : pc.yellow(cut(shortened, columns))];
};

/** Draws the picture that `watch` draws, by the clock of the past. */
export class LiveStage implements ClosableStage {
  readonly #stream: NodeJS.WriteStream;
  readonly #speed: number;
  readonly #draw: ReturnType<typeof createLogUpdate>;
  readonly #timer: NodeJS.Timeout;
  #page: EvaluationPage | undefined;
  #gap: Gap | undefined;
  #gapBeganMs = 0;
  #lastMs = 0;
  #type = '';

  constructor(stream: NodeJS.WriteStream, speed: number) {
    this.#stream = stream;
    this.#speed = speed;
    this.#draw = createLogUpdate(stream);
    this.#timer = setInterval(() => this.#paint(), FRAME_MS);
  }

  event({ event }: PastEvent): void {
    if (event === null) return;
    this.#type = shortType(event.type);
    this.#lastMs = Math.max(this.#lastMs, Date.parse(event.time));
  }

  show(page: EvaluationPage, gap: Gap | undefined): void {
    this.#page = page;
    this.#gap = gap;
    this.#gapBeganMs = performance.now();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#draw.clear();
    this.#draw.done();
  }

  #nowMs(): number {
    if (this.#gap === undefined || this.#gap.pauseMs === 0) return this.#lastMs;
    const { fromMs, toMs, pauseMs } = this.#gap;
    return fromMs + (toMs - fromMs) * Math.min(1, (performance.now() - this.#gapBeganMs) / pauseMs);
  }

  #paint(): void {
    if (this.#page === undefined) return;
    const { columns = 80, rows = 24 } = this.#stream;
    const canvas = { columns, rows: Math.max(2, rows - OWN_LINES), nowMs: this.#nowMs() };
    const foot = { position: this.#page.position, type: this.#type, speed: this.#speed, gap: this.#gap };
    this.#draw([...progressLines(this.#page, canvas), ...footLines(foot, Math.max(20, columns - 1))].join('\n'));
  }
}

/** One line an event, for logs and pipes. */
export class LineStage implements ClosableStage {
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  event(entry: PastEvent): void {
    this.#write(eventLine(entry));
  }

  show(_page: EvaluationPage, gap: Gap | undefined): void {
    if (gap?.shortened === true)
      this.#write(pc.dim(`         nothing for ${duration(gap.toMs - gap.fromMs)}, shortened`));
  }

  close(): void {}
}

/** One JSON object an event. */
export class JsonStage implements ClosableStage {
  readonly #print: (value: unknown) => void;

  constructor(print: (value: unknown) => void) {
    this.#print = print;
  }

  event({ position, event }: PastEvent): void {
    this.#print({ type: 'event', position, event });
  }

  show(): void {}

  close(): void {}
}
