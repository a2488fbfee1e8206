import { addSpend, nothingSpent } from '@crucible/domain';
import type { Spend } from '@crucible/domain';
import type { EventHistory, EventLog } from '@crucible/event-log';
import { spentOnEvent } from './spending.ts';
import type { Estimates } from './spending.ts';

export interface DayPorts {
  readonly log: Pick<EventLog, 'head' | 'follow'>;
  readonly history: Pick<EventHistory, 'readAt'>;
}

/** Events that cannot be read have no time of their own: the next one that can be is asked instead. */
const LOOK_FURTHER_MAX = 64;

const timeAt = async ({ history }: DayPorts, position: number, upTo: number): Promise<number | null> => {
  for (let at = position; at <= Math.min(upTo, position + LOOK_FURTHER_MAX); at += 1) {
    const stored = await history.readAt(at);
    if (stored?.ok) return Date.parse(stored.event.time);
  }
  return null;
};

/** The first position from which on events are of this time or later; clocks of services differ a little. */
const firstSince = async (ports: DayPorts, sinceMs: number, head: number): Promise<number> => {
  let [low, high] = [1, head + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const time = await timeAt(ports, middle, head);
    if (time === null || time < sinceMs) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** What a day has spent: all of it, and each team's part. */
export interface DaySpend {
  readonly whole: Spend;
  readonly byTeam: ReadonlyMap<string, Spend>;
  /** It is true of the log up to here. */
  readonly upTo: number;
}

export const addTo = (byTeam: Map<string, Spend>, team: string, spent: Spend): void =>
  void byTeam.set(team, addSpend(byTeam.get(team) ?? nothingSpent, spent));

/**
 * What all trials of a day have spent so far, as the log tells it.
 * @param day such as 2026-11-30, in UTC
 * @throws BusUnavailable
 */
export const spentInDay = async (ports: DayPorts, day: string, estimates: Estimates = new Map()): Promise<DaySpend> => {
  const head = await ports.log.head();
  const from = await firstSince(ports, Date.parse(`${day}T00:00:00Z`), head);
  const done = new AbortController();
  const byTeam = new Map<string, Spend>();
  if (from > head) return { whole: nothingSpent, byTeam, upTo: head };
  for await (const stored of ports.log.follow({ from, signal: done.signal })) {
    if (stored.ok && stored.event.time.startsWith(day))
      addTo(byTeam, stored.event.team, spentOnEvent(stored.event, estimates));
    if (stored.position >= head) break;
  }
  done.abort();
  return { whole: [...byTeam.values()].reduce(addSpend, nothingSpent), byTeam, upTo: head };
};
