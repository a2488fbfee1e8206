import { createHash } from 'node:crypto';
import { refusalText } from '@crucible/domain';
import type { AssistantMessage, ModelMessage } from '@crucible/events';
import type { CallEnd } from '@crucible/models';
import { reasonOfBudget } from '../ending.ts';
import type { Ending } from '../ending.ts';
import type { ReplyHearer } from '../model-caller.ts';
import { showBeside } from '../parts.ts';
import { textOf } from '../talk.ts';
import type { Talk } from '../talk.ts';
import type { ChatAsk } from './chat-request.ts';
import { noSuchModel, over, spent, unfit } from './problem.ts';
import type { Problem } from './problem.ts';
import { Threads } from './threads.ts';

/** Of all new messages of one trial: they are kept for its graders, and stand in its transcript. */
const SAID_BYTES_MAX = 16 * 1024 * 1024;
/** A program that was refused for a limit has so long to end by itself. */
const GRACE_MS = 5_000;

type Replied = CallEnd & { readonly ok: true };
type Failed = CallEnd & { readonly ok: false };

/** What came of one call of a program. */
export type Called =
  | { readonly kind: 'replied'; readonly end: Replied }
  | { readonly kind: 'refused'; readonly problem: Problem }
  /** Whoever asked is gone. */
  | { readonly kind: 'aborted' };

const refused = (problem: Problem): Called => ({ kind: 'refused', problem });

/** What a provider's failure is to a program. What a provider says of a fault of its own stays here. */
const problemOf = ({ failure, detail }: Failed): Problem => {
  const server = (status: number, message: string): Problem => ({
    status,
    type: 'server_error',
    code: `provider_${failure.replace('-', '_')}`,
    param: null,
    message,
  });
  switch (failure) {
    case 'rejected':
      return unfit(null, detail, 'rejected_by_provider');
    case 'rate-limited':
      return { ...server(429, 'The model’s provider is overloaded.'), type: 'rate_limit_error' };
    case 'unavailable':
      return server(503, 'The model’s provider cannot be reached.');
    case 'timeout':
      return server(504, 'The model’s provider took too long.');
    case 'malformed':
    case 'too-large':
      return server(502, 'The model’s reply could not be used.');
    case 'aborted':
      return over;
  }
};

/** Calls that a program makes to its model: counted, paid, put on record and looked at as those of any conversation. */
export class AgentCalls {
  readonly #talk: Talk;
  readonly #turnsMax: number;
  readonly #threads = new Threads();
  readonly #underWay = new Set<Promise<Called>>();
  #turns = 0;
  #saidBytes = 0;
  #toolsLooked = '';
  #limit: Pick<Ending, 'reason' | 'why'> | null = null;
  #grace: NodeJS.Timeout | undefined;
  #held: Promise<void> | undefined;
  #failed: Failed | null = null;

  constructor(talk: Talk, turnsMax: number) {
    this.#talk = talk;
    this.#turnsMax = turnsMax;
  }

  get model(): string {
    return this.#talk.parts.plan.model;
  }

  /** The limit that a call was refused for: what its program comes to then, it comes to because of it. */
  get limit(): Pick<Ending, 'reason' | 'why'> | null {
    return this.#limit;
  }

  /** The provider's failure that the last call met; null when it was answered. */
  get failed(): Failed | null {
    return this.#failed;
  }

  /** @param hearer told of the reply as it comes @param signal aborted when nobody waits for it any more */
  call(ask: ChatAsk, signal: AbortSignal, hearer?: ReplyHearer): Promise<Called> {
    const called = this.#call(ask, AbortSignal.any([signal, this.#talk.signal]), hearer);
    this.#underWay.add(called);
    const done = (): void => void this.#underWay.delete(called);
    called.then(done, done);
    return called;
  }

  /** Resolves when no call is under way. To be awaited when nothing goes on: each is then settled and told. */
  async settled(): Promise<void> {
    clearTimeout(this.#grace);
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  async #call(ask: ChatAsk, signal: AbortSignal, hearer?: ReplyHearer): Promise<Called> {
    const { plan, transcript, caller } = this.#talk.parts;
    if (ask.model !== plan.model) return refused(noSuchModel(ask.model, plan.model));
    // Several calls that are held together are one pause.
    this.#held ??= this.#talk.pause(this.#turns).finally(() => (this.#held = undefined));
    await this.#held;
    if (signal.aborted) return this.#talk.isOver ? refused(over) : { kind: 'aborted' };
    if (this.#limit !== null) return refused(spent(this.#limit.why ?? this.#limit.reason));
    if (this.#turns >= this.#turnsMax) return this.#reach('turn-limit', `${this.#turnsMax} turns`);
    const turn = (this.#turns += 1);
    this.#talk.turn = turn;
    const before = this.#threads.of(ask.messages);
    if (!this.#hasRoom(ask.messages.slice(before.count)))
      return this.#reach('message-limit', `more than ${SAID_BYTES_MAX} bytes of messages`);
    let known = before;
    for (const message of ask.messages.slice(before.count))
      known = this.#threads.add(known, message, this.#say(turn, message));
    this.#look(ask, known.record ?? 0);
    const { messages, tools, toolChoice, parameters } = ask;
    const asking = {
      role: 'subject' as const,
      model: plan.model,
      turn,
      messages,
      tools,
      toolChoice,
      parameters,
      signal,
    };
    const more = { requestRecord: known.record, newFrom: before.count, ...(hearer && { hearer }) };
    let record = 0;
    const asked = await caller.ask({ ...asking, ...more }, (end) => (record = this.#reply(turn, end.message)));
    if (asked.kind === 'refused') {
      if (signal.aborted) return { kind: 'aborted' };
      return this.#reach(reasonOfBudget[asked.refusal.kind], refusalText(asked.refusal));
    }
    this.#heard(asked.end, known.record ?? 0);
    if (!asked.end.ok) return this.#failure(asked.end, signal);
    this.#failed = null;
    this.#threads.add(known, asked.end.message, record);
    this.#talk.parts.listener.spoke(textOf(asked.end.message), record, this.#talk.parts.now());
    await transcript.room();
    return { kind: 'replied', end: asked.end };
  }

  #failure(end: Failed, signal: AbortSignal): Called {
    if (signal.aborted) return { kind: 'aborted' };
    // What a provider does not take is the program's own to mend.
    if (end.failure !== 'rejected') this.#failed = end;
    return refused(problemOf(end));
  }

  /** A limit is reached. The program is told, and ended if it does not end by itself. */
  #reach(reason: Ending['reason'], why: string): Called {
    if (this.#limit === null) {
      this.#limit = { reason, why };
      this.#grace = setTimeout(() => this.#talk.end(reason, why), GRACE_MS);
    }
    return refused(spent(why));
  }

  #hasRoom(messages: readonly ModelMessage[]): boolean {
    this.#saidBytes += messages.reduce((sum, message) => sum + Buffer.byteLength(textOf(message)), 0);
    return this.#saidBytes <= SAID_BYTES_MAX;
  }

  /** Whatever its role: the program wrote it. */
  #say(turn: number, message: ModelMessage): number {
    const { listener, now } = this.#talk.parts;
    const record = this.#talk.say(turn, message.role === 'tool' ? 'tool' : 'subject', message);
    listener.said(textOf(message), 'sent', record, now());
    return record;
  }

  #reply(turn: number, message: AssistantMessage): number {
    return this.#talk.say(turn, 'subject', message);
  }

  /** What goes along with messages is text, too. */
  #look({ tools, parameters }: ChatAsk, record: number): void {
    const text = [JSON.stringify(tools), ...parameters.stop].join('\n');
    const digest = createHash('sha256').update(text).digest('base64');
    if (digest === this.#toolsLooked) return;
    this.#toolsLooked = digest;
    this.#talk.parts.listener.said(text, 'sent', record, this.#talk.parts.now());
  }

  #heard(end: CallEnd, record: number): void {
    const { listener, now } = this.#talk.parts;
    showBeside(listener, end, record, now());
  }
}
