import { liveItemSchema } from '@crucible/events';
import type { LiveItem } from '@crucible/events';
import { z } from 'zod';

/** Records of one answer, at the most. */
export const recordsPerPageMax = 5_000;
const count = z.int().min(0);
const number = z.coerce.number().int();

const paging = {
  after: number.min(-1).optional().describe('Only records whose `n` is greater.'),
  before: number.min(0).optional().describe('Only records whose `n` is smaller: the last of them.'),
  around: number.min(0).optional().describe('The page in whose middle this `n` is.'),
  from: number.min(0).optional().describe('Begin at this one of the records that fit, counted from 0.'),
  limit: number.min(1).max(recordsPerPageMax).default(200),
};
const oneStart = (query: { after?: unknown; before?: unknown; around?: unknown; from?: unknown }): boolean =>
  [query.after, query.before, query.around, query.from].filter((each) => each !== undefined).length <= 1;
const oneStartWords = { message: 'takes one of after, before, around and from' };

export const usageQuerySchema = z.strictObject(paging).refine(oneStart, oneStartWords);
export const kernelQuerySchema = z
  .strictObject({
    ...paging,
    kind: z
      .string()
      .regex(/^[a-z][a-z-]*(,[a-z][a-z-]*)*$/, 'must be kinds of records with commas between')
      .max(500)
      .optional()
      .describe('Only records of these kinds, as `open,connect`.'),
  })
  .refine(oneStart, oneStartWords);
export type RecordQuery = z.output<typeof kernelQuerySchema>;

/** A record as its evidence holds it. Its strings were chosen by the program under test: show them as text only. */
export const evidenceRecordSchema = z.record(z.string(), z.unknown());
export type EvidenceRecord = z.infer<typeof evidenceRecordSchema>;

/** Records of one trial's `kernel`, `transcript` or `usage` channel, ascending by `n`. */
export const recordPageSchema = z.object({
  records: z.array(evidenceRecordSchema),
  index: count.describe('Place of the first record here among those that fit, from 0.'),
  matching: count.describe('Records kept so far that fit.'),
  total: count.describe('Records kept so far.'),
  unreadable: count.describe('Lines that are no record and are left out.'),
  kinds: z.record(z.string(), count).describe('Records kept so far by kind; `other` where there are too many kinds.'),
  next: z.int().nullable().describe('Pass as `after` for the next page; null when this page reaches the present end.'),
  complete: z.boolean().describe('The trial has finished: no more will come.'),
});
export type RecordPage = z.infer<typeof recordPageSchema>;

/** `records` in a trial's live stream: what was added to a channel, whole lines. */
export const recordsMessageSchema = z.object({
  channel: z.enum(['kernel', 'transcript', 'usage']),
  records: z.array(evidenceRecordSchema),
  unreadable: count,
});
export type RecordsMessage = z.infer<typeof recordsMessageSchema>;

const [delta, reset, whole, waits] = liveItemSchema.options;
/** A piece of a reply on its way: `delta` of a trial's live replies. */
export const liveDeltaSchema = delta.omit({ type: true }).meta({
  description:
    'A piece of what the subject says in a turn. Of a tool call it is the tool\u2019s name, a space and then its arguments as they come; another call begins on a new line. Untrusted text.',
});
export const liveResetSchema = reset.omit({ type: true }).meta({
  description: 'What was streamed of this turn in attempts before this one is void: that reply broke.',
});
export const liveWholeSchema = whole.omit({ type: true }).meta({
  description: 'The reply of this turn is in the transcript now, as are those of the turns before it.',
});
export const liveWaitsSchema = waits.omit({ type: true }).meta({
  description:
    'The call of this turn waits until its provider takes it: `account` has how many calls it takes at once as it stands, and for how long it takes none. Told every second; `account` is null once the call is under way.',
});
/** What comes with one kind of event of a trial's live replies. */
export type LiveMessageOf<T extends LiveItem['type']> = Omit<Extract<LiveItem, { type: T }>, 'type'>;

/** `?channels=` of a trial's live stream. */
export const streamChannelsSchema = z
  .string()
  .max(100)
  .default('output')
  .transform((text) => [...new Set(text.split(','))])
  .pipe(z.array(z.enum(['output', 'kernel', 'transcript', 'usage'])).min(1))
  .describe('What to follow: `output`, `kernel`, `transcript`, `usage`, with commas between.');
