import type { ModelList, SubmitRequest, SuiteSummary } from '@crucible/api';
import { microUsd, modelsAtOnceMax, platformMaxima } from '@crucible/suite';
import type { FieldError } from './problem.ts';

/** What a person chose for a run of a suite. Null is an empty field: as the suite says. */
export interface RunDraft {
  readonly models: readonly string[];
  readonly epochs: number | null;
  readonly samples: number | null;
  readonly tokens: number | null;
  readonly usd: number | null;
  readonly calls: number | null;
  readonly minutes: number | null;
}

export const emptyRun: RunDraft = {
  models: [],
  epochs: null,
  samples: null,
  tokens: null,
  usd: null,
  calls: null,
  minutes: null,
};

export type RunField = 'epochs' | 'samples' | 'tokens' | 'usd' | 'calls' | 'minutes';

/** Which part of the request each field of the form is answerable for. */
export const runPointers: Readonly<Record<RunField, readonly string[]>> = {
  epochs: ['/suite/epochs'],
  samples: ['/suite/limit'],
  tokens: ['/budget/tokensMax'],
  usd: ['/budget/costMicroUsdMax'],
  calls: ['/budget/callsMax'],
  minutes: ['/budget/timeMsMax'],
};

const MINUTE_MS = 60_000;
const COUNT_MAX = 1e15;
/** In the units of the form: the least and the most of a field, and whether it is a whole number. */
const boundsOf = (
  suite: SuiteSummary,
): Readonly<Record<RunField, readonly [min: number, max: number, whole: boolean]>> => ({
  epochs: [suite.epochsMin, platformMaxima.epochs, true],
  samples: [1, Math.max(1, suite.samples), true],
  tokens: [1, COUNT_MAX, true],
  usd: [0, 1_000_000, false],
  calls: [1, COUNT_MAX, true],
  minutes: [0.01, 100_000, false],
});

export const asksModels = ({ solver }: SuiteSummary): boolean => solver !== 'program';

/** What stands in the way of a run, in words. */
export const missingFor = (suite: SuiteSummary, draft: RunDraft, known: ModelList | null): string[] => {
  if (!asksModels(suite)) return [];
  const names = new Set(known?.items.map(({ name }) => name));
  const absent = known?.complete === true ? suite.models.filter((name) => !names.has(name)) : [];
  return [
    ...absent.map((name) => `This suite asks the model ${name} itself, which this platform does not have.`),
    ...(draft.models.length === 0 ? ['Choose at least one model.'] : []),
    ...(draft.models.length > modelsAtOnceMax
      ? [`At most ${modelsAtOnceMax} models can be run at once; ${draft.models.length} are chosen.`]
      : []),
  ];
};

/** Fields that hold what the platform would refuse; pointers are those of the request. */
export const findRunErrors = (suite: SuiteSummary, draft: RunDraft): FieldError[] => {
  const entries = Object.entries(boundsOf(suite)) as [RunField, readonly [number, number, boolean]][];
  return entries.flatMap(([field, [min, max, isWhole]]) => {
    const value = draft[field];
    if (value === null) return [];
    const isFine = Number.isFinite(value) && value >= min && value <= max && (!isWhole || Number.isInteger(value));
    const kind = isWhole ? 'a whole number' : 'a number';
    const most = max === COUNT_MAX ? '' : ` and at most ${max}`;
    return isFine ? [] : [{ pointer: runPointers[field][0] ?? '', detail: `must be ${kind}, at least ${min}${most}` }];
  });
};

/** Null for what is left as the suite says: then no budget goes along at all. */
const budgetOf = ({ tokens, usd, calls, minutes }: RunDraft): SubmitRequest['budget'] => {
  const budget = {
    ...(tokens === null ? {} : { tokensMax: tokens }),
    ...(usd === null ? {} : { costMicroUsdMax: microUsd(usd) }),
    ...(calls === null ? {} : { callsMax: calls }),
    ...(minutes === null ? {} : { timeMsMax: Math.round(minutes * MINUTE_MS) }),
  };
  return Object.keys(budget).length === 0 ? undefined : budget;
};

/** One request an evaluation: one for each model, or one of the suite's own programs. */
export const requestsOf = (suite: SuiteSummary, draft: RunDraft): SubmitRequest[] => {
  const budget = budgetOf(draft);
  const part = {
    suite: {
      name: suite.name,
      ...(draft.epochs === null ? {} : { epochs: draft.epochs }),
      ...(draft.samples === null ? {} : { limit: draft.samples }),
    },
    ...(budget === undefined || !asksModels(suite) ? {} : { budget }),
  };
  if (!asksModels(suite)) return [part];
  const kind = suite.solver === 'agent-program' ? ('agent' as const) : ('model' as const);
  return draft.models.map((model) => ({ ...part, subject: { kind, model } }));
};

/** How many trials all of it comes to. */
export const trialsOf = (suite: SuiteSummary, draft: RunDraft): number => {
  const evaluations = asksModels(suite) ? draft.models.length : 1;
  return evaluations * Math.min(draft.samples ?? Infinity, suite.samples) * (draft.epochs ?? suite.epochs);
};
