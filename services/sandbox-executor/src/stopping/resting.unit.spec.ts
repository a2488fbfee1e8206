import { randomUUID } from 'node:crypto';
import { InMemoryEventLog } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { NewEvent, StopScope } from '@crucible/events';
import { createLogger } from '@crucible/service-kit';
import { beforeEach, describe, expect, it } from 'vitest';
import { RunningTrials } from '../trials/running-trials.ts';
import { Killer } from './killer.ts';
import { Stopping } from './stopping.ts';

const logger = createLogger('sandbox-executor', 'silent');
const executorId = 'one';
const origin = {
  source: 'gateway',
  team: 'default',
  actor: 'user:test',
  correlationId: '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f',
};

let log: InMemoryEventLog;
beforeEach(() => {
  log = new InMemoryEventLog({ now: () => 0, newId: () => randomUUID() });
});

const begin = (): Promise<Stopping> =>
  Stopping.begin({ log, running: new RunningTrials(new Killer(executorId)), executorId }, logger);
const write = async (topic: 'stop' | 'executor', event: NewEvent): Promise<void> =>
  void (await log.append({ subject: subjects.platform(topic), event, origin }));
const engage = async (scope: StopScope): Promise<string> => {
  const stopId = randomUUID();
  await write('stop', { type: 'crucible.stop.engaged.v1', data: { stopId, scope, reason: 'r' } });
  return stopId;
};
const release = (stopId: string): Promise<void> =>
  write('stop', { type: 'crucible.stop.released.v1', data: { stopId, reason: 'r' } });
/** Hands over what was written, as the executor's consumer does. */
const follow = async (stopping: Stopping): Promise<void> => {
  const { events } = await log.readSubject(subjects.platform('stop'), stopping.next);
  for (const stored of events) stopping.onEvent(stored);
};
const watching = (stopping: Stopping): string[] => {
  const told: string[] = [];
  stopping.rest({ hold: () => void told.push('hold'), resume: () => void told.push('resume') });
  return told;
};

describe('what rests while everything is stopped', () => {
  it('is held from the first such stop to the release of the last', async () => {
    const stopping = await begin();
    const told = watching(stopping);
    const [one, two] = [await engage({ kind: 'platform' }), await engage({ kind: 'platform' })];
    await follow(stopping);
    await release(one);
    await follow(stopping);
    expect(told).toEqual(['hold']);
    await release(two);
    await follow(stopping);
    expect(told).toEqual(['hold', 'resume']);
  });

  it('is left alone by a stop of a team', async () => {
    const stopping = await begin();
    const told = watching(stopping);
    const stopId = await engage({ kind: 'team', team: 'default' });
    await follow(stopping);
    await release(stopId);
    await follow(stopping);
    expect(told).toEqual([]);
  });

  it('is held from the beginning by an executor that begins in such a stop', async () => {
    const stopId = await engage({ kind: 'platform' });
    const stopping = await begin();
    const told = watching(stopping);
    expect(told).toEqual(['hold']);
    await release(stopId);
    await follow(stopping);
    expect(told).toEqual(['hold', 'resume']);
  });
});

describe('a beginning in a stop', () => {
  const applied = async (): Promise<readonly unknown[]> =>
    (await log.readSubject(subjects.platform('executor'))).events.flatMap((stored) =>
      stored.ok && stored.event.type === 'crucible.stop.applied.v1' ? [stored.event.data.stopId] : [],
    );

  it('says once that nothing of it runs here, however much was written since', async () => {
    const stopId = await engage({ kind: 'platform' });
    const noise: NewEvent = {
      type: 'crucible.executor.health-changed.v1',
      data: { executorId, healthy: true, problem: null },
    };
    for (let count = 0; count < 10_100; count += 1) await write('executor', noise);
    await (await begin()).confirmAtStart();
    await (await begin()).confirmAtStart();
    expect(await applied()).toEqual([stopId]);
  });
});
