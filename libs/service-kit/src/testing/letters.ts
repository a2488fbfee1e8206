import { BusUnavailable, InMemoryEventLog, SubjectTooLong } from '@crucible/event-log';
import type { AppendRequest, AppendResult, EventLog, StoredEvent } from '@crucible/event-log';
import { evaluationIdSchema, subjects, uuidv7 } from '@crucible/events';
import type { CrucibleEvent, EventType, NewEvent } from '@crucible/events';
import { DeadLetters } from '../dead-letters.ts';
import { createLogger } from '../logger.ts';

export const quiet = createLogger('test', 'silent');

let made = 0;
const newId = (): string => {
  made += 1;
  const random = new Uint8Array(16);
  new DataView(random.buffer).setUint32(12, made);
  return uuidv7(made, random);
};

/** The log of a test, which is away on demand. */
export class TestLog extends InMemoryEventLog {
  away = false;
  /** More than this one reading does not give. */
  subjectEventsMax = Number.POSITIVE_INFINITY;
  /** Called behind an append that was stored. */
  afterAppend: (request: AppendRequest) => void = () => undefined;

  constructor() {
    super({ now: () => Date.UTC(2026, 0, 1), newId });
  }

  override async append(request: AppendRequest): Promise<AppendResult> {
    if (this.away) throw new BusUnavailable('the bus is away');
    const result = await super.append(request);
    this.afterAppend(request);
    return result;
  }

  override async readSubject(subject: string, from?: number): Promise<{ events: StoredEvent[]; lastSequence: number }> {
    const read = await super.readSubject(subject, from);
    if (read.events.length > this.subjectEventsMax) throw new SubjectTooLong(subject);
    return read;
  }
}

export const lettersOf = (log: EventLog, service = 'notifier'): DeadLetters =>
  new DeadLetters(service, log, newId, quiet);

/** Appends an event that is easy to make. @returns its position */
export const putEvent = async (log: EventLog, reason = 'why not'): Promise<number> => {
  const evaluationId = evaluationIdSchema.parse(newId());
  const event: NewEvent = { type: 'crucible.evaluation.cancel-requested.v1', data: { evaluationId, reason } };
  const origin = { source: 'gateway', team: 'one', actor: 'user:one', correlationId: evaluationId };
  const result = await log.append({ subject: subjects.evaluation(evaluationId), event, origin });
  if (!result.ok) throw new Error(result.failure);
  return result.position;
};

/** Asks for a dead letter once more, as the gateway does. */
export const askRedrive = async (
  log: EventLog,
  deadLetterId: string,
): Promise<CrucibleEvent<'crucible.dead-letter.redrive-requested.v1'>> => {
  const event = { type: 'crucible.dead-letter.redrive-requested.v1', data: { deadLetterId } } as const;
  const origin = { source: 'gateway', team: 'one', actor: 'user:one', correlationId: newId() };
  const result = await log.append({ subject: subjects.platform('redrive'), event, origin });
  if (!result.ok || result.event.type !== event.type) throw new Error('not appended');
  return result.event;
};

/** What a service said of its dead letters, of one type, in order. */
export const saidOf = async <T extends EventType>(
  log: EventLog,
  type: T,
  service = 'notifier',
): Promise<CrucibleEvent<T>[]> => {
  const { events } = await log.readSubject(subjects.deadLetters(service));
  return events.flatMap((stored: StoredEvent) =>
    stored.ok && stored.event.type === type ? [stored.event as CrucibleEvent<T>] : [],
  );
};

export const recordedOf = async (log: EventLog, service?: string) =>
  (await saidOf(log, 'crucible.dead-letter.recorded.v1', service)).map(({ data }) => data);
export const settledOf = async (log: EventLog, service?: string) =>
  (await saidOf(log, 'crucible.dead-letter.settled.v1', service)).map(({ data }) => data);

export const until = async (condition: () => boolean | Promise<boolean>, waitMsMax = 10_000): Promise<void> => {
  for (const deadline = Date.now() + waitMsMax; !(await condition());) {
    if (Date.now() > deadline) throw new Error('it did not come to pass');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

/** Bytes that are no event, by what is wrong with them. */
export const corruptBodies: Readonly<Record<string, Uint8Array>> = {
  garbage: Uint8Array.of(0x00, 0xff, 0x1b, 0x5b, 0x32, 0x4a),
  'half a JSON': new TextEncoder().encode('{"specversion":"1.0","id":"019ab3f0-5c1e-7a42-9d3e'),
  'an unknown type': new TextEncoder().encode(
    JSON.stringify({
      specversion: '1.0',
      id: '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f',
      source: '/crucible/gateway',
      type: 'crucible.evaluation.teleported.v1',
      subject: 'x',
      time: '2026-01-01T00:00:00.000Z',
      datacontenttype: 'application/json',
      team: 'one',
      actor: 'user:one',
      correlationid: '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f',
      data: {},
    }),
  ),
  'as much of 0xff as the server takes': new Uint8Array(65_000).fill(0xff),
  nothing: new Uint8Array(),
};
