import type { BudgetLimits, ImageAgent, Spend } from '@crucible/domain';
import { nothingSpent } from '@crucible/domain';
import type { Budget, ModelMessage, ModelParameters, Speaker, Subject } from '@crucible/events';
import { messagesOf, microUsd, msOf } from '@crucible/suite';
import type { Suite, SuiteSample, SuiteSolver } from '@crucible/suite';
import type { EarlierApproval } from './approvals.ts';
import type { Carried } from './carried.ts';

export type ModelSolver = Exclude<SuiteSolver, { kind: 'program' }>;
/** A program that drives itself. */
export type AgentSolver = Extract<SuiteSolver, { kind: 'agent-program' }>;
/** Those by which we hold the conversation. */
export type TalkingSolver = Exclude<ModelSolver, AgentSolver>;

/** Whether the next attempt goes on with the conversation of one that is lost. */
export const isGoneOnWith = (solver: SuiteSolver): boolean => solver.kind === 'agent' && solver.resume === 'transcript';

/** A message and who put it into the conversation. */
export interface SpokenMessage {
  readonly by: Speaker;
  readonly message: ModelMessage;
  /** Of a person's. */
  readonly said?: { readonly actor: string; readonly position: number };
}

/** A conversation that an earlier attempt had, as far as it is proven. */
export interface Resumed {
  readonly messages: readonly SpokenMessage[];
  /** Whole turns behind it. */
  readonly turns: number;
  /** Its last message is a reply whose tools have not run. */
  readonly isReplyPending: boolean;
  readonly spent: Spend;
  readonly approvals: readonly EarlierApproval[];
}

/** What became of the attempt before this one, and what the suite makes of it. */
export type Before = Resumed | 'lost' | null;

/** What earlier attempts at the same trial leave to this one. */
export interface Earlier {
  readonly before: Before;
  readonly carried: Carried;
}

/** What a trial of a model is about, before there is a sandbox. */
export interface ConversationPlan {
  readonly model: string;
  readonly solver: ModelSolver;
  readonly messages: readonly ModelMessage[];
  readonly parameters: ModelParameters;
  readonly budget: Budget;
  /** Of the trial. */
  readonly limits: BudgetLimits;
  readonly timeMsMax: number;
  readonly resumed: Resumed | null;
  /** What an agent program is begun by, and where: an empty folder stands for the work folder. Null for other solvers. */
  readonly program: { readonly argv: readonly string[]; readonly folder: string } | null;
  /** The attempt before was lost with its executor, and the suite wants no other. */
  readonly isLost: boolean;
  /** What people asked of earlier attempts and is still to be heeded. */
  readonly carried: Carried;
}

/** An agent program chooses its own. */
const parametersOf = (solver: ModelSolver): ModelParameters => {
  const parameters = solver.kind === 'agent-program' ? {} : solver.parameters;
  return {
    temperature: parameters.temperature ?? null,
    topP: parameters.topP ?? null,
    outputTokensMax: parameters.outputTokens ?? null,
    seed: parameters.seed ?? null,
    stop: parameters.stop ?? [],
  };
};

const trialLimits = ({ limits }: ModelSolver): BudgetLimits => ({
  ...(limits.tokens === undefined ? {} : { tokens: limits.tokens }),
  ...(limits.cost === undefined ? {} : { costMicroUsd: microUsd(limits.cost) }),
  ...(limits.calls === undefined ? {} : { calls: limits.calls }),
});

/** The suite's own command; where it has none, the image is the agent, and begins as its maker meant it to. */
const programOf = (solver: ModelSolver, agent: ImageAgent | null): ConversationPlan['program'] => {
  if (solver.kind !== 'agent-program') return null;
  if (solver.command !== undefined) return { argv: solver.command, folder: '' };
  if (agent === null || agent.command.length === 0)
    throw new TypeError('the suite says not what to run, and its image has no command');
  return { argv: agent.command, folder: agent.folder };
};

export const isForModels = ({ solver }: Pick<Suite, 'solver'>): boolean => solver.kind !== 'program';

/** @throws TypeError when suite and subject do not go together */
export const planOf = (
  suite: Suite,
  sample: SuiteSample,
  submitted: { readonly subject: Subject; readonly budget: Budget },
  { before, carried }: Earlier,
  agent: ImageAgent | null,
): ConversationPlan => {
  const { solver } = suite;
  const { subject, budget } = submitted;
  if (solver.kind === 'program') throw new TypeError('the suite runs programs and asks no model');
  const wanted = solver.kind === 'agent-program' ? 'agent' : 'model';
  if (subject.kind !== wanted)
    throw new TypeError(`the suite is for subjects of kind ${wanted}, and this one is of kind ${subject.kind}`);
  return {
    model: subject.model,
    solver,
    messages: messagesOf(sample, solver.kind === 'agent-program' ? undefined : solver.system),
    parameters: parametersOf(solver),
    budget,
    limits: trialLimits(solver),
    timeMsMax: solver.limits.time === undefined ? Infinity : msOf(solver.limits.time),
    resumed: before === 'lost' ? null : before,
    program: programOf(solver, agent),
    isLost: before === 'lost',
    carried,
  };
};

export const spentBefore = ({ resumed }: ConversationPlan): Spend => resumed?.spent ?? nothingSpent;
