import type { ModelMessage } from '@crucible/events';
import { isProgramInput } from './suite.ts';
import type { SuiteSample } from './suite.ts';

const letterAt = (index: number): string => String.fromCharCode(65 + index);

/** Choices as a subject is shown them, and how it is asked to answer: what the scorer `choice` looks for. */
const choicesText = (choices: readonly string[], several: boolean): string => {
  const letters = choices.map((_, index) => letterAt(index)).join(',');
  const listed = choices.map((choice, index) => `${letterAt(index)}) ${choice}`).join('\n');
  const how = several
    ? `The last line of your answer is "ANSWER: $LETTERS", where LETTERS are one or more of ${letters} with commas between.`
    : `The last line of your answer is "ANSWER: $LETTER", where LETTER is one of ${letters}.`;
  return `${listed}\n\n${how}`;
};

const asksForSeveral = ({ target }: SuiteSample): boolean =>
  [target ?? []].flat().some((each) => /[a-z].*[a-z]/i.test(each));

/**
 * The messages that a sample begins its conversation with, choices behind the last one of the user's. What the solver says
 * as system prompt comes before them.
 */
export const messagesOf = (sample: SuiteSample, system: string | undefined): ModelMessage[] => {
  const { input, choices } = sample;
  if (isProgramInput(input)) throw new TypeError(`sample ${sample.id} holds a program and no messages`);
  const said = typeof input === 'string' ? [{ role: 'user' as const, content: input }] : input.messages;
  const last = said.findLastIndex(({ role }) => role === 'user');
  const messages = said.map(({ role, content }, index): ModelMessage => {
    if (role === 'assistant') return { role, content, reasoning: null, toolCalls: [] };
    const shown = choices !== undefined && index === last;
    return { role, content: shown ? `${content}\n\n${choicesText(choices, asksForSeveral(sample))}` : content };
  });
  return system === undefined ? messages : [{ role: 'system', content: system }, ...messages];
};
