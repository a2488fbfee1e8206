import type { GuestLine } from './two-sides.ts';

export interface Printed {
  readonly stream: 'stdout' | 'stderr';
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly base64: string;
}

/** Beyond these the newest of a trial's lines are left to the output's own view. */
export const guestLinesMax = 20_000;
export const lineCharsMax = 400;
const newline = 10;

interface Open {
  at: number;
  offset: number;
  bytes: number[];
}

/** Cuts what was printed into lines, each with the time of its first byte and its place in its stream. Bounded. */
export class GuestLines {
  readonly lines: GuestLine[] = [];
  readonly #open: Record<GuestLine['stream'], Open | null> = { stdout: null, stderr: null };
  readonly #offset: Record<GuestLine['stream'], number> = { stdout: 0, stderr: 0 };
  readonly #decoder = new TextDecoder();

  /** True when lines had to be left out. */
  isCut = false;

  add({ stream, at, base64 }: Printed): void {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    for (const byte of bytes) {
      const open = (this.#open[stream] ??= { at, offset: this.#offset[stream], bytes: [] });
      this.#offset[stream] += 1;
      if (byte === newline) this.#close(stream);
      else if (open.bytes.length < lineCharsMax) open.bytes.push(byte);
    }
  }

  /** All lines so far, those that have not ended among them, in order of their times. */
  all(): GuestLine[] {
    const open = (['stdout', 'stderr'] as const).flatMap((stream) => {
      const begun = this.#open[stream];
      return begun === null ? [] : [this.#lineOf(stream, begun)];
    });
    return [...this.lines, ...open].sort((a, b) => a.at - b.at);
  }

  #close(stream: GuestLine['stream']): void {
    const open = this.#open[stream];
    this.#open[stream] = null;
    if (open === null) return;
    if (this.lines.length >= guestLinesMax) this.isCut = true;
    else this.lines.push(this.#lineOf(stream, open));
  }

  #lineOf(stream: GuestLine['stream'], { at, offset, bytes }: Open): GuestLine {
    return { stream, at, offset, text: this.#decoder.decode(Uint8Array.from(bytes)) };
  }
}
