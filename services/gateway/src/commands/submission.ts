import { createHash, randomFillSync } from 'node:crypto';
import { imageOfSubject } from '@crucible/domain';
import type { SubmitRequest } from '@crucible/api';
import { evaluationIdSchema, uuidv7 } from '@crucible/events';
import type { Budget, EvaluationId, EventData, Subject } from '@crucible/events';
import { budgetOf, epochsOf } from '@crucible/suite';
import type { Suite } from '@crucible/suite';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * The id of an evaluation. With an Idempotency-Key it is derived from team and key (a UUID version 8, RFC 9562), so that a
 * repeat meets the first submission on its own subject, and no table of keys is needed.
 */
export const evaluationIdFor = (team: string, idempotencyKey: string | undefined, nowMs: number): EvaluationId => {
  if (idempotencyKey === undefined) return evaluationIdSchema.parse(uuidv7(nowMs, randomFillSync(new Uint8Array(16))));
  const hex = sha256(`crucible evaluation v1\n${team}\n${idempotencyKey}`);
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return evaluationIdSchema.parse(
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`,
  );
};

/** What a request says beside its suite. */
export type Wishes = Pick<SubmitRequest, 'concurrency' | 'subject' | 'budget'>;

/** With the digest of the image that the suite names, as it is now; null for the platform's own. */
export type Resolved = Wishes & { readonly image: string | null };

/** Of what an agent program is, whatever it is called: its command and its files. Null where an image is all of it. */
const programDigestOf = ({ command, files }: Extract<Suite['solver'], { kind: 'agent-program' }>): string | null => {
  if (command === undefined && Object.keys(files).length === 0) return null;
  const byPath = Object.entries(files).sort(([one], [other]) => (one < other ? -1 : 1));
  return sha256(JSON.stringify([command ?? null, byPath]));
};

const subjectOf = ({ solver, sandbox }: Suite, { subject = { kind: 'program' }, image: digest }: Resolved): Subject => {
  if (subject.kind === 'program') return subject;
  const { model, provider = null } = subject;
  if (subject.kind === 'model') return { kind: 'model', model, provider };
  if (solver.kind !== 'agent-program') throw new TypeError(`the solver ${solver.kind} runs no agent`);
  const image = digest === null ? null : imageOfSubject(sandbox.image, digest);
  return { kind: 'agent', name: solver.name, model, provider, image, programDigest: programDigestOf(solver) };
};

const less = (one: number | null, other: number | null | undefined): number | null =>
  one === null || other === null || other === undefined ? (one ?? other ?? null) : Math.min(one, other);

/** A request can tighten what its suite allows, and loosen nothing. */
const tightened = (suite: Budget, { budget = {} }: Wishes): Budget => ({
  tokensMax: less(suite.tokensMax, budget.tokensMax),
  costMicroUsdMax: less(suite.costMicroUsdMax, budget.costMicroUsdMax),
  callsMax: less(suite.callsMax, budget.callsMax),
  timeMsMax: less(suite.timeMsMax, budget.timeMsMax),
});

/**
 * A request of before there were models has the digest that it had then: its key still finds its evaluation. Which image a
 * name stood for is no part of what was asked: a repeat finds it as well when the image is another one by now.
 */
const digestOf = (suiteDigest: string, concurrencyMax: number, subject: Subject, { budget }: Wishes): string => {
  const more = subject.kind === 'program' && budget === undefined ? '' : `\n${JSON.stringify([subject, budget ?? {}])}`;
  return sha256(`${suiteDigest}\n${concurrencyMax}${more}`);
};

/** What a submission says in the log: the suite's digest instead of the suite. */
export const submissionOf = (
  evaluationId: EvaluationId,
  suite: Suite,
  stored: { readonly digest: string; readonly bytes: number },
  wishes: Resolved,
): EventData<'crucible.evaluation.submitted.v2'> => {
  const { name, version, title, capability = null } = suite.metadata;
  const epochs = epochsOf(suite);
  const concurrencyMax = Math.min(wishes.concurrency ?? suite.limits.concurrency, suite.limits.concurrency);
  const subject = subjectOf(suite, wishes);
  const asked = subjectOf(suite, { ...wishes, image: null });
  return {
    evaluationId,
    suite: { name, version, title, ...stored, capability },
    subject,
    budget: tightened(budgetOf(suite), wishes),
    epochReducer: epochs.reducer,
    samples: suite.dataset.samples.length,
    epochs: epochs.count,
    concurrencyMax,
    attemptsMax: suite.limits.attempts,
    requestDigest: digestOf(stored.digest, concurrencyMax, asked, wishes),
  };
};
