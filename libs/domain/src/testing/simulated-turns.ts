import { noBudget, noUsage, subjects } from '@crucible/events';
import type { EvaluationId, EventData, NewEvent, Subject, TrialId } from '@crucible/events';
import { decideControl, evolveControl, noControl } from '../trial/control.ts';
import type { Control, ControlCommand } from '../trial/control.ts';
import type { Finish } from '../trial/trial.ts';
import { usageAfter } from '../trial/turns.ts';
import { chanceFrom } from '../policy/random.ts';
import type { Chance } from '../policy/random.ts';
import { simulatedId } from './simulated-log.ts';
import type { LogEntry, SimulatedLog } from './simulated-log.ts';

interface Place {
  readonly evaluationId: EvaluationId;
  readonly trialId: TrialId;
}
type Submission = EventData<'crucible.evaluation.submitted.v2'>;

const digest = 'ef'.repeat(32);
const HOUR_MS = 3_600_000;
/** Of the moments in which something is told of a conversation. */
const BUDGET_REACHED_ONE_IN = 20;

/**
 * What is told of conversations while trials run, and what people ask of them: calls of models and tools, approvals that
 * are decided, run out or both at once, pauses, messages. Its chance is its own, so that it changes no course.
 */
export class SimulatedTurns {
  readonly #log: SimulatedLog;
  readonly #chance: Chance;
  #ids = 0;

  constructor(log: SimulatedLog, seed: number) {
    this.#log = log;
    this.#chance = chanceFrom(seed ^ 0x7a1c);
  }

  /** The subject of a submission, and what it may use. */
  asked(): Pick<Submission, 'subject' | 'budget' | 'epochReducer'> {
    const { pick, oneIn } = this.#chance;
    const model = { model: `model-${this.#chance.between(1, 3)}`, provider: null };
    const subject: Subject = pick([
      { kind: 'program' },
      { kind: 'model', ...model },
      { kind: 'agent', name: 'scaffold', ...model, image: null, programDigest: digest },
    ] as const) ?? { kind: 'program' };
    const budget = oneIn(2) ? noBudget : { ...noBudget, tokensMax: 10_000, costMicroUsdMax: 5 };
    return { subject, budget, epochReducer: pick(['mean', 'pass@2', 'at-least-1']) ?? 'mean' };
  }

  /** What a trial's end tells of its conversation: what was told call by call, or nothing where its count was lost. */
  told(evaluationId: EvaluationId, trialId: TrialId): Pick<Finish, 'usage' | 'answer'> {
    if (this.#chance.oneIn(4)) return { usage: null, answer: null };
    const told = this.#entriesOf({ evaluationId, trialId }).map(({ event }) => event);
    const usage = { ...told.reduce(usageAfter, noUsage), workingMs: this.#chance.between(0, 5_000) };
    return { usage, answer: { excerpt: 'flag\u0000\u202e', chars: 6, sha256: digest } };
  }

  /** One moment of the conversations that go on. */
  step(running: readonly Place[], nowMs: number): void {
    const place = this.#chance.oneIn(4) ? this.#chance.pick(running) : undefined;
    if (place === undefined) return;
    if (this.#chance.oneIn(BUDGET_REACHED_ONE_IN)) return this.#reachBudget(place, nowMs);
    const roll = this.#chance.between(1, 10);
    if (roll <= 3) this.#callModel(place, nowMs);
    else if (roll === 4) this.#callTool(place, nowMs);
    else if (roll <= 6) this.#askApproval(place, nowMs);
    else if (roll === 7) this.#expire(place, nowMs);
    else this.#command(place, nowMs);
  }

  #callModel(place: Place, nowMs: number): void {
    const { between, oneIn } = this.#chance;
    const fails = oneIn(6);
    const data: EventData<'crucible.trial.model-called.v2'> = {
      ...place,
      callId: this.#id(),
      turn: between(1, 9),
      role: 'subject',
      model: 'model-1',
      provider: 'simulated',
      providerModel: 'simulated-1',
      parameters: { temperature: null, topP: null, outputTokensMax: null, seed: null, stop: [] },
      result: fails
        ? { status: 'failed', failure: 'timeout', detail: 'no answer' }
        : { status: 'replied', finishReason: 'stop' },
      usage: {
        inputTokens: fails || oneIn(5) ? null : between(1, 999),
        outputTokens: fails ? null : between(1, 99),
        cachedInputTokens: null,
        reasoningTokens: oneIn(3) ? between(0, 9) : null,
      },
      costMicroUsd: fails || oneIn(5) ? null : between(0, 999),
      latencyMs: between(1, 900) / 2,
      firstTokenMs: null,
      waitedMs: between(0, 3) / 2,
      attempts: 1,
      records: { request: between(0, 9), reply: null },
      requestSha256: digest,
      // Of some calls more than was counted, of others less.
      settled: { tokens: 600, costMicroUsd: 500, calls: 1, timeMs: 450 },
    };
    this.#tell(place, { type: 'crucible.trial.model-called.v2', data }, nowMs);
  }

  #reachBudget(place: Place, nowMs: number): void {
    const data: EventData<'crucible.trial.budget-reached.v1'> = {
      ...place,
      turn: this.#chance.between(1, 9),
      scope: this.#chance.pick(['trial', 'evaluation', 'team', 'platform'] as const) ?? 'trial',
      kind: 'tokens',
      limit: 10_000,
      spent: 9_990,
      asked: this.#chance.oneIn(4) ? null : 20,
    };
    this.#tell(place, { type: 'crucible.trial.budget-reached.v1', data }, nowMs);
  }

  #callTool(place: Place, nowMs: number): void {
    const data: EventData<'crucible.trial.tool-called.v1'> = {
      ...place,
      toolCallId: `call-${this.#id()}`,
      turn: this.#chance.between(1, 9),
      tool: 'bash',
      argumentsDigest: digest,
      approvalId: null,
      status: 'ok',
      exitCode: 0,
      durationMs: 1,
      outputBytes: 1,
      droppedBytes: 0,
      kernel: { from: 1, to: 2 },
      records: { result: 3 },
    };
    this.#tell(place, { type: 'crucible.trial.tool-called.v1', data }, nowMs);
  }

  #askApproval(place: Place, nowMs: number): void {
    const data: EventData<'crucible.trial.approval-requested.v1'> = {
      ...place,
      approvalId: this.#id(),
      toolCallId: 'call',
      turn: this.#chance.between(1, 9),
      tool: 'bash',
      argumentsDigest: digest,
      excerpt: '{"command":"rm\u0000"}',
      record: null,
      expiresAt: new Date(nowMs + HOUR_MS).toISOString(),
    };
    this.#tell(place, { type: 'crucible.trial.approval-requested.v1', data }, nowMs);
  }

  /** Also one that somebody has decided meanwhile: the executor had not heard of it. */
  #expire(place: Place, nowMs: number): void {
    const approvalId = this.#chance.pick([...this.#control(place).approvals.keys()]);
    if (approvalId === undefined) return this.#tell(place, this.#pausedAt(place), nowMs);
    const data = { ...place, approvalId, decision: { kind: 'expired' as const }, reason: 'nobody answered' };
    this.#tell(place, { type: 'crucible.trial.approval-decided.v1', data }, nowMs);
  }

  #pausedAt(place: Place): NewEvent {
    const { oneIn, between } = this.#chance;
    if (oneIn(4)) return { type: 'crucible.trial.pause-carried.v1', data: { ...place, fromTrialId: place.trialId } };
    return { type: 'crucible.trial.paused.v1', data: { ...place, turn: between(1, 9) } };
  }

  #command(place: Place, nowMs: number): void {
    const state = this.#control(place);
    const approvalId = this.#chance.pick([...state.approvals.keys()]) ?? this.#id();
    const command = this.#chance.pick<ControlCommand>([
      { type: 'pause', reason: 'simulated' },
      { type: 'resume', reason: 'simulated' },
      { type: 'terminate', reason: 'simulated' },
      { type: 'send-message', content: 'go on' },
      { type: 'decide-approval', approvalId, decision: { kind: 'approve' }, reason: 'simulated' },
      { type: 'decide-approval', approvalId, decision: { kind: 'reject' }, reason: 'simulated' },
    ]);
    const decision = command === undefined ? undefined : decideControl(command, state, place, nowMs);
    if (decision?.accepted !== true) return;
    const subject = subjects.trialCommand(place.evaluationId, place.trialId);
    this.#log.append(subject, decision.event, this.#log.lastOf(subject), { nowMs, seen: this.#log.head });
  }

  #tell(place: Place, event: NewEvent, nowMs: number): void {
    const subject = subjects.trial(place.evaluationId, place.trialId);
    this.#log.append(subject, event, this.#log.lastOf(subject), { nowMs, seen: this.#log.head });
  }

  #entriesOf({ evaluationId, trialId }: Place): LogEntry[] {
    const own = this.#log.of(subjects.trial(evaluationId, trialId));
    const commands = this.#log.of(subjects.trialCommand(evaluationId, trialId));
    return [...own, ...commands].sort((one, other) => one.position - other.position);
  }

  #control(place: Place): Control {
    return this.#entriesOf(place).reduce(evolveControl, noControl);
  }

  #id(): string {
    this.#ids += 1;
    return simulatedId(6, this.#ids);
  }
}
