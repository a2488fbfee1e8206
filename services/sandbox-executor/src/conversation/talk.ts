import type { AssistantMessage, ModelMessage, ModelParameters, Speaker, ToolSpec } from '@crucible/events';
import type { CallEnd } from '@crucible/models';
import { displayableLine } from '@crucible/events';
import { firstOf } from './approvals.ts';
import { reasonOfBudget } from './ending.ts';
import type { Ending } from './ending.ts';
import type { Asking, Role } from './model-caller.ts';
import { showBeside } from './parts.ts';
import type { ConversationParts } from './parts.ts';
import type { SaidBy } from './transcript.ts';

const WHY_CHARS_MAX = 1_500;

/** What people say, and a simulated user, are words of the user to a model. */
export const user = (content: string): ModelMessage => ({ role: 'user', content });

/** What a message says, its own arguments for tools included. */
export const textOf = (message: ModelMessage): string =>
  message.role === 'assistant'
    ? [message.content, message.reasoning ?? '', ...message.toolCalls.map(({ inputText }) => inputText)].join('\n')
    : message.content;

const usual: ModelParameters = { temperature: null, topP: null, outputTokensMax: null, seed: null, stop: [] };

export interface Reply {
  readonly message: AssistantMessage;
  readonly record: number;
}

/** The conversation as it stands: its messages, whether it is over, and how it came to be. */
export class Talk {
  readonly parts: ConversationParts;
  readonly messages: ModelMessage[] = [];
  readonly #stop = new AbortController();
  readonly #records: number[] = [];
  /** Whose conversations have been sent to their models. */
  readonly #asked = new Set<Role>();
  #ending: Ending | null = null;
  #answer: string | null = null;
  #heard = 0;
  #shown = 0;
  /** The turn that it is in. */
  turn = 0;

  constructor(parts: ConversationParts) {
    this.parts = parts;
  }

  /** Aborted when nothing may go on, for whatever reason. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Null while it goes on, and when its sandbox has ended: that has its own reason. */
  get ending(): Ending | null {
    // What was given only when it was over is its answer as well: a program that was ended may have left one.
    return this.#ending === null ? null : { ...this.#ending, answer: this.#ending.answer ?? this.#answer };
  }

  get isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  /** The subject's last words, which are its answer if it comes to give no other. */
  set lastWords(text: string) {
    if (text.trim() !== '') this.#answer = text;
  }

  /** Nothing goes on from here. The first reason counts. */
  end(reason: Ending['reason'], why: string | null = null, answer: string | null = this.#answer): void {
    this.endAs({ reason, why, answer });
  }

  /** The same, for an end that has more to it. */
  endAs(ending: Ending): void {
    if (this.isOver) return;
    const { why } = ending;
    this.#ending = { ...ending, why: why === null ? null : displayableLine(why, WHY_CHARS_MAX) };
    this.#stop.abort();
  }

  /** Its sandbox is gone: nothing goes on, and why is the sandbox's to tell. */
  cut(): void {
    this.#stop.abort();
  }

  /** Adds a message and writes it down. @returns number of its record */
  say(turn: number, by: Speaker, message: ModelMessage, said?: SaidBy): number {
    const record = this.parts.transcript.message(turn, by, message, said);
    this.messages.push(message);
    this.#records.push(record);
    return record;
  }

  /** Messages that people sent since the last look. @returns how many */
  hearPeople(turn: number): number {
    const sent = this.parts.control.state.messages.slice(this.#heard);
    this.#heard += sent.length;
    for (const { content, by, position } of sent) this.say(turn, 'person', user(content), { actor: by, position });
    return sent.length;
  }

  /** Held before a turn for as long as people want it so. */
  async pause(turn: number): Promise<void> {
    const { control, clock, note, place } = this.parts;
    if (!control.state.isPauseAsked || this.isOver) return;
    const over = clock.wait();
    try {
      await note({ type: 'crucible.trial.paused.v1', data: { ...place, turn } });
      for (;;) {
        const { changed } = control;
        if (!control.state.isPauseAsked || this.isOver) return;
        await firstOf(changed, Infinity, this.signal);
      }
    } finally {
      over();
    }
  }

  /** Asks the subject for its next words. Null when there are none: it is over then, for whatever reason. */
  async ask(turn: number, tools: readonly ToolSpec[]): Promise<Reply | null> {
    const { plan, transcript } = this.parts;
    this.#showSent();
    const asking = this.#asking('subject', plan.model, turn, this.messages, tools);
    let record = 0;
    const asked = await this.#call(asking, (end) => (record = transcript.message(turn, 'subject', end.message)));
    if (asked === null) return null;
    const { message } = asked;
    this.messages.push(message);
    this.#records.push(record);
    this.#shown = this.messages.length;
    this.parts.listener.spoke(textOf(message), record, this.parts.now());
    this.lastWords = message.content;
    await transcript.room();
    return { message, record };
  }

  /** Asks a model that plays the other side. Null as with `ask`. */
  async askUser(model: string, turn: number, messages: readonly ModelMessage[]): Promise<string | null> {
    const { transcript, listener, now } = this.parts;
    const asking = this.#asking('user', model, turn, messages, []);
    let record = 0;
    const asked = await this.#call(asking, (end) => (record = transcript.aside(turn, 'user', end.message)));
    if (asked === null) return null;
    listener.said(textOf(asked.message), 'said', record, now());
    return asked.message.content;
  }

  #asking(
    role: Role,
    model: string,
    turn: number,
    messages: readonly ModelMessage[],
    tools: readonly ToolSpec[],
  ): Asking {
    const { plan } = this.parts;
    // The suite's are for its subject: whoever plays the user speaks as it would.
    const parameters = role === 'subject' ? plan.parameters : usual;
    const requestRecord = this.#records.at(-1) ?? null;
    const asking = {
      role,
      model,
      turn,
      messages: [...messages],
      tools,
      parameters,
      signal: this.signal,
      requestRecord,
    };
    if (this.#asked.has(role)) return asking;
    this.#asked.add(role);
    // Nobody has looked at anything of it so far: not at replies that a suite or an earlier attempt has written, nor at tools.
    return { ...asking, newFrom: 0 };
  }

  async #call(
    asking: Asking,
    record: (end: CallEnd & { ok: true }) => number,
  ): Promise<(CallEnd & { ok: true }) | null> {
    const asked = await this.parts.caller.ask(asking, record);
    if (asked.kind === 'refused') {
      this.end(reasonOfBudget[asked.refusal.kind], asked.why);
      return null;
    }
    const { end } = asked;
    const at = this.parts.now();
    showBeside(this.parts.listener, end, asking.requestRecord ?? 0, at);
    // What came after all was over changes nothing: a stop came first.
    if (this.isOver) return null;
    if (end.ok) return end;
    const whose = asking.role === 'subject' ? asking.model : `${asking.model}, as ${asking.role},`;
    this.end('model-failure', `${whose} ${end.failure}: ${end.detail}`);
    return null;
  }

  /** What is about to leave the platform for the first time is looked at. */
  #showSent(): void {
    const { listener, now } = this.parts;
    for (; this.#shown < this.messages.length; this.#shown += 1) {
      const message = this.messages[this.#shown];
      if (message === undefined || message.role === 'assistant') continue;
      listener.said(textOf(message), 'sent', this.#records[this.#shown] ?? 0, now());
    }
  }
}
