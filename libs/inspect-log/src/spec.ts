import type { EvaluationView } from '@crucible/domain';
import { epochsOf, limitsOf, msOf } from '@crucible/suite';
import type { Suite } from '@crucible/suite';
import { configIn } from './calls.ts';
import { sampleIdIn } from './sample-name.ts';
import type { Fields, GenerateConfig, Json } from './shapes.ts';
import type { LogSource } from './source.ts';

/** Inspect's own name for what is evaluated without a model. */
const NO_MODEL = 'none/none';

const json = (value: unknown): Json => value as Json;
const defined = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));

export const modelNameOf = ({ subject }: Pick<EvaluationView, 'subject'>): string =>
  subject.kind === 'program' ? NO_MODEL : subject.model;

const generateConfigOf = ({ solver }: Suite): GenerateConfig => {
  // An agent's own program chooses for itself, with each call.
  if (!('parameters' in solver)) return {};
  const { temperature, topP, outputTokens, seed, stop } = solver.parameters;
  return configIn({
    temperature: temperature ?? null,
    topP: topP ?? null,
    outputTokensMax: outputTokens ?? null,
    seed: seed ?? null,
    stop: stop ?? [],
  });
};

/** `pass@3` is `pass_at_3` there. */
export const reducerIn = (reducer: string): string => reducer.replace('@', '_at_').replaceAll('-', '_');

const approvers = { auto: 'auto', ask: 'human', deny: 'auto' } as const;
const approvalOf = ({ solver }: Suite): Fields | undefined => {
  if (solver.kind !== 'agent' || solver.approval.length === 0) return undefined;
  return {
    approvers: solver.approval.map(({ tool, pattern, action, timeout }) => ({
      name: approvers[action],
      tools: tool,
      params: defined({ decision: action === 'deny' ? 'reject' : undefined, pattern, timeout }),
    })),
  };
};

/** What the suite and the submission bound, in Inspect's units. */
const configOf = ({ evaluation, suite }: Pick<LogSource, 'evaluation' | 'suite'>): Fields => {
  const { count } = epochsOf(suite);
  const own = suite.solver.kind === 'program' ? undefined : suite.solver.limits;
  const seconds = (text: string | undefined): number | undefined =>
    text === undefined ? undefined : Math.ceil(msOf(text) / 1_000);
  return defined({
    epochs: count,
    epochs_reducer: [reducerIn(evaluation.epochReducer)],
    approval: approvalOf(suite),
    fail_on_error: false,
    retry_on_error: suite.limits.attempts - 1,
    message_limit: own !== undefined && 'messages' in own ? own.messages : undefined,
    token_limit: own?.tokens,
    turn_limit: own?.turns,
    time_limit: own === undefined ? seconds(suite.sandbox.wallTime) : undefined,
    working_limit: seconds(own?.time),
    cost_limit: own?.cost,
    max_samples: evaluation.concurrency,
    max_sandboxes: evaluation.concurrency,
  });
};

/** Other models that the suite asks, by the part they play. */
const rolesOf = ({ solver, scorers }: Suite): Fields | undefined => {
  const role = (model: string): Fields => ({ model, config: {}, args: {} });
  const user = solver.kind === 'chat' ? solver.user?.model : undefined;
  const grader = scorers.find((scorer) => scorer.kind === 'model-graded')?.model;
  if (user === undefined && grader === undefined) return undefined;
  return defined({ user: user && role(user), grader: grader && role(grader) });
};

/** A solver or a scorer as it was configured, without programs that come with it: they may be long. */
const configured = ({ kind: _, ...rest }: Readonly<Record<string, unknown>>): Fields =>
  JSON.parse(JSON.stringify(rest, (key, value: unknown) => (key === 'source' ? undefined : value))) as Fields;

const metricNames = [{ name: 'accuracy' }, { name: 'stderr' }];

/** What of an evaluation only Crucible knows. Inspect has events in samples alone, so that of the whole stands here. */
export const metadataOf = ({ evaluation, suite }: Pick<LogSource, 'evaluation' | 'suite'>): Fields => {
  const { id, team, submittedBy, subject, budget, trials, verdicts, alerts, usage, looserProfile } = evaluation;
  const { position, cancelReason, status, score } = evaluation;
  const { description, licence, source, capability } = suite.metadata;
  const told = { id, team, submittedBy, subject, status, score, cancelReason, budget, trials, verdicts, alerts, usage };
  const about = defined({ description, licence, source, capability });
  return { crucible: json({ ...told, looserProfile, position, suite: { digest: evaluation.suite.digest, ...about } }) };
};

export const specOf = (source: Pick<LogSource, 'evaluation' | 'suite' | 'platformVersion'>): Fields => {
  const { evaluation, suite, platformVersion } = source;
  const { samples } = suite.dataset;
  const roles = rolesOf(suite);
  const args = configured(suite.solver as never);
  return {
    eval_id: evaluation.id,
    run_id: evaluation.id,
    created: evaluation.submittedAt,
    task: evaluation.suite.name,
    task_id: `${evaluation.suite.name}-${evaluation.suite.digest.slice(0, 16)}`,
    task_version: evaluation.suite.version,
    task_display_name: evaluation.suite.title,
    task_attribs: {},
    task_args: {},
    task_args_passed: {},
    solver: suite.solver.kind,
    solver_args: args,
    solver_args_passed: args,
    tags: suite.metadata.capability === undefined ? [] : [suite.metadata.capability],
    dataset: {
      name: evaluation.suite.name,
      samples: samples.length,
      sample_ids: samples.map(({ id }) => sampleIdIn(id)),
      shuffled: false,
    },
    sandbox: {
      type: 'crucible',
      config: json({ profile: suite.sandbox.profile, image: suite.sandbox.image, limits: limitsOf(suite.sandbox) }),
    },
    model: modelNameOf(evaluation),
    model_generate_config: generateConfigOf(suite) as Fields,
    model_args: {},
    ...(roles === undefined ? {} : { model_roles: roles }),
    config: configOf(source),
    packages: { crucible: platformVersion },
    metadata: metadataOf(source),
    scorers: suite.scorers.map((scorer) => ({
      name: scorer.kind,
      options: configured(scorer as never),
      metrics: metricNames,
    })),
  };
};

export const planOf = (suite: Suite): Fields => {
  const params = configured(suite.solver as never);
  return {
    name: 'plan',
    steps: [{ solver: suite.solver.kind, params, params_passed: params }],
    config: generateConfigOf(suite) as Fields,
  };
};
