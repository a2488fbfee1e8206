import type { AssistantMessage } from '@crucible/events';
import { terminatedBy } from '../trials/finishing.ts';
import { drive } from './agent-program/drive.ts';
import { Agent } from './agent.ts';
import type { Ending } from './ending.ts';
import type { ConversationParts } from './parts.ts';
import { isGoneOnWith } from './plan.ts';
import type { SpokenMessage, TalkingSolver } from './plan.ts';
import { chatting, generating } from './solvers.ts';
import type { Solving } from './solvers.ts';
import { Talk } from './talk.ts';

const solvingOf = (talk: Talk, solver: TalkingSolver): Solving => {
  switch (solver.kind) {
    case 'generate':
      return generating(talk);
    case 'chat':
      return chatting(talk, solver);
    case 'agent':
      return new Agent(talk, solver);
  }
};

/** Ends it when people want that. */
const heed = async (talk: Talk): Promise<void> => {
  const { control } = talk.parts;
  while (!talk.isOver) {
    const { changed } = control;
    const { termination } = control.state;
    if (termination !== null) return talk.end('terminated', terminatedBy(termination));
    await changed;
  }
};

const begin = (talk: Talk): { readonly turn: number; readonly pending: AssistantMessage | undefined } => {
  const { plan } = talk.parts;
  const { resumed } = plan;
  const first = plan.messages.map((message): SpokenMessage => ({ by: 'suite', message }));
  const messages = resumed?.messages ?? first;
  const isPending = resumed?.isReplyPending === true;
  const say = (some: readonly SpokenMessage[]): void =>
    some.forEach(({ by, message, said }) => void talk.say(0, by, message, said));
  say(isPending ? messages.slice(0, -1) : messages);
  // Should this attempt be lost before its first turn is whole, the next goes on from here: what was whole stays whole, and a
  // first reply that waits for approval is not asked for again.
  if (isGoneOnWith(plan.solver)) talk.parts.transcript.turn(resumed?.turns ?? 0, talk.messages.length);
  if (isPending) say(messages.slice(-1));
  const last = talk.messages.at(-1);
  const pending = isPending && last?.role === 'assistant' ? last : undefined;
  return { turn: (resumed?.turns ?? 0) + 1, pending };
};

/** Why no other turn may begin, if none may. */
const limitAt = (talk: Talk, { limits: { turns, messages } }: TalkingSolver, turn: number): void => {
  if (turn > turns) talk.end('turn-limit', `${turns} turns`);
  else if (messages !== undefined && talk.messages.length >= messages)
    talk.end('message-limit', `${messages} messages`);
  else if (talk.parts.clock.leftMs <= 0) talk.end('time-limit');
};

const turns = async (talk: Talk, solver: TalkingSolver): Promise<void> => {
  const solving = solvingOf(talk, solver);
  const first = begin(talk);
  let { pending } = first;
  for (let { turn } = first; !talk.isOver; turn += 1) {
    talk.turn = turn;
    await talk.pause(turn);
    if (talk.isOver) return;
    if (pending === undefined) {
      talk.hearPeople(turn);
      limitAt(talk, solver, turn);
      if (talk.isOver) return;
    }
    const reply =
      pending === undefined
        ? await talk.ask(turn, solving.tools)
        : { message: pending, record: talk.parts.transcript.records };
    pending = undefined;
    if (reply === null) return;
    await solving.onReply(turn, reply);
    if (talk.isOver) return;
    talk.parts.transcript.turn(turn, talk.messages.length);
  }
};

/**
 * Holds a conversation to its end.
 * @param onTalk given what ends it from outside: its sandbox, its time
 * @returns how it ended, or null when its sandbox ended first
 */
export const converse = async (
  parts: ConversationParts,
  onTalk: (talk: Talk) => void = () => undefined,
): Promise<{ readonly ending: Ending | null; readonly talk: Talk }> => {
  const talk = new Talk(parts);
  onTalk(talk);
  void heed(talk);
  void parts.session.ended.then(() => talk.cut());
  try {
    const { solver } = parts.plan;
    await (solver.kind === 'agent-program' ? drive(talk, solver) : turns(talk, solver));
  } finally {
    // Nobody heeds or waits for a conversation that broke off.
    talk.cut();
  }
  return { ending: talk.ending, talk };
};
