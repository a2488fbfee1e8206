import { z } from 'zod';
import {
  capabilitySchema,
  evaluationIdSchema,
  evidencePointSchema,
  responseSchema,
  severitySchema,
  trialIdSchema,
} from '@crucible/events';
import type { CrucibleEvent, EvidencePoint } from '@crucible/events';
import type { Positioned } from './reduce.ts';

const count = z.int().min(0);
const time = z.string();

/** One alert as pages and the API show it. Summary, excerpts and names were chosen by a guest: show them as text only. */
export const alertViewSchema = z.object({
  id: z.string(),
  evaluationId: evaluationIdSchema,
  trialId: trialIdSchema,
  team: z.string(),
  rule: z.object({ id: z.string(), version: count, title: z.string(), digest: z.string() }),
  severity: severitySchema,
  capability: capabilitySchema,
  tags: z.array(z.string()),
  response: responseSchema,
  summary: z.string(),
  count: count.describe('How often the rule held within its window.'),
  foreignTrial: z
    .object({ evaluationId: evaluationIdSchema, trialId: trialIdSchema })
    .nullable()
    .describe('The trial whose canary was seen, when it is another one.'),
  evidence: z.array(evidencePointSchema),
  raisedAt: time,
  raisedPosition: count.describe('Place of the alert in the event log.'),
  acknowledged: z
    .object({ by: z.string(), at: time, note: z.string(), position: count })
    .nullable()
    .describe('Who looked at it first, and what they said.'),
  /** Stream sequence of the last event that changed this view. */
  position: count,
});
export type AlertView = z.infer<typeof alertViewSchema>;

/** A piece of evidence as addresses and lists name it: `kernel:812`, `usage:3`, `output:stdout:1024`. */
export const evidencePointName = ({ channel, record, stream, offset }: EvidencePoint): string =>
  stream === null ? `${channel}:${record ?? 0}` : `${channel}:${stream}:${offset ?? 0}`;

/** The alert that an event is about, or null. */
export const alertOf = (event: CrucibleEvent): string | null =>
  event.type === 'crucible.alert.raised.v1' || event.type === 'crucible.alert.acknowledged.v1'
    ? event.data.alertId
    : null;

const begin = (
  { data, team, time: raisedAt }: Extract<CrucibleEvent, { type: 'crucible.alert.raised.v1' }>,
  position: number,
): AlertView => {
  const { alertId, ...told } = data;
  return { id: alertId, team, ...told, raisedAt, raisedPosition: position, acknowledged: null, position };
};

/**
 * An alert after one event about it. It is raised once and acknowledged once, by its own team: what comes later under the
 * same id, or is said of an alert that was never raised, changes nothing.
 */
export const reduceAlert = (view: AlertView | undefined, { event, position }: Positioned): AlertView | undefined => {
  if (event.type === 'crucible.alert.raised.v1' && view === undefined) return begin(event, position);
  if (view === undefined || event.type !== 'crucible.alert.acknowledged.v1') return view;
  const { alertId, evaluationId, trialId, note } = event.data;
  const isAbout = alertId === view.id && evaluationId === view.evaluationId && trialId === view.trialId;
  if (!isAbout || event.team !== view.team || view.acknowledged !== null || position <= view.position) return view;
  return { ...view, acknowledged: { by: event.actor, at: event.time, note, position }, position };
};

/** An alert as it was at a position; undefined before it was raised. */
export const alertAt = (view: AlertView, at: number): AlertView | undefined => {
  if (view.raisedPosition > at) return undefined;
  if (view.acknowledged === null || view.acknowledged.position <= at) return view;
  return { ...view, acknowledged: null, position: view.raisedPosition };
};
