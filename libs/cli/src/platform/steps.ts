import { pc } from '../colours.ts';
import { messageOf } from './failure.ts';

/** One finished step of bring-up. `ms` is wall time; `note` says what was found or done. */
export interface StepRecord {
  readonly name: string;
  readonly ms: number;
  readonly note?: string;
  readonly failed?: true;
}

/** How steps are shown: `live` redraws a terminal, `lines` prints each as it ends, `json` one object a line. */
export type StepDisplay = 'live' | 'lines' | 'json' | 'silent';

export interface StepsOptions {
  readonly display: StepDisplay;
  readonly write: (text: string) => void;
  /** Steps that end sooner are not shown (they are recorded): a platform that is up should not talk. */
  readonly shownFromMs?: number;
  readonly columns?: number;
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const nameWidth = 16;

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 9_950 ? 2 : 1)} s`;

const line = (mark: string, name: string, ms: number, note: string): string =>
  `${mark} ${name.padEnd(nameWidth)} ${seconds(ms).padStart(8)}  ${note}`.trimEnd();

interface Active {
  readonly name: string;
  readonly since: number;
  note: string;
}

/** Shows and times the steps of one bring-up; several may be under way at once. */
export class Steps {
  readonly records: StepRecord[] = [];
  readonly #active = new Set<Active>();
  readonly #options: StepsOptions;
  #timer: NodeJS.Timeout | undefined;
  #drawn = 0;
  #frame = 0;

  constructor(options: StepsOptions) {
    this.#options = options;
  }

  /** Runs `work` as a step. `note` tells, while it runs or at its end, what is being done or was found. */
  async step<T>(name: string, work: (note: (text: string) => void) => Promise<T>): Promise<T> {
    const active: Active = { name, since: performance.now(), note: '' };
    this.#active.add(active);
    this.#animate();
    try {
      const result = await work((text) => {
        active.note = text;
      });
      this.#end(active, false);
      return result;
    } catch (error) {
      active.note = messageOf(error).split('\n')[0] ?? '';
      this.#end(active, true);
      throw error;
    }
  }

  #end(active: Active, failed: boolean): void {
    this.#active.delete(active);
    const ms = Math.round(performance.now() - active.since);
    const record: StepRecord = {
      name: active.name,
      ms,
      ...(active.note ? { note: active.note } : {}),
      ...(failed ? { failed: true as const } : {}),
    };
    this.records.push(record);
    const shown = failed || ms >= (this.#options.shownFromMs ?? 0);
    if (shown) this.#show(record);
    if (this.#active.size === 0) this.#rest();
  }

  #show(record: StepRecord): void {
    const { display, write } = this.#options;
    if (display === 'silent') return;
    if (display === 'json') return write(`${JSON.stringify({ type: 'step', ...record })}\n`);
    const mark = record.failed ? pc.red('✗') : pc.green('✓');
    this.#erase();
    write(`${line(mark, record.name, record.ms, record.note ?? '')}\n`);
    this.#draw();
  }

  #animate(): void {
    if (this.#options.display !== 'live' || this.#timer) return;
    this.#timer = setInterval(() => {
      this.#frame += 1;
      this.#erase();
      this.#draw();
    }, 100);
    this.#timer.unref();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#erase();
  }

  #erase(): void {
    if (this.#drawn === 0) return;
    this.#options.write(`\u001b[${this.#drawn}A\u001b[J`);
    this.#drawn = 0;
  }

  #draw(): void {
    if (this.#options.display !== 'live') return;
    const now = performance.now();
    const old = [...this.#active].filter((active) => now - active.since >= 150);
    const spinner = frames[this.#frame % frames.length] ?? '';
    // A line that wraps would be two lines to erase.
    const width = (this.#options.columns ?? 80) - 1;
    const text = old.map((active) => line(spinner, active.name, now - active.since, active.note).slice(0, width));
    if (text.length > 0) this.#options.write(`${text.join('\n')}\n`);
    this.#drawn = text.length;
  }
}
