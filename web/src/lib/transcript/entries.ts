import type { EvidenceRecord } from '@crucible/api';
import { transcriptRecordSchema } from '@crucible/events';
import type { Speaker, ToolCall, TranscriptRecord } from '@crucible/events';

/** Text of one message or argument that a page keeps; the whole is fetched when somebody asks for it. */
export const keptCharsMax = 6_000;
const argumentsMax = 20;
const nameCharsMax = 128;

/** The beginning of a text that a model, a sandbox or a dataset chose. */
export interface Kept {
  readonly text: string;
  /** Characters of the whole. */
  readonly chars: number;
}

export interface KeptCall {
  readonly id: string;
  readonly tool: string;
  /** Arguments by name where they are an object; else null, and `input` is what was sent. */
  readonly named: readonly (readonly [name: string, value: Kept])[] | null;
  readonly input: Kept;
}

export type Voice = Speaker | 'simulated' | 'grader';

/** One record of a transcript as its page keeps it: bounded, whatever the record holds. */
export interface Entry {
  readonly n: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly turn: number;
  readonly voice: Voice;
  readonly role: 'system' | 'user' | 'assistant' | 'tool' | 'unreadable';
  /** Not of the subject's conversation: with a model that plays the user, or that judges. */
  readonly isAside: boolean;
  readonly content: Kept;
  readonly reasoning: Kept | null;
  readonly calls: readonly KeptCall[];
  /** Of a tool's result. */
  readonly result: { readonly toolCallId: string; readonly tool: string; readonly isError: boolean } | null;
  /** Of a person's words. */
  readonly actor: string | null;
}

export const kept = (text: string): Kept => ({ text: text.slice(0, keptCharsMax), chars: text.length });

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

export const callOf = ({ id, tool, input, inputText }: ToolCall): KeptCall => {
  const isNamed = typeof input === 'object' && input !== null && !Array.isArray(input);
  const pairs = isNamed ? Object.entries(input) : [];
  return {
    id,
    tool: tool.slice(0, nameCharsMax),
    named:
      isNamed && pairs.length <= argumentsMax
        ? pairs.map(([name, value]) => [name.slice(0, nameCharsMax), kept(shown(value))] as const)
        : null,
    input: kept(inputText),
  };
};

type Said = Extract<TranscriptRecord, { kind: 'message' | 'aside' }>;
const voiceOf = (record: Said): Voice =>
  record.kind === 'message' ? record.by : record.role === 'grader' ? 'grader' : 'simulated';

const saidOf = (record: Said): Entry => {
  const { n, at, turn, message } = record;
  return {
    n,
    at,
    turn,
    voice: voiceOf(record),
    role: message.role,
    isAside: record.kind === 'aside',
    content: kept(message.content),
    reasoning: message.role === 'assistant' && message.reasoning !== null ? kept(message.reasoning) : null,
    calls: message.role === 'assistant' ? message.toolCalls.map(callOf) : [],
    result:
      message.role === 'tool' ? { toolCallId: message.toolCallId, tool: message.tool, isError: message.isError } : null,
    actor: record.kind === 'message' ? (record.actor ?? null) : null,
  };
};

const numberIn = (record: EvidenceRecord, name: string): number => {
  const value = record[name];
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0;
};

/** A record that is not of the form it should have is shown as what it is. */
const unreadable = (record: EvidenceRecord): Entry => ({
  n: numberIn(record, 'n'),
  at: numberIn(record, 'at'),
  turn: numberIn(record, 'turn'),
  voice: 'platform',
  role: 'unreadable',
  isAside: false,
  content: kept(JSON.stringify(record)),
  reasoning: null,
  calls: [],
  result: null,
  actor: null,
});

export const entryOf = (record: EvidenceRecord): Entry => {
  const parsed = transcriptRecordSchema.safeParse(record);
  return parsed.success && parsed.data.kind !== 'turn' ? saidOf(parsed.data) : unreadable(record);
};

/** Everything that was said in a record, for whoever looks for words: not cut. */
export const wordsOf = (record: EvidenceRecord): string => {
  const parsed = transcriptRecordSchema.safeParse(record);
  if (!parsed.success || parsed.data.kind === 'turn') return JSON.stringify(record);
  const { message } = parsed.data;
  if (message.role === 'tool') return `${message.tool}\n${message.content}`;
  if (message.role !== 'assistant') return message.content;
  const calls = message.toolCalls.flatMap(({ tool, input, inputText }) => [
    tool,
    inputText,
    // As they are shown: escapes of JSON hide a word from whoever reads the argument itself.
    ...(typeof input === 'object' && input !== null ? Object.values(input).map(shown) : []),
  ]);
  return [message.reasoning ?? '', message.content, ...calls].join('\n');
};

/** The whole of one text of a record: its words, what was thought aloud, or one argument of a call. */
export type Part =
  | { readonly kind: 'content' }
  | { readonly kind: 'reasoning' }
  | { readonly kind: 'argument'; readonly callId: string; readonly name: string }
  | { readonly kind: 'input'; readonly callId: string };

export const wholeOf = (record: EvidenceRecord, part: Part): string | null => {
  const parsed = transcriptRecordSchema.safeParse(record);
  if (!parsed.success || parsed.data.kind === 'turn') return part.kind === 'content' ? JSON.stringify(record) : null;
  const { message } = parsed.data;
  if (part.kind === 'content') return message.content;
  if (message.role !== 'assistant') return null;
  if (part.kind === 'reasoning') return message.reasoning;
  const call = message.toolCalls.find(({ id }) => id === part.callId);
  if (call === undefined) return null;
  if (part.kind === 'input') return call.inputText;
  const value = (call.input as Record<string, unknown> | null)?.[part.name];
  return value === undefined ? null : shown(value);
};
