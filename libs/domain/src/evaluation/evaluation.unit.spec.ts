import { evaluationIdSchema, noBudget } from '@crucible/events';
import type { CrucibleEvent } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import { absentEvaluation, decideEvaluation, evolveEvaluation } from './evaluation.ts';
import type { Evaluation, EvaluationCommand, EvaluationEvent } from './evaluation.ts';

const evaluationId = evaluationIdSchema.parse('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
const digest = 'ab'.repeat(32);
const submission = {
  evaluationId,
  suite: { name: 'suite', version: '1.0.0', title: 'Suite', digest, bytes: 1, capability: null },
  subject: { kind: 'program' as const },
  budget: noBudget,
  epochReducer: 'mean',
  samples: 2,
  epochs: 1,
  concurrencyMax: 2,
  attemptsMax: 2,
  requestDigest: digest,
};
const completion = { trials: { total: 2, passed: 1, failed: 1, errored: 0, withdrawn: 0 }, score: 0.5 };

const states: Readonly<Record<Evaluation['status'], Evaluation>> = {
  absent: absentEvaluation,
  submitted: { status: 'submitted', submission },
  running: { status: 'running', submission, concurrency: 2 },
  cancelling: { status: 'cancelling', submission },
  completed: { status: 'completed', submission },
  cancelled: { status: 'cancelled', submission },
};
const commands = {
  submit: { type: 'submit', submission },
  'submit another': { type: 'submit', submission: { ...submission, requestDigest: 'cd'.repeat(32) } },
  admit: { type: 'admit', concurrency: 1 },
  'request-cancel': { type: 'request-cancel', reason: 'because' },
  complete: { type: 'complete', completion },
} as const satisfies Record<string, EvaluationCommand>;

/** Every command in every state: the type that is accepted, or the name of the refusal. */
const table: Readonly<Record<keyof typeof commands, Readonly<Record<Evaluation['status'], string>>>> = {
  submit: {
    absent: '+submitted.v2',
    submitted: 'already-submitted',
    running: 'already-submitted',
    cancelling: 'already-submitted',
    completed: 'already-submitted',
    cancelled: 'already-submitted',
  },
  'submit another': {
    absent: '+submitted.v2',
    submitted: 'same-key-other-request',
    running: 'same-key-other-request',
    cancelling: 'same-key-other-request',
    completed: 'same-key-other-request',
    cancelled: 'same-key-other-request',
  },
  admit: {
    absent: 'not-submitted',
    submitted: '+admitted.v1',
    running: 'not-submitted',
    cancelling: 'not-submitted',
    completed: 'not-submitted',
    cancelled: 'not-submitted',
  },
  'request-cancel': {
    absent: 'not-found',
    submitted: '+cancel-requested.v1',
    running: '+cancel-requested.v1',
    cancelling: 'already-cancelling',
    completed: 'already-ended',
    cancelled: 'already-ended',
  },
  complete: {
    absent: 'not-running',
    submitted: 'not-running',
    running: '+completed.v1',
    cancelling: '+completed.v1',
    completed: 'not-running',
    cancelled: 'not-running',
  },
};

const cells = Object.entries(table).flatMap(([command, row]) =>
  Object.entries(row).map(([status, expected]) => [command, status, expected] as const),
);

describe('decideEvaluation', () => {
  it.each(cells)('%s while %s: %s', (command, status, expected) => {
    const decision = decideEvaluation(
      commands[command as keyof typeof commands],
      states[status as Evaluation['status']],
    );
    if (!expected.startsWith('+')) expect(decision).toEqual({ accepted: false, refusal: expected });
    else
      expect(decision).toMatchObject({
        accepted: true,
        event: { type: `crucible.evaluation.${expected.slice(1)}`, data: { evaluationId } },
      });
  });

  it('completes as cancelled what was being cancelled', () => {
    expect(decideEvaluation(commands.complete, states.running)).toMatchObject({
      event: { data: { status: 'completed', ...completion } },
    });
    expect(decideEvaluation(commands.complete, states.cancelling)).toMatchObject({
      event: { data: { status: 'cancelled', ...completion } },
    });
  });

  it('changes nothing of what it was given', () => {
    const frozen = Object.freeze({ ...submission });
    for (const state of Object.values(states))
      decideEvaluation({ type: 'submit', submission: frozen }, Object.freeze({ ...state }) as Evaluation);
  });
});

const event = (type: string, data: object): EvaluationEvent => ({ type, data }) as CrucibleEvent as EvaluationEvent;
const events = {
  submitted: event('crucible.evaluation.submitted.v2', submission),
  admitted: event('crucible.evaluation.admitted.v1', { evaluationId, concurrency: 2 }),
  'cancel-requested': event('crucible.evaluation.cancel-requested.v1', { evaluationId, reason: '' }),
  completed: event('crucible.evaluation.completed.v1', { evaluationId, status: 'completed', ...completion }),
  cancelled: event('crucible.evaluation.completed.v1', { evaluationId, status: 'cancelled', ...completion }),
};

describe('evolveEvaluation', () => {
  it.each([
    ['submitted', 'submitted'],
    ['admitted', 'running'],
    ['cancel-requested', 'cancelling'],
    ['completed', 'completed'],
    ['cancelled', 'cancelled'],
  ] as const)('%s makes it %s, whatever it was, and keeps the submission', (name, status) => {
    for (const state of Object.values(states)) {
      if (state.status === 'absent' && name !== 'submitted') continue;
      expect(evolveEvaluation(state, events[name])).toMatchObject({ status, submission });
    }
  });

  it('stays absent before its submission', () => {
    for (const [name, each] of Object.entries(events))
      if (name !== 'submitted') expect(evolveEvaluation(absentEvaluation, each)).toBe(absentEvaluation);
  });
});
