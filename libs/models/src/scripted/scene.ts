import type { LanguageModelV4CallOptions, LanguageModelV4FunctionTool, LanguageModelV4Prompt } from '@ai-sdk/provider';
import { collectFacts, noFacts } from './facts.ts';
import type { Facts } from './facts.ts';
import { pickOf, randomOf } from './random.ts';

/** Of one message, so much is read: a script looks for words, not for meaning. */
const READ_CHARS_MAX = 20_000;
const TURNS_MAX = 200;

/** A tool that is offered, and which of its arguments takes what. */
export class OfferedTool {
  readonly name: string;
  readonly #arguments: readonly string[];

  constructor({ name, inputSchema }: LanguageModelV4FunctionTool) {
    this.name = name;
    this.#arguments = Object.keys(inputSchema.properties ?? {});
  }

  /** The argument that is called one of these names, else the one in that place. */
  argument(names: readonly string[], place = 0): string {
    return names.find((name) => this.#arguments.includes(name)) ?? this.#arguments[place] ?? names[0] ?? 'input';
  }

  has(names: readonly string[]): boolean {
    return names.some((name) => this.#arguments.includes(name));
  }
}

/** What a script sees before one of its turns. */
export interface Scene {
  /** Replies that were given before. */
  readonly turn: number;
  readonly tools: ReadonlyMap<string, OfferedTool>;
  /** Everything that instructs: the system's and the user's words. */
  readonly task: string;
  readonly lastUser: string;
  /** The user's messages, which in a chat are the other side's. */
  readonly userTurns: number;
  /** What tools said last, the newest behind. */
  readonly lastResults: string;
  readonly facts: Facts;
  /** The same for the same conversation. */
  readonly pick: <T>(items: readonly [T, ...T[]]) => T;
}

const textOf = (content: unknown): string => {
  if (typeof content === 'string') return content.slice(0, READ_CHARS_MAX);
  if (!Array.isArray(content)) return '';
  return content
    .map((part: { type?: string; text?: string; output?: { value?: unknown } }) =>
      part.type === 'text' ? (part.text ?? '') : part.type === 'tool-result' ? String(part.output?.value ?? '') : '',
    )
    .join('\n')
    .slice(0, READ_CHARS_MAX);
};

interface Draft {
  turn: number;
  task: string;
  lastUser: string;
  userTurns: number;
  lastResults: string;
  facts: Facts;
}

const read = (draft: Draft, message: LanguageModelV4Prompt[number]): void => {
  const text = textOf(message.content);
  switch (message.role) {
    case 'system':
      draft.task += `\n${text}`;
      break;
    case 'user':
      draft.task = `${draft.task}\n${text}`.slice(-4 * READ_CHARS_MAX);
      draft.lastUser = text;
      draft.userTurns += 1;
      break;
    case 'tool':
      draft.lastResults = `${draft.lastResults}\n${text}`.slice(-READ_CHARS_MAX);
      break;
    case 'assistant':
      draft.turn += 1;
      return;
  }
  draft.facts = collectFacts(draft.facts, text);
};

/**
 * The scenes before every reply of a conversation, the last being that of the reply which is asked for now. A script has no
 * memory: what it did before, it does again in its head.
 */
export const scenesOf = (persona: string, options: LanguageModelV4CallOptions): readonly Scene[] => {
  const offered = options.toolChoice?.type === 'none' ? [] : (options.tools ?? []);
  const tools = new Map(
    offered.flatMap((each) => (each.type === 'function' ? [[each.name, new OfferedTool(each)] as const] : [])),
  );
  const draft: Draft = { turn: 0, task: '', lastUser: '', userTurns: 0, lastResults: '', facts: noFacts };
  const scenes: Scene[] = [];
  let opening = '';
  const scene = (): Scene => {
    const random = randomOf(`${persona} ${options.seed ?? 0} ${draft.turn} ${opening}`);
    return { ...draft, tools, pick: (items) => pickOf(random, items) };
  };
  for (const message of options.prompt) {
    if (message.role === 'assistant') scenes.push(scene());
    read(draft, message);
    if (draft.turn === 0) opening = draft.task;
  }
  // What it did first it would else do again.
  return [...scenes.slice(0, TURNS_MAX), scene()];
};
