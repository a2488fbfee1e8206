import { z } from 'zod';

/** What a reply's growing end may hold of each kind; the beginning gives way. The whole is in the transcript soon. */
export const growingCharsMax = 16_000;

const place = { turn: z.int().min(0), attempt: z.int().min(0) };
export const deltaSchema = z.object({
  ...place,
  kind: z.enum(['text', 'reasoning', 'tool-call']),
  after: z.int().min(0),
  text: z.string(),
});
export const resetSchema = z.object(place);
export const wholeSchema = z.object({ turn: z.int().min(0) });
const accountSchema = z.object({
  provider: z.string(),
  effective: z.int().min(0),
  concurrencyMax: z.int().min(0),
  waiting: z.int().min(0),
  pausedMs: z.number().min(0),
});
export const waitsSchema = z.object({ turn: z.int().min(0), account: accountSchema.nullable() });
export type Delta = z.infer<typeof deltaSchema>;

/** A call that waits until its provider takes it. */
export interface Waiting {
  readonly turn: number;
  readonly account: z.infer<typeof accountSchema>;
}

export interface Growing {
  readonly turn: number;
  readonly attempt: number;
  readonly reasoning: string;
  readonly text: string;
  readonly toolCall: string;
  /** Its beginning is missing: it had to give way, or was said before anybody looked. */
  readonly isCut: boolean;
}

const grown = (before: string, more: string): string => {
  const text = before + more;
  return text.length > growingCharsMax ? text.slice(-growingCharsMax) : text;
};

const fieldOf = { text: 'text', reasoning: 'reasoning', 'tool-call': 'toolCall' } as const;
const begun = (turn: number, attempt: number): Growing => ({
  turn,
  attempt,
  reasoning: '',
  text: '',
  toolCall: '',
  isCut: false,
});

/** A reply while it grows: of one turn, and of the newest attempt at it. What is old is dropped, whatever order it comes in. */
export class LiveReply {
  #growing: Growing | null = null;
  #waiting: Waiting | null = null;
  /** Turns up to this one are on record. */
  #onRecord = 0;

  get growing(): Growing | null {
    return this.#growing;
  }

  get waiting(): Waiting | null {
    return this.#waiting;
  }

  /** Its call waits, or is under way where there is no account to wait for. */
  wait({ turn, account }: z.infer<typeof waitsSchema>): void {
    this.#waiting = account === null || turn <= this.#onRecord ? null : { turn, account };
  }

  add({ turn, attempt, kind, after, text }: Delta): void {
    if (turn <= this.#onRecord || this.#isOld(turn, attempt)) return;
    this.#waiting = null;
    const now = this.#growing;
    const before = now === null || now.turn !== turn || now.attempt !== attempt ? begun(turn, attempt) : now;
    const field = fieldOf[kind];
    const isMissing = before[field] === '' && after > 0;
    const isCut = before.isCut || isMissing || before[field].length + text.length > growingCharsMax;
    this.#growing = { ...before, [field]: grown(before[field], text), isCut };
  }

  /** A new attempt: what was streamed of that turn counts for nothing. */
  reset(turn: number, attempt: number): void {
    if (turn <= this.#onRecord || this.#isOld(turn, attempt)) return;
    this.#growing = begun(turn, attempt);
  }

  /** The transcript shows the subject's words of this turn. */
  settle(turn: number): void {
    this.#onRecord = Math.max(this.#onRecord, turn);
    if (this.#growing !== null && this.#growing.turn <= this.#onRecord) this.#growing = null;
    if (this.#waiting !== null && this.#waiting.turn <= this.#onRecord) this.#waiting = null;
  }

  /** After a lost connection nobody knows what was missed. */
  clear(): void {
    this.#growing = null;
    this.#waiting = null;
  }

  #isOld(turn: number, attempt: number): boolean {
    const now = this.#growing;
    return now !== null && (turn < now.turn || (turn === now.turn && attempt < now.attempt));
  }
}
