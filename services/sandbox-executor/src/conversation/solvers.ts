import type { ModelMessage, ToolSpec } from '@crucible/events';
import { compilePattern } from '@crucible/suite';
import type { ModelSolver } from './plan.ts';
import { user } from './talk.ts';
import type { Reply, Talk } from './talk.ts';

/** What becomes of a reply. Afterwards the conversation is over, or goes on with the next turn. */
export interface Solving {
  readonly tools: readonly ToolSpec[];
  onReply(turn: number, reply: Reply): Promise<void>;
}

/** One reply is all there is. */
export const generating = (talk: Talk): Solving => ({
  tools: [],
  onReply: (_turn, { message }) => {
    talk.end('completed', null, message.content);
    return Promise.resolve();
  },
});

type ChatSolver = Extract<ModelSolver, { kind: 'chat' }>;

/** What is said to the subject was written down beforehand. */
const scripted = (talk: Talk, turns: readonly string[]): Solving => ({
  tools: [],
  onReply: (turn, { message }) => {
    const next = turns[turn - 1];
    if (next === undefined) talk.end('completed', null, message.content);
    else talk.say(turn, 'suite', user(next));
    return Promise.resolve();
  },
});

/** The conversation as the other side sees it: what it said is its own, and what the subject said is said to it. */
const seenByUser = (instructions: string, messages: readonly ModelMessage[]): ModelMessage[] => [
  { role: 'system', content: instructions },
  ...messages.flatMap((message): ModelMessage[] => {
    if (message.role === 'assistant') return message.content === '' ? [] : [user(message.content)];
    if (message.role !== 'user') return [];
    return [{ role: 'assistant', content: message.content, reasoning: null, toolCalls: [] }];
  }),
];

/** Another model plays whom the subject talks to. */
const simulated = (talk: Talk, played: NonNullable<ChatSolver['user']>): Solving => {
  const until = played.until === undefined ? null : compilePattern(played.until);
  if (until?.ok === false) throw new RangeError(`the pattern that ends the conversation ${until.problem}`);
  return {
    tools: [],
    onReply: async (turn, { message }) => {
      if (turn > played.turnsMax) return talk.end('completed', null, message.content);
      const said = await talk.askUser(played.model, turn, seenByUser(played.instructions, talk.messages));
      if (said === null) return;
      // A player that has nothing to say is done: providers take no empty message either.
      if (said.trim() === '') return talk.end('completed', null, message.content);
      talk.say(turn, 'user', user(said));
      if (until?.ok === true && until.pattern.matches(said)) talk.end('completed', null, message.content);
    },
  };
};

export const chatting = (talk: Talk, { turns, user: played }: ChatSolver): Solving =>
  played === undefined ? scripted(talk, turns ?? []) : simulated(talk, played);
