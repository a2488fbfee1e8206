import type { SubmitRequest } from '@crucible/api';
import { latestTrials } from '@crucible/domain';
import type { EvaluationPage, TrialView } from '@crucible/domain';
import type { Subject } from '@crucible/events';
import { suiteSchema } from '@crucible/suite';
import type { Suite } from '@crucible/suite';
import { misuse } from './failure.ts';

const TITLE_CHARS_MAX = 120;

/** What is worth trying again: what came to no score, and unless only that is wanted, what did not pass. */
const wanted = ({ outcome, status }: TrialView, erroredOnly: boolean): boolean =>
  status === 'withdrawn' || outcome === 'errored' || (!erroredOnly && outcome === 'failed');

/** Samples to try again, by their ids. One that never began, for the evaluation was cancelled, is one of them. */
export const samplesToRetry = (page: EvaluationPage, suite: Suite, erroredOnly: boolean): string[] => {
  const trials = latestTrials(page);
  const begun = new Set(trials.map(({ sampleId }) => sampleId));
  const again = new Set(trials.filter((trial) => wanted(trial, erroredOnly)).map(({ sampleId }) => sampleId));
  return suite.dataset.samples.map(({ id }) => id).filter((id) => again.has(id) || !begun.has(id));
};

/** A title that names the evaluation that is tried again; of one that names another already, that name goes. */
export const retryTitle = (title: string, id: string): string => {
  const named = ` (retry of ${id})`;
  const own = title.replace(/ \(retry of [0-9a-f-]{36}\)$/, '');
  return `${own.slice(0, TITLE_CHARS_MAX - named.length).trimEnd()}${named}`;
};

const subjectOf = (subject: Subject): SubmitRequest['subject'] => {
  switch (subject.kind) {
    case 'program':
      return undefined;
    // The program of an agent is in the suite.
    case 'model':
    case 'agent':
      return {
        kind: subject.kind,
        model: subject.model,
        ...(subject.provider === null ? {} : { provider: subject.provider }),
      };
  }
};

/** What is left out of a request is as the suite says; so is a bound that an evaluation does not have. */
const budgetOf = ({ evaluation: { budget } }: EvaluationPage): SubmitRequest['budget'] => {
  const bounds = Object.entries(budget).filter(([, bound]) => bound !== null);
  return bounds.length === 0 ? undefined : Object.fromEntries(bounds);
};

/**
 * A new evaluation of what failed in one that has ended: the same suite, subject and budget, with those samples only. Its
 * title names the old one, and is in the log for good.
 * @throws UsageFailure when it has not ended, or there is nothing to try again
 */
export const retryRequest = (page: EvaluationPage, suite: Suite, erroredOnly: boolean): SubmitRequest => {
  const { evaluation } = page;
  if (evaluation.endedAt === null)
    throw misuse('this evaluation has not ended', `watch it to its end: ./crucible watch ${evaluation.id}`);
  const ids = samplesToRetry(page, suite, erroredOnly);
  if (ids.length === 0)
    throw misuse(
      erroredOnly ? 'no trial of this evaluation errored' : 'every trial of this evaluation passed',
      'there is nothing to try again',
    );
  const subject = subjectOf(evaluation.subject);
  const budget = budgetOf(page);
  const narrowed = suiteSchema.parse({
    ...suite,
    metadata: { ...suite.metadata, title: retryTitle(suite.metadata.title, evaluation.id) },
    dataset: { samples: suite.dataset.samples.filter(({ id }) => ids.includes(id)) },
  });
  return {
    suite: narrowed,
    concurrency: Math.min(evaluation.concurrency, suite.limits.concurrency),
    ...(subject === undefined ? {} : { subject }),
    ...(budget === undefined ? {} : { budget }),
  };
};
