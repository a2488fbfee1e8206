import { randomUUID } from 'node:crypto';
import { BusUnavailable, InMemoryEventLog } from '@crucible/event-log';
import type { StoredEvent } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { CrucibleEvent, StopScope } from '@crucible/events';
import { beforeEach, describe, expect, it } from 'vitest';
import { StopState } from './stop-state.ts';

const subject = subjects.platform('stop');
const origin = {
  source: 'gateway',
  team: 'default',
  actor: 'user:test',
  correlationId: '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f',
};
const platform: StopScope = { kind: 'platform' };

let log: InMemoryEventLog;
let state: StopState;
beforeEach(() => {
  log = new InMemoryEventLog({ now: () => 0, newId: () => randomUUID() });
  state = new StopState(log);
});

const engage = async (stopId = randomUUID() as string, scope = platform): Promise<string> => {
  await log.append({
    subject,
    event: { type: 'crucible.stop.engaged.v1', data: { stopId, scope, reason: 'r' } },
    origin,
  });
  return stopId;
};
const release = (stopId: string): Promise<unknown> =>
  log.append({ subject, event: { type: 'crucible.stop.released.v1', data: { stopId, reason: 'r' } }, origin });
const saidOf = async (stopId: string): Promise<CrucibleEvent<'crucible.stop.engaged.v1'>> => {
  const other = new InMemoryEventLog({ now: () => 0, newId: () => randomUUID() });
  const data = { stopId, scope: platform, reason: 'r' };
  const result = await other.append({ subject, event: { type: 'crucible.stop.engaged.v1', data }, origin });
  if (!result.ok) throw new Error(result.failure);
  return result.event as CrucibleEvent<'crucible.stop.engaged.v1'>;
};

describe('what is stopped', () => {
  it('is read from a log of any length, and what was released is let go', async () => {
    const first = await engage();
    for (let count = 0; count < 5_500; count += 1) await release(await engage());
    const last = await engage();
    expect((await log.readSubject(subject)).events.length).toBeGreaterThan(10_000);
    await state.read();
    expect([...state.inForce.keys()]).toEqual([first, last]);
    expect(state.positionOf(first)).toBe(1);
    expect(state.next).toBe((await log.head()) + 1);
  });

  it('is told stop by stop in its turn, each once, also one that is released further on', async () => {
    const [one, two] = [await engage(), await engage()];
    await release(one);
    const told: string[] = [];
    await state.read(({ stopId }) => void told.push(stopId));
    await state.read(({ stopId }) => void told.push(stopId));
    expect(told).toEqual([one, two]);
    expect([...state.inForce.keys()]).toEqual([two]);
  });

  it('is not known where the log cannot be read to its end', async () => {
    await engage();
    log.readAll = async function* (): AsyncGenerator<StoredEvent> {
      yield* (await log.readSubject(subject)).events;
      throw new BusUnavailable('away');
    };
    await expect(state.read()).rejects.toBeInstanceOf(BusUnavailable);
  });

  it('does not come back by a word that comes late', async () => {
    const stopId = await engage();
    await release(stopId);
    await state.read();
    expect(state.hear(await saidOf(stopId))).toEqual([]);
    expect(state.inForce.size).toBe(0);
  });
});
