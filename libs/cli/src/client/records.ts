import { recordPageSchema } from '@crucible/api';
import type { RecordPage } from '@crucible/api';
import type { TrialView } from '@crucible/domain';
import type { ApiClient } from './api-client.ts';

const RECORDS_ASKED = 2_000;

export interface RecordsAsked {
  /** Only records behind this number; all of them when absent. */
  readonly after?: number | undefined;
  /** Begin with the page in whose middle this number is. */
  readonly around?: number | undefined;
  /** Kinds with commas between. */
  readonly kind?: string | undefined;
  /** Records in all, or a few more: those that share a number are not parted. */
  readonly limit?: number | undefined;
}

/** Records of a trial's channel, page by page. Their strings are hostile; reading them is on the record. */
export async function* recordPages(
  client: ApiClient,
  trial: Pick<TrialView, 'evaluationId' | 'id'>,
  channel: 'kernel' | 'transcript' | 'usage',
  { after = -1, around, kind, limit = Number.MAX_SAFE_INTEGER }: RecordsAsked = {},
): AsyncGenerator<RecordPage> {
  const path = `/api/v1/evaluations/${trial.evaluationId}/trials/${trial.id}/${channel}`;
  let start: { after: number } | { around: number } = around === undefined ? { after } : { around };
  for (let missing = limit; missing > 0;) {
    const asked = { ...start, kind, limit: Math.min(RECORDS_ASKED, missing) };
    const page: RecordPage = await client.get(path, recordPageSchema, asked);
    yield page;
    if (page.next === null) return;
    missing -= page.records.length;
    start = { after: page.next };
  }
}
