import { isEvaluationEvent, isTrialEvent } from '@crucible/domain';
import { checkHistory } from '@crucible/domain/testing';
import type { StoredEvent } from '@crucible/event-log';
import { messageOf } from '../platform/failure.ts';
import type { Acknowledged } from './load.ts';

/** One promise of the platform, and how it was broken; `null` when it was kept. */
export interface Finding {
  readonly promise: string;
  readonly broken: string | null;
}

export const judged = (promise: string, broken: readonly string[]): Finding => ({
  promise,
  broken:
    broken.length === 0
      ? null
      : `${broken.slice(0, 5).join('; ')}${broken.length > 5 ? `; ${broken.length - 5} more` : ''}`,
});

const contiguous = (log: readonly StoredEvent[]): string[] =>
  log
    .flatMap((stored, index) =>
      stored.position === index + 1 ? [] : [`position ${index + 1} holds ${stored.position}`],
    )
    .slice(0, 1);

const readable = (log: readonly StoredEvent[]): string[] =>
  log.flatMap((stored) => (stored.ok ? [] : [`position ${stored.position}: ${stored.undecodable.detail}`]));

const onceEach = (log: readonly StoredEvent[]): string[] => {
  const ends = new Map<string, number>();
  for (const stored of log) {
    if (!stored.ok || !isTrialEvent(stored.event)) continue;
    const { evaluationId, trialId } = stored.event.data;
    const name = `${evaluationId} ${trialId}`;
    const ended =
      stored.event.type === 'crucible.trial.finished.v2' || stored.event.type === 'crucible.trial.withdrawn.v1';
    ends.set(name, (ends.get(name) ?? 0) + (ended ? 1 : 0));
  }
  return [...ends].flatMap(([name, count]) => (count === 1 ? [] : [`${name} ended ${count} times`]));
};

const scheduled = (log: readonly StoredEvent[], concurrencyMax: number): string[] => {
  const entries = log.flatMap((stored) => (stored.ok ? [{ position: stored.position, event: stored.event }] : []));
  try {
    checkHistory(entries, concurrencyMax);
    return [];
  } catch (error) {
    return [messageOf(error)];
  }
};

const kept = (log: readonly StoredEvent[], acknowledged: readonly Acknowledged[]): string[] =>
  acknowledged.flatMap(({ what, evaluationId, position }) => {
    const stored = log[position - 1];
    const there =
      stored?.ok &&
      isEvaluationEvent(stored.event) &&
      stored.event.type === what &&
      stored.event.data.evaluationId === evaluationId;
    return there ? [] : [`${what} of ${evaluationId} is not at ${position}`];
  });

/** What the log itself says of the promises, without any answer of the platform. */
export const judgeLog = (
  log: readonly StoredEvent[],
  acknowledged: readonly Acknowledged[],
  concurrencyMax: number,
): Finding[] => [
  judged('every position of the log is there', contiguous(log)),
  judged('every event can be read', readable(log)),
  judged('every trial has exactly one terminal event', onceEach(log)),
  judged(
    'dispatches, attempts, totals and ends are as the schedule promises, and nothing is stuck',
    scheduled(log, concurrencyMax),
  ),
  judged('nothing acknowledged to a client is missing', kept(log, acknowledged)),
];
