import { say } from '@crucible/models/testing';
import type { WireReply, WireRequest } from '@crucible/models/testing';

/** A reply that calls one tool. */
export const tool = (name: string, input: unknown, more = {}): WireReply =>
  say('', {
    toolCalls: [{ id: `call-${name}`, tool: name, arguments: JSON.stringify(input) }],
    finishReason: 'tool-calls',
    ...more,
  });
export const bash = (command: string, more = {}): WireReply => tool('bash', { command }, more);

/** What a model was asked, of a task that begins with `This is NAME.` */
export interface Asked {
  readonly task: string;
  /** Replies that the conversation has already: the turn that is asked for comes behind them. */
  readonly turns: number;
  readonly text: string;
}
export const askedIn = ({ body }: WireRequest): Asked => {
  const text = JSON.stringify(body.messages);
  const turns = (body.messages as { role: string }[]).filter(({ role }) => role === 'assistant').length;
  return { task: /This is ([a-z]+)\./.exec(text)?.[1] ?? '', turns, text };
};
