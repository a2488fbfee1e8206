import { outputPageSchema } from '@crucible/api';
import type { OutputPage } from '@crucible/api';
import {
  KernelEvents,
  OutputEvents,
  UsageEvents,
  actOfRecord,
  limitsUnknown,
  usageOfRecord,
} from '@crucible/detectors';
import type { EventKind, TypedEvent } from '@crucible/detectors';
import type { TrialView } from '@crucible/domain';
import type { ApiClient } from './api-client.ts';
import { recordPages } from './records.ts';

const CHUNKS_ASKED = 1_000;

const trialPath = (trial: TrialView): string => `/api/v1/evaluations/${trial.evaluationId}/trials/${trial.id}`;

async function* recordsOf(client: ApiClient, trial: TrialView, channel: 'kernel' | 'usage') {
  for await (const { records } of recordPages(client, trial, channel)) yield* records;
}

async function* kernelEvents(client: ApiClient, trial: TrialView): AsyncGenerator<TypedEvent> {
  const events = new KernelEvents();
  for await (const record of recordsOf(client, trial, 'kernel')) {
    const read = actOfRecord(record);
    const event = read === null ? null : events.take(read.act, read.n, read.at);
    if (event !== null) yield event;
  }
}

async function* usageEvents(client: ApiClient, trial: TrialView): AsyncGenerator<TypedEvent> {
  const events = new UsageEvents(trial.limits ?? limitsUnknown);
  for await (const record of recordsOf(client, trial, 'usage')) {
    const sample = usageOfRecord(record);
    if (sample !== null) yield events.take(sample, sample.n);
  }
}

async function* outputEvents(client: ApiClient, trial: TrialView): AsyncGenerator<TypedEvent> {
  const events = new OutputEvents();
  let after: number | null = 0;
  while (after !== null) {
    const asked = { after, limit: CHUNKS_ASKED };
    const page: OutputPage = await client.get(`${trialPath(trial)}/output`, outputPageSchema, asked);
    for (const { stream, base64, at } of page.chunks) yield* events.take(stream, Buffer.from(base64, 'base64'), at);
    after = page.next;
  }
}

/** How the trial ended, as detectors were told it; null while it runs. */
const endEvent = (trial: TrialView): TypedEvent | null => {
  if (trial.reason === null) return null;
  return {
    kind: 'end',
    at: trial.finishedAt === null ? 0 : Date.parse(trial.finishedAt),
    place: { channel: 'usage', record: null, stream: null, offset: null },
    reason: trial.reason,
    exitCode: trial.exitCode ?? -1,
    signal: trial.signal ?? '',
    durationMs: trial.durationMs ?? 0,
    limitsHit: [...trial.limitsHit],
    outputBytes: trial.evidence.find(({ channel }) => channel === 'output')?.bytes ?? 0,
    spawned: 0,
  };
};

/** Streams in one, by time: each is in order by itself. */
async function* byTime(streams: readonly AsyncGenerator<TypedEvent>[]): AsyncGenerator<TypedEvent> {
  const heads = await Promise.all(streams.map(async (stream) => ({ stream, next: await stream.next() })));
  for (;;) {
    let first: (typeof heads)[number] | undefined;
    for (const head of heads) {
      if (head.next.done === true) continue;
      if (first === undefined || first.next.done === true || head.next.value.at < first.next.value.at) first = head;
    }
    if (first === undefined || first.next.done === true) return;
    yield first.next.value;
    first.next = await first.stream.next();
  }
}

/** What of a trial is kept, as detectors saw it, as far as the kinds that are asked for need it. Reading is on the record. */
export async function* pastEvents(
  client: ApiClient,
  trial: TrialView,
  kinds: ReadonlySet<EventKind>,
): AsyncGenerator<TypedEvent> {
  const kernel = [...kinds].some((kind) => kind.startsWith('kernel.'));
  yield* byTime([
    ...(kernel ? [kernelEvents(client, trial)] : []),
    ...(kinds.has('usage') ? [usageEvents(client, trial)] : []),
    ...(kinds.has('output') ? [outputEvents(client, trial)] : []),
  ]);
  const end = kinds.has('end') ? endEvent(trial) : null;
  if (end !== null) yield end;
}
