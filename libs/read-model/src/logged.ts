import { stopIdOf } from '@crucible/domain';
import type { CrucibleEvent } from '@crucible/events';
import { evaluationIdSchema, trialIdSchema } from '@crucible/events';
import { textColumn } from './text-column.ts';

/**
 * One message of the log as the projection takes it: an event with its place, or the place of bytes that nobody can read.
 * `StoredEvent` of the event log fits. `subject` is the stored one; the event's own is taken where it is absent.
 */
export type Logged =
  | { readonly position: number; readonly subject?: string; readonly ok?: true; readonly event: CrucibleEvent }
  | { readonly position: number; readonly subject: string; readonly ok: false };

/** A message whose bytes are an event that we know. */
export type LoggedEvent = Extract<Logged, { readonly event: CrucibleEvent }>;
export const isReadable = (logged: Logged): logged is LoggedEvent => logged.ok !== false;

/** A row of `logged_event`. */
export interface LoggedRow {
  readonly position: number;
  readonly id: string | null;
  readonly type: string | null;
  readonly subject: string;
  readonly time: string | null;
  readonly actor: string | null;
  readonly team: string | null;
  readonly evaluation_id: string | null;
  readonly trial_id: string | null;
  /** The emergency stop that it tells of: who may see that one may see this. */
  readonly stop_id: string | null;
}

const ofSubject = /^crucible\.events\.evaluation\.([^.]+)(?:\.trial\.([^.]+)(?:\.command)?)?$/;

/** Whose history the subject is part of, as far as its names are ones that we give. */
const placeOf = (subject: string): { evaluation: string | null; trial: string | null } => {
  const [, evaluation, trial] = ofSubject.exec(subject) ?? [];
  const id = evaluationIdSchema.safeParse(evaluation).data ?? null;
  return { evaluation: id, trial: id === null ? null : (trialIdSchema.safeParse(trial).data ?? null) };
};

/** What the index keeps of one message. Of unreadable bytes, only where they were found. */
export const loggedRow = (logged: Logged): LoggedRow => {
  const { position } = logged;
  if (!isReadable(logged)) {
    const { evaluation, trial } = placeOf(logged.subject);
    const place = { evaluation_id: evaluation, trial_id: trial, stop_id: null };
    const subject = textColumn(logged.subject);
    return { position, id: null, type: null, subject, time: null, actor: null, team: null, ...place };
  }
  const { event, subject = event.subject } = logged;
  const about = event.data as { readonly evaluationId?: string | null; readonly trialId?: string | null };
  return {
    position,
    id: event.id,
    type: event.type,
    subject: textColumn(subject),
    time: event.time,
    actor: textColumn(event.actor),
    team: textColumn(event.team),
    evaluation_id: about.evaluationId ?? null,
    trial_id: about.trialId ?? null,
    stop_id: stopIdOf(event),
  };
};
