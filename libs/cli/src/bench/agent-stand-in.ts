import { say, WireServer } from '@crucible/models/testing';
import type { WireReply, WireRequest } from '@crucible/models/testing';

/** What a conversation is for: words alone, a tool call in each turn, or waiting for the end of a reply. */
export type Purpose = 'talk' | 'act' | 'wait';

/** The task by which the stand-in knows a conversation again. */
export const taskOf = (purpose: Purpose, turns: number, name: string): string => `bench ${purpose} ${turns} ${name}`;

interface Conversation {
  readonly purpose: string;
  readonly turns: number;
  readonly key: string;
  /** Replies that it has. */
  readonly replied: number;
}

const conversationOf = ({ body }: WireRequest): Conversation => {
  const messages = body.messages as { role: string }[];
  const [key = '', purpose = '', turns = '1'] = /bench (\w+) (\d+) [\w-]+/.exec(JSON.stringify(messages)) ?? [];
  return { key, purpose, turns: Number(turns), replied: messages.filter(({ role }) => role === 'assistant').length };
};

export const ANSWER = 'done';
/** A reply that comes for longer than a hundred trials take to begin: silence would be given up, and asked for again. */
const SLOW_WORDS = 'word '.repeat(60);
const SLOW_PIECE_MS = 20_000;

const call = (tool: string, input: object, delayMs: number): WireReply =>
  say('', {
    toolCalls: [{ id: `call-${tool}`, tool, arguments: JSON.stringify(input) }],
    finishReason: 'tool-calls',
    delayMs,
  });

/** A model that takes so long for every reply: what passes between two of its requests is not its own. */
export class StandIn {
  readonly #wire: WireServer;

  private constructor(wire: WireServer) {
    this.#wire = wire;
  }

  static async start(delayMs: number): Promise<StandIn> {
    const wire = await WireServer.start();
    wire.script((request) => {
      const { purpose, turns, replied } = conversationOf(request);
      if (purpose === 'wait') return say(SLOW_WORDS, { pieceChars: 1, pieceDelayMs: SLOW_PIECE_MS });
      if (purpose === 'talk') return say(ANSWER, { delayMs });
      return replied < turns - 1
        ? call('bash', { command: 'true' }, delayMs)
        : call('submit', { answer: ANSWER }, delayMs);
    });
    return new StandIn(wire);
  }

  get url(): string {
    return this.#wire.url;
  }

  /** As a file of models names it. */
  models(name: string): string {
    const limits = { concurrency: 1_000, outputTokens: 256, timeout: '1h' };
    return JSON.stringify({
      models: [{ name, provider: 'openai-compatible', model: 'stand-in', baseUrl: this.url, limits }],
    });
  }

  forget(): void {
    this.#wire.requests.length = 0;
  }

  /** Of each conversation since `forget`, the milliseconds from each reply's last byte to the next request. */
  gaps(): ReadonlyMap<string, readonly number[]> {
    const byTask = Map.groupBy(this.#wire.requests, (request) => conversationOf(request).key);
    return new Map(
      [...byTask].map(([key, requests]) => [
        key,
        requests.slice(1).map(({ atMs }, at) => atMs - (requests[at]?.endedAtMs ?? Number.NaN)),
      ]),
    );
  }

  /** From the first request since `forget` to the last reply. */
  get spanMs(): number {
    const all = this.#wire.requests;
    return Math.max(...all.map(({ endedAtMs }) => endedAtMs ?? 0)) - Math.min(...all.map(({ atMs }) => atMs));
  }

  stop(): Promise<void> {
    return this.#wire.stop();
  }
}
