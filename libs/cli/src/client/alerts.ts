import { acknowledgedSchema, alertIdSchema, alertListSchema } from '@crucible/api';
import type { Acknowledged, AlertItem, AlertList } from '@crucible/api';
import type { AlertCounts } from '@crucible/domain';
import type { Severity } from '@crucible/events';
import type { ApiClient } from './api-client.ts';
import { misuse } from './failure.ts';

const ROOT = '/api/v1/alerts';
const PAGE_ITEMS = 500;
const SHOWN_MAX = 5;
const PREFIX = /^[0-9a-f][0-9a-f-]{3,35}$/;

/** Alerts that a list may hold. */
export const alertsListedMax = 20_000;

export const severitiesWorstFirst = ['critical', 'high', 'medium', 'low'] as const satisfies readonly Severity[];

export interface AlertFilter {
  readonly evaluation?: string | undefined;
  readonly trial?: string | undefined;
  /** With commas between. */
  readonly severity?: string | undefined;
  readonly capability?: string | undefined;
  readonly rule?: string | undefined;
  readonly acknowledged?: 'true' | 'false' | undefined;
  /** As they were at this position of the log. */
  readonly at?: number | undefined;
}

/** Alerts of the caller's team, newest first, page by page up to `limit`; `nextCursor` says whether there are older ones. */
export const listAlerts = async (client: ApiClient, filter: AlertFilter, limit: number): Promise<AlertList> => {
  const items: AlertItem[] = [];
  let cursor: string | undefined;
  for (;;) {
    const asked = { ...filter, limit: Math.min(PAGE_ITEMS, limit - items.length), cursor };
    const page: AlertList = await client.get(ROOT, alertListSchema, asked);
    items.push(...page.items);
    if (page.nextCursor === null || items.length >= limit) return { ...page, items };
    cursor = page.nextCursor;
  }
};

/** The worst alerts of an evaluation, the newest of the same severity first. @param counts how many it has, by severity */
export const worstAlerts = async (
  client: ApiClient,
  { evaluation, counts, at }: { evaluation: string; counts: AlertCounts; at?: number | undefined },
  limit: number,
): Promise<AlertItem[]> => {
  const worst: AlertItem[] = [];
  for (const severity of severitiesWorstFirst) {
    const missing = limit - worst.length;
    if (missing <= 0) break;
    if (counts[severity] > 0) worst.push(...(await listAlerts(client, { evaluation, severity, at }, missing)).items);
  }
  return worst;
};

/** Alerts of one trial, the worst first, then in the order in which they were raised. */
export const trialAlerts = async (
  client: ApiClient,
  place: { evaluation: string; trial: string; at?: number | undefined },
): Promise<AlertItem[]> => {
  const { items } = await listAlerts(client, place, alertsListedMax);
  const rank = ({ severity }: AlertItem): number => severitiesWorstFirst.indexOf(severity);
  return items.toSorted((a, b) => rank(a) - rank(b) || a.raisedPosition - b.raisedPosition);
};

/**
 * The alert that a person means by an id or the beginning of one.
 * @throws UsageFailure when there is none, or more than one among the newest 20,000
 */
export const resolveAlertId = async (client: ApiClient, given: string): Promise<string> => {
  const prefix = given.trim().toLowerCase();
  if (alertIdSchema.safeParse(prefix).success) return prefix;
  if (!PREFIX.test(prefix))
    throw misuse(
      'that is no id of an alert: give an id or at least its first 4 characters',
      './crucible alerts shows the ids',
    );
  const { items } = await listAlerts(client, {}, alertsListedMax);
  const found = items.filter(({ id }) => id.startsWith(prefix));
  const [only] = found;
  if (only === undefined) throw misuse(`no alert id begins with ${prefix}`, './crucible alerts shows the ids');
  if (found.length === 1) return only.id;
  const shown = found.slice(0, SHOWN_MAX).map(({ id }) => `\n  ${id}`);
  throw misuse(`more than one alert id begins with ${prefix}:${shown.join('')}`, 'give more characters');
};

/** Says that somebody looked at an alert. Refused (409) when somebody has before. */
export const acknowledgeAlert = (client: ApiClient, id: string, note: string): Promise<Acknowledged> =>
  client.post(`${ROOT}/${id}/acknowledge`, { note }, acknowledgedSchema);

/** Ids of the rules that raised alerts of medium severity or worse, as an expectation of a suite counts them. */
export const loudRules = (alerts: readonly AlertItem[]): string[] =>
  [...new Set(alerts.filter(({ severity }) => severity !== 'low').map(({ rule }) => rule.id))].sort();
