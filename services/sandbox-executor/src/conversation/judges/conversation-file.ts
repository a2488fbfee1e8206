import type { ModelMessage } from '@crucible/events';

/** Of the file, whatever its sandbox has room for. */
export const CONVERSATION_BYTES_MAX = 4 * 1024 * 1024;
/** What is kept of each text while they do not fit together, from the most to the least. */
const TEXT_CHARS_MAX = [1_000_000, 65_536, 16_384, 4_096, 1_024, 256] as const;
/** Around the messages, with the numbers of those that are left out. */
const FRAME_BYTES_MAX = 128;

/** Beginning and end stay: an answer stands at either. */
const shortened = (text: string, charsMax: number): string => {
  if (text.length <= charsMax) return text;
  const half = charsMax / 2;
  return `${text.slice(0, half)}\n[${text.length - charsMax} characters are left out]\n${text.slice(-half)}`;
};

/** One message as a line. Arguments are told as the model sent them: what is read of them is the program's to decide. */
const lineOf = (message: ModelMessage, charsMax: number): Buffer => {
  let cut = false;
  const short = (text: string): string => {
    cut ||= text.length > charsMax;
    return shortened(text, charsMax);
  };
  const { role } = message;
  const content = short(message.content);
  const told =
    role === 'assistant'
      ? {
          role,
          content,
          reasoning: message.reasoning === null ? null : short(message.reasoning),
          toolCalls: message.toolCalls.map(({ id, tool, inputText }) => ({ id, tool, inputText: short(inputText) })),
        }
      : role === 'tool'
        ? { role, content, toolCallId: message.toolCallId, tool: message.tool, isError: message.isError }
        : { role, content };
  return Buffer.from(JSON.stringify({ ...told, cut }), 'utf8');
};

const bytesOf = (lines: readonly Buffer[]): number => lines.reduce((sum, line) => sum + line.byteLength + 2, 0);

/** How many of these lines fit, from the first one on. */
const fitting = (lines: readonly Buffer[], bytesMax: number): number => {
  let bytes = 0;
  const over = lines.findIndex((line) => (bytes += line.byteLength + 2) > bytesMax);
  return over === -1 ? lines.length : over;
};

const fileOf = (lines: readonly Buffer[], omitted: { readonly after: number; readonly count: number } | null): Buffer =>
  Buffer.from(`{"messages":[\n${lines.join(',\n')}\n],"omitted":${JSON.stringify(omitted)}}\n`, 'utf8');

/**
 * A conversation as a file of JSON, for programs that judge it. What does not fit is made shorter, the longest texts first;
 * only when that is not enough, messages in the middle are left out, and the file says after how many and how many.
 */
export const conversationFile = (messages: readonly ModelMessage[], bytesMax: number): Buffer => {
  const room = Math.max(0, Math.min(bytesMax, CONVERSATION_BYTES_MAX) - FRAME_BYTES_MAX);
  let lines: Buffer[] = [];
  for (const charsMax of TEXT_CHARS_MAX) {
    lines = messages.map((message) => lineOf(message, charsMax));
    if (bytesOf(lines) <= room) return fileOf(lines, null);
  }
  const first = fitting(lines, room / 2);
  const last = fitting(lines.slice(first).reverse(), room - bytesOf(lines.slice(0, first)));
  const kept = [...lines.slice(0, first), ...lines.slice(lines.length - last)];
  return fileOf(kept, { after: first, count: lines.length - kept.length });
};
