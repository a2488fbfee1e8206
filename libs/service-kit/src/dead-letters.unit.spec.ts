import { RetryLater } from '@crucible/event-log';
import type { StoredEvent } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import { beforeEach, describe, expect, it } from 'vitest';
import { deadLetterIdOf, NotRedrivable } from './dead-letters.ts';
import type { DeadLetters, Unhandled } from './dead-letters.ts';
import { askRedrive, lettersOf, putEvent, recordedOf, saidOf, settledOf, TestLog } from './testing/letters.ts';

let log: TestLog;
let letters: DeadLetters;
beforeEach(() => {
  log = new TestLog();
  letters = lettersOf(log);
});

const storedAt = async (position: number): Promise<StoredEvent> => {
  for await (const stored of log.follow({ from: position, signal: new AbortController().signal })) return stored;
  throw new Error('nothing there');
};
const unhandled = async (position: number, more: Partial<Unhandled> = {}): Promise<Unhandled> => ({
  consumer: 'webhook',
  stream: 'EVENTS',
  message: await storedAt(position),
  deliveries: 8,
  reason: 'handler-failed',
  detail: 'TypeError: no',
  ...more,
});

describe('a dead letter', () => {
  it('says what was put aside, by whom and why, in answer to it', async () => {
    const position = await putEvent(log);
    await letters.record(await unhandled(position));
    const [event] = await saidOf(log, 'crucible.dead-letter.recorded.v1');
    const stored = await storedAt(position);
    expect(event).toMatchObject({
      source: '/crucible/notifier',
      actor: 'service:notifier',
      team: 'one',
      causationid: stored.ok && stored.event.id,
      data: {
        deadLetterId: deadLetterIdOf({ consumer: 'notifier/webhook', stream: 'EVENTS', position }),
        consumer: 'notifier/webhook',
        stream: 'EVENTS',
        position,
        subject: stored.subject,
        deliveries: 8,
        reason: 'handler-failed',
        detail: 'TypeError: no',
        bytes: stored.body.byteLength,
      },
    });
  });

  it('is recorded once, however often, by whichever instance and at once', async () => {
    const letter = await unhandled(await putEvent(log));
    const instances = [letters, lettersOf(log), lettersOf(log)];
    await Promise.all(instances.flatMap((each) => [each.record(letter), each.record(letter)]));
    await lettersOf(log).record(letter);
    expect(await recordedOf(log)).toHaveLength(1);
  });

  it('of another place or consumer is another', async () => {
    const [one, two] = [await putEvent(log), await putEvent(log)];
    await letters.record(await unhandled(one));
    await letters.record(await unhandled(two));
    await letters.record(await unhandled(one, { consumer: 'other' }));
    await letters.record(await unhandled(one, { stream: 'DISPATCH' }));
    expect(new Set((await recordedOf(log)).map(({ deadLetterId }) => deadLetterId)).size).toBe(4);
  });

  it('carries hostile text as a line that harms no reader, and no more of it than fits', async () => {
    const detail = `\u001b[2J\u202e${'x'.repeat(5_000)}\n`;
    await letters.record(await unhandled(await putEvent(log), { detail }));
    const [recorded] = await recordedOf(log);
    expect(recorded?.detail.length).toBeLessThanOrEqual(2_000);
    expect(recorded?.detail).not.toMatch(/[\u001b\u202e\n]/);
  });

  it('is still recorded once among more letters than one reading gives', { timeout: 30_000 }, async () => {
    log.subjectEventsMax = 100;
    const position = await putEvent(log);
    const many = await unhandled(position);
    for (let index = 0; index < 300; index += 1)
      await letters.record({ ...many, message: { ...many.message, position: 1_000 + index } });
    await lettersOf(log).record({ ...many, message: { ...many.message, position: 1_150 } });
    log.subjectEventsMax = Number.POSITIVE_INFINITY;
    expect(await recordedOf(log)).toHaveLength(300);
  });

  it('about a letter about a letter is not written: it would never end', async () => {
    await letters.record(await unhandled(await putEvent(log)));
    await letters.record(await unhandled(await log.head()));
    expect(await recordedOf(log)).toHaveLength(2);
    await letters.record(await unhandled(await log.head()));
    expect(await recordedOf(log)).toHaveLength(2);
  });
});

describe('a redrive', () => {
  const recorded = async (more: Partial<Unhandled> = {}): Promise<string> => {
    await letters.record(await unhandled(await putEvent(log), more));
    return (await recordedOf(log)).at(-1)?.deadLetterId ?? '';
  };

  it('hands the stored message to its consumer and says that it was handled', async () => {
    const id = await recorded();
    const seen: number[] = [];
    letters.onRedrive('webhook', async ({ position }) => void seen.push(position));
    await letters.redrive(await askRedrive(log, id));
    expect(seen).toEqual([1]);
    expect(await settledOf(log)).toEqual([{ deadLetterId: id, outcome: 'handled', detail: '' }]);
  });

  it('is answered once for each request', async () => {
    const id = await recorded();
    let handled = 0;
    letters.onRedrive('webhook', async () => void (handled += 1));
    const request = await askRedrive(log, id);
    for (const _ of [1, 2]) await letters.redrive(request);
    const restarted = lettersOf(log);
    await restarted.redrive(request);
    expect(handled).toBe(1);
    await letters.redrive(await askRedrive(log, id));
    expect(handled).toBe(2);
    expect(await settledOf(log)).toHaveLength(2);
  });

  it.each([
    ['fails again', new TypeError('still no'), 'TypeError: still no'],
    ['cannot be taken out of order', new NotRedrivable('do this instead'), 'do this instead'],
    ['is wanted later', new RetryLater('answered 500', 9), 'RetryLater: answered 500'],
  ])('of what %s says so', async (_, error, detail) => {
    const id = await recorded();
    letters.onRedrive('webhook', () => Promise.reject(error));
    await letters.redrive(await askRedrive(log, id));
    expect(await settledOf(log)).toEqual([{ deadLetterId: id, outcome: 'failed', detail }]);
  });

  it('of bytes that still say nothing says so', async () => {
    const position = log.inject(subjects.platform('delivery'), Uint8Array.of(0xff));
    await letters.record(await unhandled(position, { reason: 'undecodable' }));
    const id = (await recordedOf(log))[0]?.deadLetterId ?? '';
    letters.onRedrive('webhook', () => Promise.reject(new Error('never asked')));
    await letters.redrive(await askRedrive(log, id));
    expect((await settledOf(log))[0]).toMatchObject({ outcome: 'failed' });
    expect((await settledOf(log))[0]?.detail).toMatch(/^it still cannot be read: not-json/);
  });

  it.each([
    [{ stream: 'DISPATCH' }, /work queue keeps nothing/],
    [{ consumer: 'gone' }, /no consumer of this version/],
  ] as const)('of %j says why it cannot be', async (more, words) => {
    const id = await recorded(more);
    letters.onRedrive('webhook', () => Promise.resolve());
    await letters.redrive(await askRedrive(log, id));
    expect((await settledOf(log))[0]?.detail).toMatch(words);
  });

  it('of another service’s letter is left to that service', async () => {
    await letters.redrive(await askRedrive(log, '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f'));
    expect(await settledOf(log)).toEqual([]);
  });

  it('waits, unsettled, while the bus is away', async () => {
    const id = await recorded();
    letters.onRedrive('webhook', () => Promise.resolve());
    const request = await askRedrive(log, id);
    log.away = true;
    await expect(letters.redrive(request)).rejects.toThrow('the bus is away');
    log.away = false;
    await letters.redrive(request);
    expect(await settledOf(log)).toHaveLength(1);
  });
});
