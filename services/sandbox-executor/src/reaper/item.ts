import { displayableLine } from '@crucible/events';
import type { EventData } from '@crucible/events';

export type Reaped = EventData<'crucible.executor.reaped.v2'>;
export type ReapedItem = Reaped['items'][number];

const NAME_CHARS_MAX = 200;
const DETAIL_CHARS_MAX = 300;

/** Names were chosen by whoever made the thing. */
export const item = (kind: ReapedItem['kind'], name: string, detail: string, removed: boolean): ReapedItem => ({
  kind,
  name: displayableLine(name, NAME_CHARS_MAX),
  detail: displayableLine(detail, DETAIL_CHARS_MAX),
  removed,
});
