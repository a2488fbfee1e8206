import type { TrialView } from '@crucible/domain';
import type { Attempt } from './attempt.ts';
import { errorOf } from './frame.ts';
import { limitOf } from './limits.ts';
import { sampleFields } from './sample-fields.ts';
import { scoresOf } from './scores.ts';
import type { Fields, Json, ModelOutput, Score } from './shapes.ts';
import { modelNameOf } from './spec.ts';
import type { LogSource } from './source.ts';
import type { UsageTally } from './usage.ts';

/** What reading an attempt gave, beside its messages and events. */
export interface Read {
  readonly usage: UsageTally;
  readonly output: ModelOutput | null;
  readonly messages: number;
}

const MS = 1_000;
const json = (value: unknown): Json => value as Json;
const optional = (name: string, value: Json | undefined | null): Fields =>
  value === undefined || value === null ? {} : { [name]: value };

const timesOf = ({ startedAt, finishedAt, durationMs, usage, reason }: TrialView): Fields => ({
  ...optional('started_at', startedAt),
  ...optional('completed_at', finishedAt),
  ...optional('total_time', durationMs === null ? null : durationMs / MS),
  // A program works all the time that it runs.
  ...optional(
    'working_time',
    reason === null ? null : (usage.modelCalls > 0 ? usage.workingMs : (durationMs ?? 0)) / MS,
  ),
});

const noOutput = (model: string): Json => ({ model, choices: [], completion: '' });

const tokenLimitOf = ({ suite }: Attempt, { usage }: Read): Fields => {
  const most = suite.solver.kind === 'program' ? undefined : suite.solver.limits.tokens;
  return most === undefined ? {} : { token_limit: most, token_limit_type: 'all', token_limit_usage: usage.tokens };
};

/**
 * All of a sample but what may be long: its messages, events and earlier attempts.
 * @param attempt the one whose outcome is the sample's
 */
export const sampleShell = (source: Pick<LogSource, 'evaluation'>, attempt: Attempt, read: Read): Fields => {
  const { trial, suite, sample } = attempt;
  const { initial: _, ...fields } = sampleFields(sample, suite);
  const error = errorOf(attempt);
  const limit = limitOf(trial, suite);
  return {
    ...(json(fields) as Fields),
    epoch: trial.epoch,
    sandbox: { type: 'crucible', config: json({ profile: trial.profile?.name ?? null, limits: trial.limits }) },
    output: read.output === null ? noOutput(modelNameOf(source.evaluation)) : json(read.output),
    scores: json(scoresOf(trial.scores)),
    store: {},
    model_usage: json(read.usage.byModel),
    role_usage: json(read.usage.byRole),
    ...timesOf(trial),
    uuid: `${trial.evaluationId}-${trial.id}`,
    ...(error === null ? {} : { error }),
    attachments: {},
    ...(limit === null ? {} : { limit }),
    ...optional('turn_count', trial.turn === 0 ? null : trial.turn),
    ...tokenLimitOf(attempt, read),
  };
};

/** Inspect's bounds of what a list of samples shows of each. */
const INPUT_CHARS_MAX = 5_120;
const TEXT_CHARS_MAX = 1_024;

const thin = (text: string, charsMax: number, more: string): string =>
  text.length <= charsMax ? text : `${text.slice(0, charsMax)}${more}`;
const thinInput = (text: string): string => thin(text, INPUT_CHARS_MAX, '...\n(content truncated)');
const thinText = (text: string): string => thin(text.replace(/\s+/g, ' ').trim(), TEXT_CHARS_MAX - 3, '...');

const thinFields = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]): [string, Json][] => {
      if (typeof value === 'string') return [[name, thinText(value)]];
      return value === undefined || JSON.stringify(value).length > TEXT_CHARS_MAX ? [] : [[name, value]];
    }),
  );

const thinScore = ({ explanation, answer, metadata, ...rest }: Score): Json =>
  json({
    ...rest,
    explanation: thinText(explanation),
    ...(answer === undefined ? {} : { answer: thinText(answer) }),
    ...(metadata === undefined ? {} : { metadata: thinFields(metadata) }),
  });

const thinSaid = (input: Json | undefined): Json => {
  if (typeof input === 'string') return thinInput(input);
  const messages = (Array.isArray(input) ? input : []) as { content: string }[];
  return messages.map((message) => ({ ...message, content: thinInput(message.content) }));
};

const KEPT = [
  ...[
    'id',
    'epoch',
    'choices',
    'model_usage',
    'role_usage',
    'started_at',
    'completed_at',
    'total_time',
    'working_time',
  ],
  ...['uuid', 'turn_count', 'token_limit', 'token_limit_type', 'token_limit_usage'],
];

/** What a list of samples shows of one. @param shell as `sampleShell` gave it */
export const summaryOfSample = (shell: Fields, trial: TrialView, read: Read, retries: number): Fields => {
  const target = shell['target'];
  const error = shell['error'] as { readonly message: string } | undefined;
  const limit = shell['limit'] as { readonly type: string } | undefined;
  return {
    ...Object.fromEntries(KEPT.flatMap((name) => (shell[name] === undefined ? [] : [[name, shell[name]]]))),
    input: thinSaid(shell['input']),
    target: Array.isArray(target) ? target.map((each: string) => thinInput(each)) : thinInput(String(target)),
    metadata: thinFields(shell['metadata'] as Fields),
    scores: Object.fromEntries(Object.entries(scoresOf(trial.scores)).map(([name, score]) => [name, thinScore(score)])),
    ...(error === undefined ? {} : { error: error.message }),
    ...(limit === undefined ? {} : { limit: limit.type }),
    ...(retries === 0 ? {} : { retries }),
    completed: true,
    message_count: read.messages,
  };
};
