import { alertListSchema } from '@crucible/api';
import type { AlertView } from '@crucible/domain';
import type { ApiClient } from './api-client.ts';

const PAGES_MAX = 40;
const PAGE_ITEMS = 500;

/** All alerts of an evaluation, at most 20,000. Those that are `record`ed only are low, and among them. */
export const alertsOf = async (client: ApiClient, evaluation: string, position?: number): Promise<AlertView[]> => {
  const alerts: AlertView[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const query = { evaluation, limit: PAGE_ITEMS, cursor, position };
    const answer = await client.get('/api/v1/alerts', alertListSchema, query);
    alerts.push(...answer.items);
    if (answer.nextCursor === null) break;
    cursor = answer.nextCursor;
  }
  return alerts;
};

/** Ids of the rules that raised alerts of medium severity or worse, as an expectation of a suite counts them. */
export const loudRules = (alerts: readonly AlertView[]): string[] =>
  [...new Set(alerts.filter(({ severity }) => severity !== 'low').map(({ rule }) => rule.id))].sort();
