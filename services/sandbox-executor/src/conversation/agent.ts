import { budgetFacts, refusalText } from '@crucible/domain';
import type { EventData, ToolCall } from '@crucible/events';
import { Approvals, argumentsDigest } from './approvals.ts';
import { reasonOfBudget } from './ending.ts';
import type { ModelSolver } from './plan.ts';
import type { Solving } from './solvers.ts';
import type { Reply, Talk } from './talk.ts';
import { refusal } from './tool-result.ts';
import type { ToolResult } from './tool-result.ts';
import { SUBMIT, Toolbox } from './toolbox.ts';
import type { Tool } from './toolbox.ts';

type AgentSolver = Extract<ModelSolver, { kind: 'agent' }>;
type ToolCalled = EventData<'crucible.trial.tool-called.v1'>;

/** Calls in a row with arguments that no tool takes: a model that goes on like this gets nowhere. */
const INVALID_IN_A_ROW_MAX = 10;
/** Of one trial: what stands on its subject is read as a whole, and has a bound there. */
const TOOL_CALLS_MAX = 2_500;
const TOOL_NAME_CHARS_MAX = 128;
/** A bound on time counts in whole milliseconds; a call has at least one. */
const TIMEOUT_MS_MIN = 1;

/** What became of one call, and what is told of it. */
interface Done {
  readonly result: ToolResult;
  readonly approvalId: string | null;
  /** As they were run. */
  readonly inputText: string;
}

/** Lets a model act with tools in the trial's sandbox. */
export class Agent implements Solving {
  readonly #talk: Talk;
  readonly #toolbox: Toolbox;
  readonly #approvals: Approvals;
  #calls = 0;
  #invalidInARow = 0;

  constructor(talk: Talk, solver: AgentSolver) {
    const { place, plan, most, policies, control, clock, note, newId, now } = talk.parts;
    this.#talk = talk;
    this.#toolbox = new Toolbox(solver, most);
    const earlier = plan.resumed?.approvals ?? [];
    this.#approvals = new Approvals(place, [...policies, solver.approval], {
      control,
      clock,
      note,
      newId,
      now,
      earlier,
    });
  }

  get tools(): Toolbox['specs'] {
    return this.#toolbox.specs;
  }

  async onReply(turn: number, { message, record }: Reply): Promise<void> {
    if (message.toolCalls.length === 0) {
      // What a person has said meanwhile is still to be answered.
      if (this.#talk.hearPeople(turn) === 0) this.#talk.end('completed', null, message.content);
      return;
    }
    for (const call of message.toolCalls) {
      if (this.#talk.isOver) return;
      await this.#one(turn, call, record);
    }
  }

  async #one(turn: number, call: ToolCall, record: number): Promise<void> {
    this.#calls += 1;
    if (this.#calls > TOOL_CALLS_MAX) return this.#talk.end('call-limit', `more than ${TOOL_CALLS_MAX} tool calls`);
    const { done, submitted } = await this.#run(turn, call, record);
    if (done === null) return;
    const { result } = done;
    const said = { role: 'tool' as const, toolCallId: call.id, tool: call.tool, content: result.text };
    const resultRecord = this.#talk.say(turn, 'tool', { ...said, isError: result.isError });
    this.#tell(turn, call, done, resultRecord);
    await this.#talk.parts.transcript.room();
    if (result.status === 'sandbox-gone') return this.#talk.cut();
    if (submitted !== null) return this.#talk.end('completed', null, submitted);
    this.#invalidInARow = result.status === 'invalid-arguments' ? this.#invalidInARow + 1 : 0;
    if (this.#invalidInARow >= INVALID_IN_A_ROW_MAX)
      this.#talk.end('turn-limit', `${INVALID_IN_A_ROW_MAX} tool calls in a row with arguments that no tool takes`);
  }

  async #run(
    turn: number,
    call: ToolCall,
    record: number,
  ): Promise<{ readonly done: Done | null; readonly submitted: string | null }> {
    const without = (result: ToolResult, inputText: string, approvalId: string | null = null) => ({
      done: { result, inputText, approvalId },
      submitted: null,
    });
    const prepared = this.#toolbox.prepare(call.tool, call.input);
    if (!prepared.ok) return without(refusal('invalid-arguments', prepared.why), call.inputText);
    // As JSON in one spelling: how a model escapes its letters must not decide which rule fits.
    const inputText = JSON.stringify(call.input);
    const proposed = { toolCallId: call.id, turn, tool: call.tool, inputText, record };
    const permission = await this.#approvals.permit(proposed, this.#talk.signal);
    switch (permission.kind) {
      case 'aborted':
        return { done: null, submitted: null };
      case 'terminate':
        this.#talk.end('terminated', permission.why);
        return without(refusal('denied', 'a person ended this task'), inputText, permission.approvalId);
      case 'deny':
        return without(refusal('denied', permission.why), inputText, permission.approvalId);
      case 'run':
        return this.#execute(prepared.tool, call.input, { inputText, approvalId: permission.approvalId });
      case 'run-instead': {
        const { inputText: instead, approvalId } = permission;
        // A person's arguments have to fit as well as a model's.
        const input = parsed(instead);
        const fitting = this.#toolbox.prepare(call.tool, input);
        if (!fitting.ok) return without(refusal('invalid-arguments', fitting.why), instead, approvalId);
        return this.#execute(fitting.tool, input, { inputText: instead, approvalId });
      }
    }
  }

  async #execute(
    { spec, bounds, run }: Tool,
    input: unknown,
    told: Omit<Done, 'result'>,
  ): Promise<{ readonly done: Done; readonly submitted: string | null }> {
    const { session, clock, newId, opening } = this.#talk.parts;
    const callId = newId();
    const timeoutMs = Math.max(TIMEOUT_MS_MIN, Math.min(bounds.timeoutMs, Math.ceil(clock.leftMs)));
    const stop = (): void => session.killCall(callId);
    this.#talk.signal.addEventListener('abort', stop, { once: true });
    const given = {
      callId,
      input: input as Record<string, unknown>,
      session,
      opening,
      bounds: { ...bounds, timeoutMs },
    };
    const result = await run(given);
    this.#talk.signal.removeEventListener('abort', stop);
    const submitted = spec.name === SUBMIT && result.status === 'ok' ? String(given.input['answer']) : null;
    return { done: { result, ...told }, submitted };
  }

  /** In its place in the line at once, though the kernel's side of it comes a moment later. */
  #tell(turn: number, call: ToolCall, { result, approvalId, inputText }: Done, record: number): void {
    const { place, note, kernelSpan, purse } = this.#talk.parts;
    const data: Omit<ToolCalled, 'kernel'> = {
      ...place,
      toolCallId: call.id,
      turn,
      tool: call.tool.slice(0, TOOL_NAME_CHARS_MAX),
      argumentsDigest: argumentsDigest(inputText),
      approvalId,
      status: result.status,
      exitCode: result.exitCode,
      durationMs: result.durationMs,
      outputBytes: result.outputBytes,
      droppedBytes: result.droppedBytes,
      records: { result: record },
    };
    const seen = result.opened?.() ?? kernelSpan(result.processId);
    const event = seen.then((kernel) => ({
      type: 'crucible.trial.tool-called.v1' as const,
      data: { ...data, kernel },
    }));
    void note(event);
    purse
      .spendTime(Math.round(result.durationMs))
      .then((used) => {
        if (used === null || this.#talk.isOver) return;
        void note({ type: 'crucible.trial.budget-reached.v1', data: { ...place, turn, ...budgetFacts(used) } });
        this.#talk.end(reasonOfBudget[used.kind], refusalText(used));
      })
      .catch(() => undefined);
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};
