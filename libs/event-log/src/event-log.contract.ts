import { setTimeout as sleep } from 'node:timers/promises';
import { evaluationIdSchema, eventBytesMax, noBudget, subjects, uuidv7 } from '@crucible/events';
import type { EvaluationId, NewEvent } from '@crucible/events';
import { beforeEach, describe, expect, it } from 'vitest';
import type { AppendRequest, EventLog, StoredEvent } from './port.ts';

/** One adapter under test. `inject` stores bytes as a foreign writer would. */
export interface Subject {
  readonly log: EventLog;
  inject(subject: string, body: Uint8Array): Promise<void>;
  /** The same log for somebody whose next events all get this id, as of one who asks again. */
  underId(id: string): EventLog;
}

let made = 0;
export const newEvaluationId = (): EvaluationId =>
  evaluationIdSchema.parse(
    uuidv7(
      Date.now(),
      Uint8Array.from({ length: 16 }, () => (made = (made * 31 + 7) % 251)),
    ),
  );

const digest = 'ab'.repeat(32);
export const submitted = (evaluationId: EvaluationId, title = 'A suite'): NewEvent => ({
  type: 'crucible.evaluation.submitted.v2',
  data: {
    evaluationId,
    suite: { name: 'suite', version: '1', title, digest, bytes: 10, capability: null },
    subject: { kind: 'program' },
    budget: noBudget,
    epochReducer: 'mean',
    samples: 1,
    epochs: 1,
    concurrencyMax: 1,
    attemptsMax: 1,
    requestDigest: digest,
  },
});
const admitted = (evaluationId: EvaluationId): NewEvent => ({
  type: 'crucible.evaluation.admitted.v1',
  data: { evaluationId, concurrency: 2 },
});

export const request = (evaluationId: EvaluationId, more: Partial<AppendRequest> = {}): AppendRequest => ({
  subject: subjects.evaluation(evaluationId),
  event: submitted(evaluationId),
  origin: { source: 'gateway', team: 'default', actor: 'person:test', correlationId: evaluationId },
  ...more,
});

/** The first `count` of what follows, or what came in time. */
export const take = async (
  log: EventLog,
  options: { readonly from: number; readonly subject?: string },
  count: number,
  waitMs = 5_000,
): Promise<StoredEvent[]> => {
  const signal = AbortSignal.timeout(waitMs);
  const taken: StoredEvent[] = [];
  for await (const stored of log.follow({ ...options, signal })) {
    taken.push(stored);
    if (taken.length === count) break;
  }
  return taken;
};

const gathered = async (events: AsyncIterable<StoredEvent>): Promise<StoredEvent[]> => {
  const all: StoredEvent[] = [];
  for await (const stored of events) all.push(stored);
  return all;
};

const positionOf = async (appended: ReturnType<EventLog['append']>): Promise<number> => {
  const result = await appended;
  if (!result.ok) throw new Error(`append failed: ${result.failure}`);
  return result.position;
};

/** What every event log promises, whatever is below it. */
export const describeEventLog = (name: string, open: () => Promise<Subject>): void => {
  describe(`event log: ${name}`, () => {
    let subject: Subject;
    let log: EventLog;
    beforeEach(async () => {
      subject = await open();
      log = subject.log;
    });
    describeAppend(
      () => log,
      () => subject,
    );
    describeRead(
      () => log,
      () => subject,
    );
    describeFollow(
      () => log,
      () => subject,
    );
  });
};

const describeAppend = (log: () => EventLog, subject: () => Subject): void => {
  it('appends at the end and says where', async () => {
    const id = newEvaluationId();
    const before = await log().head();
    const result = await log().append(request(id));
    expect(result).toMatchObject({
      ok: true,
      position: before + 1,
      event: { type: 'crucible.evaluation.submitted.v2' },
    });
    expect(await log().head()).toBe(before + 1);
  });

  it('appends on the expected sequence and refuses on another', async () => {
    const id = newEvaluationId();
    const first = await positionOf(log().append(request(id, { expectedSequence: 0 })));
    const conflict = { ok: false, failure: 'wrong-sequence', lastSequence: first };
    expect(await log().append(request(id, { expectedSequence: 0 }))).toEqual(conflict);
    expect(await log().append(request(id, { expectedSequence: first + 1_000 }))).toEqual(conflict);
    expect(await log().append(request(id, { expectedSequence: first, event: admitted(id) }))).toMatchObject({
      ok: true,
    });
  });

  it('expects the last sequence of the subject, not of the log', async () => {
    const id = newEvaluationId();
    const first = await positionOf(log().append(request(id, { expectedSequence: 0 })));
    await log().append(request(newEvaluationId()));
    await positionOf(log().append(request(id, { expectedSequence: first, event: admitted(id) })));
  });

  it('lets one of many win who decided on the same state', async () => {
    const id = newEvaluationId();
    const results = await Promise.all(
      Array.from({ length: 20 }, () => log().append(request(id, { expectedSequence: 0 }))),
    );
    expect(results.filter(({ ok }) => ok).length).toBe(1);
    expect((await log().readSubject(subjects.evaluation(id))).events.length).toBe(1);
  });

  it('refuses an event larger than an entry of the audit log may be, with its size', async () => {
    const id = newEvaluationId();
    const before = await log().head();
    const origin = { ...request(id).origin, actor: 'a'.repeat(eventBytesMax) };
    const result = await log().append(request(id, { origin }));
    expect(result).toMatchObject({ ok: false, failure: 'oversize' });
    expect(!result.ok && result.failure === 'oversize' && result.bytes).toBeGreaterThan(eventBytesMax);
    expect(await log().head()).toBe(before);
  });

  it('takes the largest event there may be with every header it can have, and none larger', async () => {
    const id = newEvaluationId();
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
    const sized = (chars: number, expectedSequence: number) => {
      const origin = { ...request(id).origin, traceparent, actor: 'a'.repeat(chars) };
      return log().append(request(id, { origin, expectedSequence }));
    };
    const small = await sized(1, 0);
    const others = small.ok ? JSON.stringify(small.event).length - 1 : 0;
    const last = small.ok ? small.position : 0;
    const bytesMax = eventBytesMax - 512;
    expect(await sized(bytesMax - others, last)).toMatchObject({ ok: true });
    expect(await sized(bytesMax - others + 1, last)).toMatchObject({ failure: 'oversize', bytes: bytesMax + 1 });
  });

  it('stores an event once that it is sent twice, and says where it is', async () => {
    const id = newEvaluationId();
    const again = subject().underId(
      uuidv7(
        Date.now(),
        Uint8Array.from({ length: 16 }, (_, index) => made + index),
      ),
    );
    const first = await positionOf(again.append(request(id)));
    expect(await again.append(request(id))).toMatchObject({ ok: true, position: first });
    expect(await again.append(request(id, { expectedSequence: 0 }))).toMatchObject({ ok: true, position: first });
    expect((await log().readSubject(subjects.evaluation(id))).events.length).toBe(1);
  });

  it('throws on data that is not what its type says', async () => {
    const id = newEvaluationId();
    const event = { type: 'crucible.evaluation.admitted.v1', data: { evaluationId: id, concurrency: 0 } } as const;
    await expect(log().append(request(id, { event }))).rejects.toThrow();
  });
};

const describeRead = (log: () => EventLog, subject: () => Subject): void => {
  it('reads one subject, oldest first, and nothing of its neighbours', async () => {
    const id = newEvaluationId();
    await log().append(request(id));
    await log().append(request(newEvaluationId()));
    const last = await positionOf(log().append(request(id, { event: admitted(id) })));
    const { events, lastSequence } = await log().readSubject(subjects.evaluation(id));
    expect(events.map((stored) => stored.ok && stored.event.type)).toEqual([
      'crucible.evaluation.submitted.v2',
      'crucible.evaluation.admitted.v1',
    ]);
    expect(lastSequence).toBe(last);
  });

  it('reads one subject from a position on and still knows its last sequence', async () => {
    const id = newEvaluationId();
    const name = subjects.evaluation(id);
    const first = await positionOf(log().append(request(id)));
    const last = await positionOf(log().append(request(id, { event: admitted(id) })));
    const other = await positionOf(log().append(request(newEvaluationId())));
    expect(await log().readSubject(name, last)).toMatchObject({ events: [{ position: last }], lastSequence: last });
    expect(await log().readSubject(name, first + 1)).toMatchObject({
      events: [{ position: last }],
      lastSequence: last,
    });
    expect(await log().readSubject(name, other)).toEqual({ events: [], lastSequence: last });
  });

  it('reads one subject event by event, as the whole would be', async () => {
    const id = newEvaluationId();
    const name = subjects.evaluation(id);
    expect(await gathered(log().readAll(name))).toEqual([]);
    for (let count = 0; count < 150; count += 1) {
      await log().append(request(id));
      if (count % 50 === 0) await log().append(request(newEvaluationId()));
      if (count === 70) await subject().inject(name, Uint8Array.of(0xff));
    }
    const { events, lastSequence } = await log().readSubject(name);
    expect(events).toHaveLength(151);
    expect(await gathered(log().readAll(name))).toEqual(events);
    expect(await gathered(log().readAll(name, events[100]?.position))).toEqual(events.slice(100));
    expect(await gathered(log().readAll(name, lastSequence + 1))).toEqual([]);
  });

  it('tells under which id a message was published, where it was', async () => {
    const id = newEvaluationId();
    const name = subjects.evaluation(id);
    const appended = await log().append(request(id));
    await subject().inject(name, Buffer.from('{}'));
    const from = (await log().head()) - 1;
    for (const events of [(await log().readSubject(name)).events, await take(log(), { from }, 2)])
      expect(events.map(({ messageId }) => messageId)).toEqual([appended.ok && appended.event.id, null]);
  });

  it('finds nothing in a subject without events', async () => {
    const name = subjects.evaluation(newEvaluationId());
    expect(await log().readSubject(name)).toEqual({ events: [], lastSequence: 0 });
    expect(await log().readSubject(name, 5)).toEqual({ events: [], lastSequence: 0 });
  });

  it('gives bytes it cannot decode as they are, with the reason', async () => {
    const id = newEvaluationId();
    const name = subjects.evaluation(id);
    const bodies = [Uint8Array.of(0xff, 0xfe, 0x00), new Uint8Array(), Buffer.from('{"specversion":"1.0"}')];
    for (const body of bodies) await subject().inject(name, body);
    const from = (await log().head()) - bodies.length + 1;
    for (const events of [(await log().readSubject(name)).events, await take(log(), { from }, bodies.length)]) {
      expect(events.map(({ ok }) => ok)).toEqual([false, false, false]);
      expect(events.map(({ body }) => Buffer.from(body))).toEqual(bodies.map((body) => Buffer.from(body)));
      expect(events.map((stored) => !stored.ok && stored.undecodable.failure)).toEqual([
        'not-json',
        'not-json',
        'bad-envelope',
      ]);
    }
  });
};

const describeFollow = (log: () => EventLog, subject: () => Subject): void => {
  let ids: EvaluationId[];
  let start: number;
  beforeEach(async () => {
    start = (await log().head()) + 1;
    ids = Array.from({ length: 5 }, newEvaluationId);
    for (const id of ids) await log().append(request(id));
  });

  it('follows from a position in order', async () => {
    const stored = await take(log(), { from: start + 2 }, 3);
    expect(stored.map(({ position }) => position)).toEqual([start + 2, start + 3, start + 4]);
  });

  it('follows from the beginning for a position below it', async () => {
    expect((await take(log(), { from: 0 }, 1)).map(({ position }) => position)).toEqual([1]);
  });

  it('follows what comes later', async () => {
    const id = newEvaluationId();
    const following = take(log(), { from: start + 5, subject: subjects.evaluation(id) }, 2);
    await sleep(100);
    await log().append(request(newEvaluationId()));
    await log().append(request(id));
    await log().append(request(id, { event: admitted(id) }));
    expect((await following).map(({ position }) => position)).toEqual([start + 6, start + 7]);
  });

  it('follows a wildcard only', async () => {
    const [id] = ids as [EvaluationId];
    const trial = `${subjects.evaluation(id)}.trial.0-1-1`;
    await subject().inject(trial, Buffer.from('{}'));
    await subject().inject(subjects.platform('executor'), Buffer.from('{}'));
    await log().append(request(id, { event: admitted(id) }));
    const only = await take(log(), { from: start, subject: subjects.evaluationsOnly }, 6);
    expect(only.map(({ position }) => position - start)).toEqual([0, 1, 2, 3, 4, 7]);
    const trials = await take(log(), { from: start, subject: subjects.trialsOf(id) }, 1);
    expect(trials.map((stored) => stored.subject)).toEqual([trial]);
    const everything = await take(log(), { from: start + 4, subject: subjects.everyEvaluation }, 3);
    expect(everything.map(({ position }) => position - start)).toEqual([4, 5, 7]);
  });

  it('gives a slow reader everything in order, while more is appended', async () => {
    const id = newEvaluationId();
    const trial = `${subjects.evaluation(id)}.trial.0-1-1`;
    const put = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index += 1) await subject().inject(trial, Buffer.from(`${index}`));
    };
    await put(300);
    const from = (await log().head()) - 299;
    const later = put(100);
    const positions: number[] = [];
    for await (const { position } of log().follow({ from, signal: AbortSignal.timeout(20_000) })) {
      positions.push(position);
      if (positions.length % 50 === 0) await sleep(30);
      if (positions.length === 400) break;
    }
    await later;
    expect(positions).toEqual(Array.from({ length: 400 }, (_, index) => from + index));
  });

  it('gives a type that it does not know as it is, and goes on', async () => {
    const id = newEvaluationId();
    const name = subjects.evaluation(id);
    const from = await positionOf(log().append(request(id)));
    const [known] = (await log().readSubject(name)).events;
    const envelope = JSON.parse(Buffer.from(known?.body ?? []).toString()) as object;
    const body = Buffer.from(JSON.stringify({ ...envelope, type: 'crucible.evaluation.pondered.v9' }));
    await subject().inject(name, body);
    await log().append(request(id, { event: admitted(id) }));
    const events = await take(log(), { from, subject: name }, 3);
    expect(events.map((stored) => stored.ok || stored.undecodable.failure)).toEqual([true, 'unknown-type', true]);
    expect(Buffer.from(events[1]?.body ?? [])).toEqual(body);
  });

  it('ends with its signal, also while it waits', async () => {
    const stopping = new AbortController();
    setTimeout(() => stopping.abort(), 100);
    const all: StoredEvent[] = [];
    for await (const stored of log().follow({ from: start, signal: stopping.signal })) all.push(stored);
    expect(all.length).toBe(5);
    for await (const _ of log().follow({ from: 1, signal: AbortSignal.abort() })) throw new Error('it went on');
  });

  it('serves several followers at once', async () => {
    const taken = await Promise.all(Array.from({ length: 4 }, () => take(log(), { from: start }, 5)));
    for (const stored of taken) expect(stored.map(({ position }) => position - start)).toEqual([0, 1, 2, 3, 4]);
  });
};
