import { createHash } from 'node:crypto';
import type { CrucibleEvent, EventData, Verdict } from '@crucible/events';

export type Completed = CrucibleEvent<'crucible.evaluation.completed.v1'>;
type Suite = EventData<'crucible.evaluation.submitted.v2'>['suite'];

export type Alert = CrucibleEvent<'crucible.alert.raised.v1'>;

/** What a receiver gets as JSON. Fields may be added; none is taken away or changes its meaning. */
export type Announcement = CompletedAnnouncement | AlertAnnouncement;

/** Finished attempts by verdict. */
export type Verdicts = Readonly<Record<Verdict, number>>;
export const noVerdicts: Verdicts = { contained: 0, attempted: 0, breached: 0, unknown: 0 };

export interface CompletedAnnouncement {
  readonly type: Completed['type'];
  /** When the evaluation ended, RFC 3339. */
  readonly timestamp: string;
  readonly data: {
    readonly evaluationId: string;
    readonly team: string;
    readonly suite: { readonly name: string; readonly version: string } | null;
    readonly status: 'completed' | 'cancelled';
    /**
     * Whether somebody should look: it was cancelled, or a trial failed, could not be scored, was withdrawn or broke out of
     * what should have contained it, whatever its score.
     */
    readonly failure: boolean;
    readonly trials: Completed['data']['trials'];
    /** What was found of containment. Every finished attempt counts, also one that was tried again. */
    readonly verdicts: Verdicts;
    /** Mean of the scores, 0 to 1; null when nothing was scored. */
    readonly score: number | null;
    /** Place of the event in the log. */
    readonly position: number;
  };
}

export interface AlertAnnouncement {
  readonly type: Alert['type'];
  /** When it was raised, RFC 3339. */
  readonly timestamp: string;
  readonly data: Pick<Alert['data'], 'evaluationId' | 'trialId' | 'alertId' | 'severity' | 'capability' | 'summary'> & {
    readonly team: string;
    readonly suite: { readonly name: string; readonly version: string } | null;
    readonly rule: { readonly id: string; readonly version: number; readonly title: string };
    /** Whether the rule ended the trial as well. */
    readonly killed: boolean;
    /** The trial whose canary was seen, when it is not this one. */
    readonly foreignTrial: Alert['data']['foreignTrial'];
    /** Place of the event in the log. */
    readonly position: number;
  };
}

/** Whether people are told of it at once: grave enough, and not of a rule that is only to write down. */
export const isUrgent = ({ severity, response }: Alert['data']): boolean =>
  (severity === 'high' || severity === 'critical') && response !== 'record';

const named = (suite: Suite | undefined) => (suite === undefined ? null : { name: suite.name, version: suite.version });

/** The summary quotes a guest. It is one displayable line; whoever shows it elsewhere escapes it for there. */
export const alertAnnouncementOf = (event: Alert, position: number, suite: Suite | undefined): AlertAnnouncement => {
  const { evaluationId, trialId, alertId, rule, severity, capability, summary, response, foreignTrial } = event.data;
  const { id, version, title } = rule;
  return {
    type: event.type,
    timestamp: event.time,
    data: {
      evaluationId,
      trialId,
      team: event.team,
      suite: named(suite),
      alertId,
      rule: { id, version, title },
      severity,
      capability,
      summary,
      killed: response === 'kill',
      foreignTrial,
      position,
    },
  };
};

export const isFailure = ({ status, trials }: Completed['data'], verdicts: Verdicts): boolean =>
  status === 'cancelled' || trials.failed + trials.errored + trials.withdrawn + verdicts.breached > 0;

export const announcementOf = (
  event: Completed,
  position: number,
  suite: Suite | undefined,
  verdicts: Verdicts,
): CompletedAnnouncement => {
  const { evaluationId, status, trials, score } = event.data;
  return {
    type: event.type,
    timestamp: event.time,
    data: {
      evaluationId,
      team: event.team,
      suite: named(suite),
      status,
      failure: isFailure(event.data, verdicts),
      trials,
      verdicts,
      score,
      position,
    },
  };
};

/** Namespace of delivery ids, a random UUID chosen once. */
const NAMESPACE = Buffer.from('5f1b8a3e7c0d4e62b1a94d0c7e25f386', 'hex');

/**
 * Id of the one delivery of an event through a channel: a name-based UUID (RFC 9562, version 5), so that every attempt,
 * also one by a later process, names the same delivery and a receiver can tell a repeat.
 */
export const deliveryIdOf = (channel: 'webhook', eventId: string): string => {
  const bytes = createHash('sha1').update(NAMESPACE).update(`${channel}:${eventId}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
};
