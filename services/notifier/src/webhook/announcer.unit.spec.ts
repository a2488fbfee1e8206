import { randomBytes } from 'node:crypto';
import { InMemoryEventLog, RetryLater } from '@crucible/event-log';
import type { AppendRequest, AppendResult, EventLog } from '@crucible/event-log';
import { evaluationIdSchema, examples, noBudget, subjects, trialIdSchema, uuidv7 } from '@crucible/events';
import type { NewEvent, Verdict } from '@crucible/events';
import { createLogger } from '@crucible/service-kit';
import { beforeEach, describe, expect, it } from 'vitest';
import { announcementOf, deliveryIdOf, isFailure, noVerdicts } from './announcement.ts';
import type { Alert, Completed, Verdicts } from './announcement.ts';
import { Announcer } from './announcer.ts';
import type { AnnouncerOptions, Handed, ReadableLog } from './announcer.ts';
import { DeliveryLedger } from './ledger.ts';
import { retryDelayMs } from './schedule.ts';
import type { Attempt } from './webhook.ts';

const logger = createLogger('notifier', 'silent');
const NOW_MS = 1_700_000_000_000;
const newId = (): string => uuidv7(NOW_MS, randomBytes(16));
const digest = 'ab'.repeat(32);

let log: InMemoryEventLog;
beforeEach(() => {
  log = new InMemoryEventLog({ now: () => NOW_MS, newId });
});

const none = { total: 4, passed: 4, failed: 0, errored: 0, withdrawn: 0 };
type Data = Completed['data'];

/** An evaluation that ended, in the log, as the durable consumer hands it on. */
const ended = async (
  data: Partial<Data> = {},
  verdicts: readonly Verdict[] = [],
): Promise<Handed & { readonly event: Completed }> => {
  const evaluationId = evaluationIdSchema.parse(newId());
  const origin = { source: 'scheduler', team: 'red', actor: 'service:scheduler', correlationId: evaluationId };
  const write = (event: NewEvent) => log.append({ subject: subjects.evaluation(evaluationId), event, origin });
  await write({
    type: 'crucible.evaluation.submitted.v2',
    data: {
      evaluationId,
      suite: { name: 'first-contact', version: '1.2', title: 'First contact', digest, bytes: 10, capability: null },
      subject: { kind: 'program' },
      budget: noBudget,
      epochReducer: 'mean',
      samples: 4,
      epochs: 1,
      concurrencyMax: 1,
      attemptsMax: 1,
      requestDigest: digest,
    },
  });
  for (const [index, verdict] of verdicts.entries()) {
    const trialId = trialIdSchema.parse(`${index}-1-1`);
    const type = 'crucible.trial.finished.v2';
    const event: NewEvent = { type, data: { ...examples[type].data, evaluationId, trialId, verdict } };
    await log.append({ subject: subjects.trial(evaluationId, trialId), event, origin });
  }
  const result = await write({
    type: 'crucible.evaluation.completed.v1',
    data: { evaluationId, status: 'completed', trials: none, score: 1, ...data },
  });
  if (!result.ok || result.event.type !== 'crucible.evaluation.completed.v1') throw new Error('not appended');
  return { event: result.event, position: result.position, delivery: 1 };
};

/** An alert of a trial, in the log, as the durable consumer hands it on. */
const raised = async (data: Partial<Alert['data']> = {}): Promise<Handed & { readonly event: Alert }> => {
  const { event: of } = await ended();
  const { evaluationId } = of.data;
  const trialId = trialIdSchema.parse('0-1-1');
  const result = await log.append({
    subject: subjects.trial(evaluationId, trialId),
    event: {
      type: 'crucible.alert.raised.v1',
      data: {
        evaluationId,
        trialId,
        alertId: newId(),
        rule: { id: 'canary-printed', version: 2, title: 'A canary was printed', digest },
        severity: 'high',
        capability: 'system-access',
        tags: ['attack.t1552'],
        response: 'alert',
        summary: 'own canary api-token printed',
        count: 1,
        foreignTrial: null,
        evidence: [{ channel: 'output', record: null, stream: 'stdout', offset: 0, at: NOW_MS, excerpt: 'own canary' }],
        ...data,
      },
    },
    origin: { source: 'sandbox-executor', team: 'red', actor: 'service:sandbox-executor', correlationId: evaluationId },
  });
  if (!result.ok || result.event.type !== 'crucible.alert.raised.v1') throw new Error('not appended');
  return { event: result.event, position: result.position, delivery: 1 };
};

/** A receiver that answers what it is told, and remembers. */
class Receiver {
  readonly destination = 'https://example.com/hook';
  readonly sent: { id: string; body: unknown }[] = [];
  answers: Attempt[] = [];

  send(id: string, body: string): Promise<Attempt> {
    this.sent.push({ id, body: JSON.parse(body) });
    return Promise.resolve(this.answers.shift() ?? { ok: true, status: 204 });
  }
}
const refused: Attempt = { ok: false, final: false, error: 'answered 500' };

const announcerWith = (webhook: AnnouncerOptions['webhook'], on: EventLog & ReadableLog = log): Announcer =>
  new Announcer(
    on,
    new DeliveryLedger(on),
    { webhook, attemptsMax: 3, delayMs: (attempt) => attempt * 100, now: () => new Date(NOW_MS) },
    logger,
  );
const deliveries = async () =>
  (await log.readSubject(subjects.platform('delivery'))).events.map((stored) => {
    if (!stored.ok) throw new Error('undecodable');
    return { type: stored.event.type, ...(stored.event.data as Record<string, unknown>) };
  });

describe('an announcement', () => {
  it('says what ended, how, and where that is written', async () => {
    const { event, position } = await ended({ score: 0.5, trials: { ...none, passed: 3, failed: 1 } });
    const suite = {
      name: 'first-contact',
      version: '1.2',
      title: 'First contact',
      digest,
      bytes: 10,
      capability: null,
    };
    const verdicts = { ...noVerdicts, contained: 3, breached: 1 };
    expect(announcementOf(event, position, suite, verdicts)).toEqual({
      type: 'crucible.evaluation.completed.v1',
      timestamp: new Date(NOW_MS).toISOString(),
      data: {
        evaluationId: event.data.evaluationId,
        team: 'red',
        suite: { name: 'first-contact', version: '1.2' },
        status: 'completed',
        failure: true,
        trials: { total: 4, passed: 3, failed: 1, errored: 0, withdrawn: 0 },
        verdicts: { contained: 3, attempted: 0, breached: 1, unknown: 0 },
        score: 0.5,
        position,
      },
    });
  });

  it.each<[boolean, Partial<Data>, Partial<Verdicts>]>([
    [false, {}, { contained: 2, attempted: 1, unknown: 1 }],
    [true, {}, { contained: 3, breached: 1 }],
    [true, { status: 'cancelled' }, {}],
    [true, { trials: { ...none, failed: 1 } }, {}],
    [true, { trials: { ...none, errored: 1 } }, {}],
  ])('calls it a failure: %s for %j and %j', async (failure, data, verdicts) => {
    expect(isFailure((await ended(data)).event.data, { ...noVerdicts, ...verdicts })).toBe(failure);
  });

  it('has one id for one event, a UUID of version 5', () => {
    const id = deliveryIdOf('webhook', newId());
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const event = newId();
    expect(deliveryIdOf('webhook', event)).toBe(deliveryIdOf('webhook', event));
    expect(deliveryIdOf('webhook', event)).not.toBe(deliveryIdOf('webhook', newId()));
  });
});

describe('waits between attempts', () => {
  it('grow, and stay within a fifth of what they are', () => {
    const waits = Array.from({ length: 20 }, (_, index) => retryDelayMs(index + 1, 0));
    expect(waits.slice(0, 5)).toEqual([1_000, 5_000, 30_000, 120_000, 600_000]);
    expect(waits.toSorted((a, b) => a - b)).toEqual(waits);
    expect(Math.max(...waits)).toBe(7_200_000);
    expect(retryDelayMs(1, 1)).toBe(1_200);
  });
});

describe('the announcer', () => {
  it('tells a breach also of an evaluation whose every trial passed', async () => {
    const receiver = new Receiver();
    // Another evaluation's verdicts are none of its.
    await ended({}, ['unknown', 'breached']);
    await announcerWith(receiver).announce(await ended({}, ['contained', 'breached', 'contained', 'attempted']));
    expect(receiver.sent).toMatchObject([
      {
        body: {
          data: { failure: true, score: 1, verdicts: { contained: 2, attempted: 1, breached: 1, unknown: 0 } },
        },
      },
    ]);
  });

  it('sends once and writes that it arrived', async () => {
    const receiver = new Receiver();
    const handed = await ended();
    await announcerWith(receiver).announce(handed);
    const deliveryId = deliveryIdOf('webhook', handed.event.id);
    expect(receiver.sent).toMatchObject([{ id: deliveryId, body: { data: { suite: { name: 'first-contact' } } } }]);
    expect(await deliveries()).toEqual([
      {
        type: 'crucible.delivery.succeeded.v1',
        deliveryId,
        evaluationId: handed.event.data.evaluationId,
        channel: 'webhook',
        about: 'crucible.evaluation.completed.v1',
        destination: 'https://example.com/hook',
        attempts: 1,
        status: 204,
      },
    ]);
  });

  it('asks for the event again after a failed attempt, under the same id', async () => {
    const receiver = new Receiver();
    receiver.answers = [refused, refused];
    const handed = await ended();
    const announcer = announcerWith(receiver);
    for (const delivery of [1, 2]) {
      const error = await announcer.announce({ ...handed, delivery }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(RetryLater);
      expect((error as RetryLater).delayMs).toBe(delivery * 100);
    }
    await announcer.announce({ ...handed, delivery: 3 });
    expect(new Set(receiver.sent.map(({ id }) => id)).size).toBe(1);
    expect(await deliveries()).toMatchObject([{ type: 'crucible.delivery.succeeded.v1', attempts: 3 }]);
  });

  it('gives up after the last attempt and writes why', async () => {
    const receiver = new Receiver();
    receiver.answers = [refused];
    await announcerWith(receiver).announce({ ...(await ended()), delivery: 3 });
    expect(await deliveries()).toMatchObject([
      { type: 'crucible.delivery.failed.v1', attempts: 3, error: 'answered 500' },
    ]);
  });

  it('gives up at once when the receiver wants no more', async () => {
    const receiver = new Receiver();
    receiver.answers = [{ ok: false, final: true, error: 'answered 410: it wants no more messages' }];
    await announcerWith(receiver).announce(await ended());
    expect(await deliveries()).toMatchObject([{ type: 'crucible.delivery.failed.v1', attempts: 1 }]);
  });

  it('sends nothing for a delivery that has its end, also in another life', async () => {
    const receiver = new Receiver();
    const handed = await ended();
    await announcerWith(receiver).announce(handed);
    await announcerWith(receiver).announce({ ...handed, delivery: 2 });
    await announcerWith(null).announce({ ...handed, delivery: 2 });
    expect(receiver.sent.length).toBe(1);
    expect((await deliveries()).length).toBe(1);
  });

  it('writes one end when it crashed between sending and writing', async () => {
    const receiver = new Receiver();
    const handed = await ended();
    const cut: EventLog & ReadableLog = {
      append: () => Promise.reject(new Error('bus gone')),
      readSubject: (subject, from) => log.readSubject(subject, from),
      readAll: (subject, from) => log.readAll(subject, from),
      head: () => log.head(),
      follow: (options) => log.follow(options),
      readEvaluation: (id, range) => log.readEvaluation(id, range),
    };
    await expect(announcerWith(receiver, cut).announce(handed)).rejects.toThrow('bus gone');
    await announcerWith(receiver).announce({ ...handed, delivery: 2 });
    expect(receiver.sent.map(({ id }) => id)).toEqual(Array(2).fill(deliveryIdOf('webhook', handed.event.id)));
    expect(await deliveries()).toMatchObject([{ type: 'crucible.delivery.succeeded.v1', attempts: 2 }]);
  });

  it('makes no further attempt when only the end of the last one was not written', async () => {
    const receiver = new Receiver();
    await announcerWith(receiver).announce({ ...(await ended()), delivery: 4 });
    expect(receiver.sent).toEqual([]);
    expect(await deliveries()).toMatchObject([{ type: 'crucible.delivery.failed.v1', attempts: 3 }]);
  });

  it('announces nothing without a webhook, and ends what was begun with one', async () => {
    const announcer = announcerWith(null);
    await announcer.announce(await ended());
    expect(await deliveries()).toEqual([]);
    await announcer.announce({ ...(await ended()), delivery: 2 });
    expect(await deliveries()).toMatchObject([{ type: 'crucible.delivery.failed.v1', destination: '' }]);
  });
});

describe('the ledger of deliveries', () => {
  it('has one end for each, however many write at once', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => ended()));
    const receiver = new Receiver();
    const announcers = [announcerWith(receiver), announcerWith(receiver)];
    await Promise.all(all.flatMap((handed) => announcers.map((announcer) => announcer.announce(handed))));
    const ids = (await deliveries()).map((delivery) => (delivery as Record<string, unknown>)['deliveryId']);
    expect(ids.length).toBe(8);
    expect(new Set(ids).size).toBe(8);
  });

  it('finds an end that is older than what it began to read at', async () => {
    const early = await ended();
    const late = await ended();
    await announcerWith(new Receiver()).announce(early);
    const receiver = new Receiver();
    const announcer = announcerWith(receiver);
    await announcer.announce(await ended());
    await announcer.announce({ ...early, delivery: 2 });
    await announcer.announce({ ...late, delivery: 2 });
    expect(receiver.sent.length).toBe(2);
    expect((await deliveries()).length).toBe(3);
  });

  it('gives up when others always come first', async () => {
    const handed = await ended();
    const busy: EventLog & ReadableLog = {
      append: (_: AppendRequest): Promise<AppendResult> =>
        Promise.resolve({ ok: false, failure: 'wrong-sequence', lastSequence: 1 }),
      readSubject: (subject, from) => log.readSubject(subject, from),
      readAll: (subject, from) => log.readAll(subject, from),
      head: () => log.head(),
      follow: (options) => log.follow(options),
      readEvaluation: (id, range) => log.readEvaluation(id, range),
    };
    await expect(announcerWith(new Receiver(), busy).announce(handed)).rejects.toThrow('others write');
  });
});

describe('an alert', () => {
  it('is announced with what people need to judge it, and its delivery is on record', async () => {
    const receiver = new Receiver();
    const foreignTrial = { evaluationId: evaluationIdSchema.parse(newId()), trialId: trialIdSchema.parse('7-1-1') };
    const handed = await raised({ severity: 'critical', response: 'kill', foreignTrial });
    await announcerWith(receiver).announce(handed);
    const { evaluationId, alertId } = handed.event.data;
    expect(receiver.sent).toEqual([
      {
        id: deliveryIdOf('webhook', handed.event.id),
        body: {
          type: 'crucible.alert.raised.v1',
          timestamp: new Date(NOW_MS).toISOString(),
          data: {
            evaluationId,
            trialId: '0-1-1',
            team: 'red',
            suite: { name: 'first-contact', version: '1.2' },
            alertId,
            rule: { id: 'canary-printed', version: 2, title: 'A canary was printed' },
            severity: 'critical',
            capability: 'system-access',
            summary: 'own canary api-token printed',
            killed: true,
            foreignTrial,
            position: handed.position,
          },
        },
      },
    ]);
    expect(await deliveries()).toMatchObject([
      { type: 'crucible.delivery.succeeded.v1', about: 'crucible.alert.raised.v1', attempts: 1 },
    ]);
  });

  it.each<Partial<Alert['data']>>([
    { severity: 'low' },
    { severity: 'medium' },
    { severity: 'critical', response: 'record' },
  ])('is let be when it is not urgent: %j', async (data) => {
    const receiver = new Receiver();
    await announcerWith(receiver).announce(await raised(data));
    expect([receiver.sent, await deliveries()]).toEqual([[], []]);
  });

  it('is announced once for each rule and trial, with as many attempts as it needs', async () => {
    const receiver = new Receiver();
    receiver.answers = [refused];
    const announcer = announcerWith(receiver);
    const first = await raised();
    await expect(announcer.announce(first)).rejects.toBeInstanceOf(RetryLater);
    const again = { ...first, event: { ...first.event, id: newId() }, position: first.position + 1 } as typeof first;
    await announcer.announce(again);
    await announcer.announce({ ...first, delivery: 2 });
    await announcer.announce(await raised());
    expect(receiver.sent.map(({ id }) => id)).toEqual([
      deliveryIdOf('webhook', first.event.id),
      deliveryIdOf('webhook', first.event.id),
      expect.any(String),
    ]);
    expect((await deliveries()).map(({ type }) => type)).toEqual(Array(2).fill('crucible.delivery.succeeded.v1'));
  });
});
