import type { TrialPlace, LiveReplies } from '@crucible/event-log';
import { liveCharsMax, liveItemsMax } from '@crucible/events';
import type { LiveAccount, LiveItem, LiveKind } from '@crucible/events';
import type { KeyGuard, ReplyDelta } from '@crucible/models';

/** At most ten messages a second for each trial, however fast its model is. */
const BETWEEN_MESSAGES_MS = 100;
/** A call that waits for longer says so, and again as often. */
const WAITS_EVERY_MS = 1_000;
/** Of a reply that comes faster than it is told, so much waits; the rest of it is seen on record. */
const WAITING_CHARS_MAX = 128 * 1024;
const WAITING_ITEMS_MAX = 4_096;

type Delta = Extract<LiveItem, { type: 'delta' }>;

export interface LiveOptions {
  readonly place: TrialPlace;
  readonly replies: Pick<LiveReplies, 'tell'>;
  /** Lets through what holds no key of ours; a new one for each text of a reply. */
  readonly guard: () => KeyGuard;
  /** Resolves when what was written into the transcript so far can be read there. */
  readonly stored: () => Promise<void>;
}

/** Tells what the subject of one trial says while it says it. What is told is for looking at, and rests on nothing. */
export class LiveTrial {
  readonly #options: LiveOptions;
  #items: LiveItem[] = [];
  #chars = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastAt = -Infinity;
  #closed = false;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  reply(turn: number): LiveReply {
    return new LiveReply(turn, this, this.#options);
  }

  /** @returns false when too much waits: nothing more of its reply is to be told */
  delta(delta: Delta): boolean {
    if (this.#chars + delta.text.length > WAITING_CHARS_MAX || this.#items.length >= WAITING_ITEMS_MAX) return false;
    const last = this.#items.at(-1);
    if (
      last?.type === 'delta' &&
      last.kind === delta.kind &&
      last.turn === delta.turn &&
      last.attempt === delta.attempt
    )
      this.#items[this.#items.length - 1] = { ...last, text: last.text + delta.text };
    else this.#items.push(delta);
    this.#chars += delta.text.length;
    this.#plan();
    return true;
  }

  /** Takes the place of all that waits to be told of its turn. */
  mark(mark: Exclude<LiveItem, Delta>): void {
    this.#items = this.#items.filter(({ turn }) => turn !== mark.turn);
    this.#chars = this.#items.reduce((sum, item) => sum + (item.type === 'delta' ? item.text.length : 0), 0);
    this.#items.push(mark);
    this.#plan();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#closed = true;
  }

  #plan(): void {
    if (this.#closed || this.#timer !== undefined || this.#items.length === 0) return;
    const waitMs = this.#lastAt + BETWEEN_MESSAGES_MS - performance.now();
    if (waitMs <= 0) return this.#send();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#send();
    }, waitMs);
  }

  #send(): void {
    const items: LiveItem[] = [];
    for (let room = liveCharsMax; room > 0 && items.length < liveItemsMax;) {
      const item = this.#items.shift();
      if (item === undefined) break;
      if (item.type !== 'delta') {
        items.push(item);
        continue;
      }
      const told = item.text.slice(0, room);
      if (told.length < item.text.length)
        this.#items.unshift({ ...item, after: item.after + room, text: item.text.slice(room) });
      room -= told.length;
      this.#chars -= told.length;
      items.push({ ...item, text: told });
    }
    this.#lastAt = performance.now();
    this.#options.replies.tell(this.#options.place, { items });
    this.#plan();
  }
}

/** One reply of the subject, over all its attempts. */
export class LiveReply {
  readonly #turn: number;
  readonly #trial: LiveTrial;
  readonly #options: Pick<LiveOptions, 'guard' | 'stored'>;
  #attempt = 1;
  #guards = new Map<string, KeyGuard>();
  /** Of each part, how much was told. */
  #toldOf = new Map<LiveKind, number>();
  /** The tool call of which something was told last. */
  #call: string | null = null;
  /** A key stood in it, or it comes too fast: the rest is for the record. */
  #silent = false;
  #told = false;

  constructor(turn: number, trial: LiveTrial, options: Pick<LiveOptions, 'guard' | 'stored'>) {
    this.#turn = turn;
    this.#trial = trial;
    this.#options = options;
  }

  attempt(attempt: number): void {
    this.#attempt = attempt;
  }

  /** Tells that it waits for its provider until the function it returns is called. @param account what is known of that one now */
  waits(account: () => LiveAccount | undefined): () => void {
    const turn = this.#turn;
    let hasTold = false;
    const timer = setInterval(() => {
      const now = account();
      if (now === undefined) return;
      hasTold = true;
      this.#trial.mark({ type: 'waits', turn, account: now });
    }, WAITS_EVERY_MS);
    timer.unref();
    return () => {
      clearInterval(timer);
      if (hasTold) this.#trial.mark({ type: 'waits', turn, account: null });
      hasTold = false;
    };
  }

  take(delta: ReplyDelta): void {
    switch (delta.kind) {
      case 'restart':
        return this.#void(delta.attempt + 1);
      case 'text':
      case 'reasoning':
        return this.#say(delta.kind, delta.kind, delta.text);
      case 'tool-call':
        return this.#say('tool-call', delta.id, `${delta.tool} `);
      case 'tool-input':
        return this.#say('tool-call', delta.id, delta.text);
    }
  }

  /** It was written into the transcript. */
  whole(): void {
    void this.#options.stored().then(() => this.#trial.mark({ type: 'whole', turn: this.#turn }));
  }

  /** There is none, and will be none. */
  failed(): void {
    if (this.#told) this.#void(this.#attempt + 1);
  }

  #void(attempt: number): void {
    this.#guards = new Map();
    this.#toldOf = new Map();
    this.#call = null;
    this.#silent = false;
    this.#told = false;
    this.#trial.mark({ type: 'reset', turn: this.#turn, attempt });
  }

  #say(kind: LiveKind, part: string, text: string): void {
    if (this.#silent) return;
    // Text, reasoning and the arguments of each call are texts of their own on record, too.
    const key = kind === 'tool-call' ? `tool-call ${part}` : kind;
    const guard = this.#guards.get(key) ?? this.#options.guard();
    this.#guards.set(key, guard);
    const shown = guard.push(text);
    this.#silent = guard.found !== null;
    if (shown === '') return;
    const isOtherCall = kind === 'tool-call' && this.#call !== null && this.#call !== part;
    if (kind === 'tool-call') this.#call = part;
    this.#told = true;
    const after = this.#toldOf.get(kind) ?? 0;
    const piece = isOtherCall ? `\n${shown}` : shown;
    this.#toldOf.set(kind, after + piece.length);
    const place = { turn: this.#turn, attempt: this.#attempt };
    if (!this.#trial.delta({ type: 'delta', ...place, kind, after, text: piece })) this.#silent = true;
  }
}
