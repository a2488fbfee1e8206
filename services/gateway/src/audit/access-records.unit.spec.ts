import { BusUnavailable, InMemoryEventLog } from '@crucible/event-log';
import type { EventLog } from '@crucible/event-log';
import { evaluationIdSchema, subjects, trialIdSchema } from '@crucible/events';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../commands/caller.ts';
import { AccessRecords } from './access-records.ts';

const evaluationId = evaluationIdSchema.parse('0199d7a0-0000-7000-8000-000000000000');
const place = { evaluationId, trialId: trialIdSchema.parse('0-1-1'), channel: 'output' as const };
const caller: Caller = { actor: 'user:a', team: 'default', authMethod: 'session', clientAddress: '203.0.113.9' };
const exported = { exportId: evaluationId, purpose: 'export' as const, evaluationId: null };

interface World {
  readonly records: AccessRecords;
  readonly events: () => Promise<{ readonly type: string; readonly actor: string; readonly clientaddress?: string }[]>;
  later(ms: number): void;
}

let made = 0;
const newId = (): string => `0199d7a0-0000-7000-8000-${String((made += 1)).padStart(12, '0')}`;

const open = (append?: EventLog['append'], readOnly = false): World => {
  let nowMs = 1_000_000;
  const log = new InMemoryEventLog({ now: () => nowMs, newId });
  const records = new AccessRecords(
    { append: append ?? ((request) => log.append(request)) },
    { readOnly, now: () => nowMs },
  );
  return {
    records,
    events: async () => {
      const { events } = await log.readSubject(subjects.team('default'));
      return events.flatMap((stored) => (stored.ok ? [stored.event as never] : []));
    },
    later: (ms) => void (nowMs += ms),
  };
};

describe('reads of evidence', () => {
  it('are recorded with who read what from where', async () => {
    const { records, events } = open();
    await records.evidenceRead(caller, place);
    expect(await events()).toMatchObject([
      {
        type: 'crucible.evidence.read.v1',
        actor: 'user:a',
        authmethod: 'session',
        clientaddress: '203.0.113.9',
        correlationid: evaluationId,
        data: place,
      },
    ]);
  });

  it('are recorded once a minute for one reader of one thing, however many are asked at once', async () => {
    const { records, events, later } = open();
    await Promise.all(Array.from({ length: 20 }, () => records.evidenceRead(caller, place)));
    later(59_999);
    await records.evidenceRead(caller, place);
    expect((await events()).length).toBe(1);
    later(1);
    await records.evidenceRead(caller, place);
    expect((await events()).length).toBe(2);
  });

  it('are told apart by reader, proof, address, trial and channel', async () => {
    const { records, events } = open();
    await records.evidenceRead(caller, place);
    await records.evidenceRead({ ...caller, actor: 'user:b' }, place);
    await records.evidenceRead({ ...caller, authMethod: 'token' }, place);
    await records.evidenceRead({ ...caller, clientAddress: '203.0.113.10' }, place);
    await records.evidenceRead(caller, { ...place, trialId: trialIdSchema.parse('1-1-1') });
    await records.evidenceRead(caller, { ...place, channel: 'kernel' });
    expect((await events()).length).toBe(6);
  });

  it('are refused when they cannot be recorded, and recorded at the next try', async () => {
    let away = true;
    const world = open();
    const { records } = open((request) => {
      if (away) return Promise.reject(new BusUnavailable('gone'));
      return world.records.evidenceRead(caller, place).then(() => ({ ok: true, position: 1, event: request as never }));
    });
    const tries = await Promise.allSettled([records.evidenceRead(caller, place), records.evidenceRead(caller, place)]);
    for (const each of tries) expect(each).toMatchObject({ status: 'rejected', reason: { problem: { status: 503 } } });
    away = false;
    await records.evidenceRead(caller, place);
    expect((await world.events()).length).toBe(1);
  });

  it('of many readers are remembered up to a bound: then one is written down again', async () => {
    const { records, events } = open();
    const reader = (index: number): Caller => ({ ...caller, actor: `user:${index}` });
    for (let index = 0; index <= 10_000; index += 1) await records.evidenceRead(reader(index), place);
    await records.evidenceRead(reader(10_000), place);
    expect((await events()).length).toBe(10_001);
    await records.evidenceRead(reader(0), place);
    expect((await events()).length).toBe(10_002);
  });
});

describe('exports', () => {
  it('are recorded each', async () => {
    const { records, events } = open();
    await records.logExported(caller, exported);
    await records.logExported(caller, exported);
    expect((await events()).map(({ type }) => type)).toEqual(Array(2).fill('crucible.log.exported.v1'));
  });

  it('are refused when they cannot be recorded', async () => {
    const { records } = open(() => Promise.reject(new BusUnavailable('gone')));
    await expect(records.logExported(caller, exported)).rejects.toMatchObject({ problem: { status: 503 } });
  });
});

it('an archive records nothing', async () => {
  const { records, events } = open(undefined, true);
  await records.evidenceRead(caller, place);
  await records.logExported(caller, exported);
  expect(await events()).toEqual([]);
});
