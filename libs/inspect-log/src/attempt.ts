import type { CallView } from '@crucible/api';
import type { TrialView } from '@crucible/domain';
import type { ToolCall as OurToolCall, TranscriptRecord } from '@crucible/events';
import type { Suite, SuiteSample } from '@crucible/suite';
import {
  approvalEvent,
  approvalFacts,
  modelCallFacts,
  modelEvent,
  modifiedCall,
  toolCallFacts,
  toolErrorOf,
  toolEvent,
  toolsOf,
} from './calls.ts';
import type { Reply, ToolCallView } from './calls.ts';
import type { Fact, TrialLog } from './facts.ts';
import { beginning, ending } from './frame.ts';
import type { AtEnd } from './frame.ts';
import { completionOf, messageIn, saidIn, toolCallIn } from './messages.ts';
import type { AsideRecord, MessageRecord } from './messages.ts';
import type { ChatMessage, Fields, Json, LogEvent, ModelOutput, ToolInfo } from './shapes.ts';
import { Stamps } from './stamps.ts';
import { UsageTally } from './usage.ts';
import type { ModelCall } from './usage.ts';

/** One attempt at a sample, and what there is to be known of it beside what was said and called. */
export interface Attempt {
  readonly trial: TrialView;
  readonly suite: Suite;
  readonly sample: SuiteSample;
  readonly log: TrialLog;
  /** Whether its messages are the sample's, which events then refer to in place of holding them once more. */
  readonly isPooled: boolean;
}

/** What one record, or one call, adds to the log. */
export interface Added {
  readonly message: ChatMessage | null;
  readonly events: readonly LogEvent[];
}

/** Calls to tools that their results are waited for: of the last few replies. */
const TOOL_CALLS_KEPT = 256;

/** Turns what was said and called in one attempt into messages and events, in order. No more is kept than goes on being needed. */
export class AttemptEvents {
  readonly usage = new UsageTally();
  /** The subject's last reply. */
  output: ModelOutput | null = null;
  /** Messages of the conversation so far. */
  messages = 0;
  readonly #attempt: Attempt;
  readonly #stamps: Stamps;
  readonly #tools: readonly ToolInfo[];
  readonly #asked = new Map<string, { readonly call: OurToolCall; readonly text: string }>();
  readonly #facts: Fact[];
  readonly #approvals: Set<string>;
  #grading: ChatMessage[] = [];
  #isScoring = false;
  #atMs: number;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
    this.#stamps = new Stamps(attempt.trial);
    this.#tools = toolsOf(attempt.suite);
    this.#facts = [...attempt.log.facts];
    this.#approvals = new Set(attempt.log.approvals.keys());
    this.#atMs = this.#stamps.startMs;
  }

  begin(): LogEvent[] {
    const { suite } = this.#attempt;
    return [...beginning(this.#attempt, this.#stamps), this.#stamps.begin(this.#atMs, 'solver', suite.solver.kind)];
  }

  /** @param calls those that stand behind the record, in the order of the log */
  record(record: TranscriptRecord, calls: readonly CallView[]): Added {
    if (record.kind === 'turn') return { message: null, events: this.#called(calls, null) };
    this.#atMs = Math.max(this.#atMs, record.at);
    return record.kind === 'aside' ? this.#aside(record, calls) : this.#said(record, calls);
  }

  /** A call whose words are not kept, or not to be found. */
  call(call: CallView): LogEvent[] {
    return this.#called([call], null);
  }

  end(atEnd: AtEnd): LogEvent[] {
    const { trial } = this.#attempt;
    const endMs = Math.max(this.#atMs, trial.finishedAt === null ? 0 : Date.parse(trial.finishedAt));
    this.#atMs = endMs;
    const undecided = [...this.#approvals].flatMap((id) => this.#approved(id, undefined, ''));
    const facts = this.#factsBefore(Infinity);
    const beginScoring = (): LogEvent[] => this.#beginScoring();
    return [...undecided, ...facts, ...ending(this.#attempt, this.#stamps, { endMs, atEnd, beginScoring })];
  }

  #said(record: MessageRecord, calls: readonly CallView[]): Added {
    const { message } = record;
    const tool = calls.find((call): call is ToolCallView => call.kind === 'tool' && call.records.result === record.n);
    const reply = calls.find((call): call is ModelCall => call.kind === 'model' && call.records.reply === record.n);
    const failed =
      message.role === 'tool' ? toolErrorOf(tool?.status ?? null, message.isError, message.content) : undefined;
    const said = messageIn(message, saidIn(this.#stamps.prefix, record), reply?.model, failed);
    if (message.role === 'assistant') this.#ask(message.toolCalls, message.content);
    // The model was shown what came before its reply, and a failed call what came up to here.
    const before = reply === undefined ? [] : this.#called([reply], { said: message, message: said });
    this.messages += 1;
    const after = calls.filter((call) => call !== reply);
    return { message: said, events: [...before, ...this.#called(after, { said: message, message: said })] };
  }

  #aside(record: AsideRecord, calls: readonly CallView[]): Added {
    const { message, n, turn, at, role } = record;
    const metadata = { record: n, turn, by: role, at: new Date(at).toISOString() };
    const reply = calls.find((call): call is ModelCall => call.kind === 'model' && call.records.reply === n);
    const said = messageIn(message, { id: `${this.#stamps.prefix}-${n}`, metadata }, reply?.model);
    const begun = role === 'grader' ? this.#beginScoring() : [];
    if (message.role === 'system') this.#grading = [];
    if (message.role !== 'assistant') this.#grading.push(said);
    const others = calls.filter((call) => call !== reply);
    const told = reply === undefined ? [] : this.#called([reply], { said: message, message: said });
    // Words of a model whose call nobody told of stay on record all the same.
    const lone =
      message.role === 'assistant' && reply === undefined
        ? [this.#stamps.info(this.#atMs, 'aside', { ...metadata, content: message.content })]
        : [];
    return { message: null, events: [...begun, ...told, ...lone, ...this.#called(others, null)] };
  }

  #beginScoring(): LogEvent[] {
    if (this.#isScoring) return [];
    this.#isScoring = true;
    return [...this.#stamps.end(this.#atMs), this.#stamps.begin(this.#atMs, 'scorers', 'scorers')];
  }

  #ask(calls: readonly OurToolCall[], text: string): void {
    for (const call of calls) this.#asked.set(call.id, { call, text });
    for (const id of this.#asked.keys()) {
      if (this.#asked.size <= TOOL_CALLS_KEPT) return;
      this.#asked.delete(id);
    }
  }

  #called(calls: readonly CallView[], record: Reply | null): LogEvent[] {
    return calls.flatMap((call) => {
      const facts = this.#factsBefore(call.position);
      this.#atMs = Math.max(this.#atMs, Date.parse(call.at));
      return [...facts, ...(call.kind === 'model' ? this.#model(call, record) : this.#tool(call, record))];
    });
  }

  #model(call: ModelCall, record: Reply | null): LogEvent[] {
    this.usage.add(call);
    const reply = call.result.status === 'replied' && record?.said.role === 'assistant' ? record : null;
    const isSubject = call.role === 'subject';
    const event = modelEvent(call, reply, {
      input: call.role === 'grader' ? this.#grading : [],
      pooled: isSubject && this.#attempt.isPooled ? this.messages : 0,
      tools: isSubject ? this.#tools : [],
    });
    if (isSubject && event.event === 'model' && reply !== null) this.output = event.output;
    const beganMs = Date.parse(call.at) - call.latencyMs;
    this.#stamps.waited(call.waitedMs);
    const metadata: Fields = {
      ...modelCallFacts(call),
      // One that plays a person is shown the conversation from the other side, behind the suite's instructions.
      ...(call.role === 'user' ? { input: 'the conversation so far, seen from the other side' } : {}),
      ...(isSubject && !this.#attempt.isPooled ? { input: 'left out: of an earlier attempt' } : {}),
    };
    return [this.#stamps.event(beganMs, event, { uuid: call.callId, metadata })];
  }

  #tool(call: ToolCallView, record: Reply | null): LogEvent[] {
    const asked = this.#asked.get(call.toolCallId);
    const made = asked === undefined ? undefined : toolCallIn(asked.call);
    const approved = call.approvalId === null ? [] : this.#approved(call.approvalId, made, asked?.text ?? '');
    const approval = call.approvalId === null ? undefined : this.#attempt.log.approvals.get(call.approvalId);
    const result =
      record?.said.role === 'tool' && record.said.toolCallId === call.toolCallId
        ? { text: completionOf(record.said), messageId: record.message.id }
        : null;
    const instead = approval === undefined ? undefined : modifiedCall(approval);
    const body = toolEvent(call, made, instead, result);
    const atMs = Date.parse(call.at);
    const told = this.#stamps.event(atMs - call.durationMs, body, { metadata: toolCallFacts(call) });
    if (call.kernel === null) return [...approved, told];
    const span = { tool_call_id: call.toolCallId, from_record: call.kernel.from, to_record: call.kernel.to };
    return [...approved, told, this.#stamps.info(atMs, 'kernel-span', { ...span, position: call.position })];
  }

  #approved(id: string, made: ReturnType<typeof toolCallIn> | undefined, text: string): LogEvent[] {
    const approval = this.#attempt.log.approvals.get(id);
    if (approval === undefined || !this.#approvals.delete(id)) return [];
    const asked = this.#asked.get(approval.request.toolCallId);
    const call = made ?? (asked === undefined ? undefined : toolCallIn(asked.call));
    const event = approvalEvent(approval, call, text === '' ? (asked?.text ?? '') : text);
    const atMs = approval.decided === undefined ? this.#atMs : Date.parse(approval.decided.at);
    if (event === null) return [this.#stamps.info(atMs, 'approval-undecided', approvalFacts(approval))];
    return [this.#stamps.event(atMs, event, { metadata: approvalFacts(approval) })];
  }

  /** What the log tells beside calls, up to a position: alerts, pauses, what people did. */
  #factsBefore(position: number): LogEvent[] {
    const until = this.#facts.findIndex((fact) => fact.position > position);
    return this.#facts.splice(0, until < 0 ? this.#facts.length : until).map(({ event, position: at }) => {
      const about = event.type.replace(/^crucible\.(?:trial\.)?/, '').replace(/\.v\d+$/, '');
      const { evaluationId: _, trialId: __, ...data } = event.data as Record<string, Json | undefined>;
      return this.#stamps.info(Date.parse(event.time), about.replace('.', '-'), {
        position: at,
        actor: event.actor,
        ...data,
      });
    });
  }
}
