import { nothingSpent } from '@crucible/domain';
import type { Spend } from '@crucible/domain';
import type { EventLog } from '@crucible/event-log';
import type { CrucibleEvent } from '@crucible/events';

/**
 * The most tokens that a counted call of a trial has read so far: what one is taken to have read that nobody counted, where
 * what was settled for it was not written down.
 */
export type Estimates = Map<string, number>;

type ModelCall = Extract<CrucibleEvent, { type: 'crucible.trial.model-called.v2' }>['data'];

const ofModelCall = (call: ModelCall, estimates: Estimates): Spend => {
  const { usage, costMicroUsd, latencyMs, parameters, result, firstTokenMs, settled } = call;
  const { inputTokens, outputTokens } = usage;
  const trial = `${call.evaluationId}/${call.trialId}`;
  const read = estimates.get(trial) ?? 0;
  if (inputTokens !== null) estimates.set(trial, Math.max(read, inputTokens));
  if (settled !== null) return settled;
  // A call that failed before anything came is not paid for; of one that nobody counted, the longest reply is taken.
  const isFree = result.status === 'failed' && firstTokenMs === null;
  const tokens = isFree ? 0 : (inputTokens ?? read) + (outputTokens ?? parameters.outputTokensMax ?? 0);
  return { tokens, costMicroUsd: costMicroUsd ?? 0, calls: 1, timeMs: Math.round(latencyMs) };
};

/** What an event tells was spent: how accounts are rebuilt after a restart, and kept for what others do. */
export const spentOnEvent = (event: CrucibleEvent, estimates: Estimates): Spend => {
  if (event.type === 'crucible.trial.model-called.v2') return ofModelCall(event.data, estimates);
  if (event.type === 'crucible.trial.tool-called.v1')
    return { ...nothingSpent, timeMs: Math.round(event.data.durationMs) };
  return nothingSpent;
};

/**
 * Hears what is spent from a position on, for as long as it is not aborted.
 * @param told of each event that tells of spending and is not left out: what we spend is known without the log
 * @throws BusUnavailable
 */
export const hearSpending = async (
  log: Pick<EventLog, 'follow'>,
  options: Parameters<EventLog['follow']>[0],
  estimates: Estimates,
  { leavesOut, told }: { leavesOut(event: CrucibleEvent): boolean; told(event: CrucibleEvent, spent: Spend): void },
): Promise<void> => {
  for await (const stored of log.follow(options)) {
    if (!stored.ok || leavesOut(stored.event)) continue;
    const spent = spentOnEvent(stored.event, estimates);
    if (spent !== nothingSpent) told(stored.event, spent);
  }
};
