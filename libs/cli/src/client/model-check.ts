import type { TokenUsage, ToolSpec } from '@crucible/events';
import type { CallEnd, CallRequest, ModelBroker } from '@crucible/models';

/** Room for a model that thinks before it speaks. */
const OUTPUT_TOKENS_MAX = 1_024;
const PROMPT = 'Count from one to twenty in words, separated by spaces. Say nothing else.';
const TOOL_PROMPT = 'Call the tool submit with the answer "ready". Say nothing else.';

const text = (name: string) => ({ type: 'object', properties: { [name]: { type: 'string' } }, required: [name] });
const tools: readonly ToolSpec[] = [
  { name: 'bash', description: 'Runs a command in a shell.', parameters: text('command') },
  { name: 'submit', description: 'Hands in the answer.', parameters: text('answer') },
];

/** What a real call to a model showed. */
export interface ModelCheck {
  readonly ok: boolean;
  readonly failure: string | null;
  readonly detail: string | null;
  readonly latencyMs: number;
  readonly firstTokenMs: number | null;
  readonly waitedMs: number;
  readonly attempts: number;
  /** The reply came in more pieces than one. */
  readonly streaming: boolean;
  readonly pieces: number;
  /** `no`: it was offered tools and used none, or its provider refused them. Null when it was not asked. */
  readonly tools: 'yes' | 'no' | null;
  readonly toolsDetail: string | null;
  readonly usage: TokenUsage | null;
  readonly costMicroUsd: number | null;
  readonly warnings: readonly string[];
}

const request = (model: string, content: string, signal: AbortSignal, offered: readonly ToolSpec[]): CallRequest => ({
  model,
  messages: [{ role: 'user', content }],
  tools: offered,
  parameters: { temperature: null, topP: null, outputTokensMax: OUTPUT_TOKENS_MAX, seed: null, stop: [] },
  toolChoice: 'auto',
  signal,
});

const toolsOf = (end: CallEnd): Pick<ModelCheck, 'tools' | 'toolsDetail'> => {
  if (!end.ok) return { tools: 'no', toolsDetail: `${end.failure}: ${end.detail}` };
  const [call] = end.message.toolCalls;
  if (call === undefined) return { tools: 'no', toolsDetail: 'it was offered two and called none' };
  return call.input === null
    ? { tools: 'no', toolsDetail: `it called ${call.tool} with arguments that are no JSON` }
    : { tools: 'yes', toolsDetail: `it called ${call.tool}` };
};

/** Asks a model for a reply, and for the use of a tool. */
export const checkModel = async (broker: ModelBroker, model: string, signal: AbortSignal): Promise<ModelCheck> => {
  let pieces = 0;
  const onDelta = (): void => void (pieces += 1);
  const end = await broker.call(request(model, PROMPT, signal, []), { onDelta });
  const { latencyMs, firstTokenMs, waitedMs, attempts } = end;
  const used = end.ok ? toolsOf(await broker.call(request(model, TOOL_PROMPT, signal, tools))) : undefined;
  return {
    ok: end.ok,
    failure: end.ok ? null : end.failure,
    detail: end.ok ? null : end.detail,
    latencyMs: Math.round(latencyMs),
    firstTokenMs: firstTokenMs === null ? null : Math.round(firstTokenMs),
    waitedMs: Math.round(waitedMs),
    attempts,
    streaming: pieces > 1,
    pieces,
    tools: used?.tools ?? null,
    toolsDetail: used?.toolsDetail ?? null,
    usage: end.ok ? end.usage : null,
    costMicroUsd: end.ok ? end.costMicroUsd : null,
    warnings: end.ok ? end.warnings : [],
  };
};
