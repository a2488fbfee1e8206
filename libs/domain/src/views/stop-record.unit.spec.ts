import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evolveStops, isStopEvent, noStops } from '../policy/stops.ts';
import { simulate } from '../testing/index.ts';
import type { LogEntry } from '../testing/index.ts';
import { appliedByExecutor, appliedMax, reduceStop, stopIdOf, stopSummary } from './stop-record.ts';
import type { StopRecord } from './stop-record.ts';

const logs = fc.nat(1_000_000).map((seed) => simulate({ seed, troubledSteps: 250 }).log.entries);

const foldStops = (entries: readonly LogEntry[]): Map<string, StopRecord> => {
  const records = new Map<string, StopRecord>();
  for (const entry of entries) {
    const id = stopIdOf(entry.event);
    const record = id === null ? undefined : reduceStop(records.get(id), entry);
    if (id !== null && record !== undefined) records.set(id, record);
  }
  return records;
};

describe('reduceStop', () => {
  it('has in force at every moment what those who must stop have', () => {
    let engaged = 0;
    fc.assert(
      fc.property(logs, (entries) => {
        let inForce = noStops;
        for (const { event, position } of entries) {
          if (!isStopEvent(event)) continue;
          inForce = evolveStops(inForce, event);
          const records = [...foldStops(entries.slice(0, position)).values()];
          const held = records.flatMap((record) => {
            const summary = stopSummary(record);
            return summary?.releasedAt === null ? summary.stopId : [];
          });
          expect(held.sort()).toEqual([...inForce.keys()].sort());
          engaged += inForce.size;
        }
      }),
    );
    expect(engaged).toBeGreaterThan(20);
  });

  it('keeps what executors did, also when they say so before the stop is written', () => {
    let sooner = 0;
    fc.assert(
      fc.property(logs, (entries) => {
        for (const record of foldStops(entries).values()) {
          const applied = entries.flatMap(({ event }) =>
            event.type === 'crucible.stop.applied.v1' && event.data.stopId === record.stopId ? event.data : [],
          );
          const killed = applied.reduce((sum, each) => sum + each.killed, 0);
          const executors = stopSummary(record)?.executors ?? [];
          expect(executors.reduce((sum, each) => sum + each.killed, 0)).toBe(record.engaged === null ? 0 : killed);
          expect(new Set(executors.map(({ executorId }) => executorId)).size).toBe(executors.length);
          if (record.applied.some(({ position }) => position < (record.engaged?.position ?? 0))) sooner += 1;
        }
      }),
    );
    expect(sooner).toBeGreaterThan(5);
  });

  it('is not moved by repeats, and tells any past moment from its last', () => {
    fc.assert(
      fc.property(logs, fc.nat(500), (entries, cut) => {
        const last = foldStops(entries);
        expect(foldStops([...entries.flatMap((entry) => [entry, entry]), ...entries.slice(cut)])).toEqual(last);
        const then = foldStops(entries.slice(0, cut));
        for (const [id, record] of last) {
          const past = then.get(id);
          expect(stopSummary(record, cut)).toEqual(past === undefined ? undefined : stopSummary(past));
        }
      }),
    );
  });

  it('counts every kill, and of what was left over what was said last', () => {
    const said = (killed: number, unconfirmed: number, latencyMs: number) => ({
      executorId: 'one',
      killed,
      unconfirmed,
      latencyMs,
    });
    expect(appliedByExecutor([said(3, 2, 9), said(1, 1, 20), said(1, 0, 5)])).toEqual([said(5, 0, 20)]);
    expect(appliedByExecutor([said(3, 0, 9), said(0, 1, 5)])).toEqual([said(3, 1, 9)]);
  });

  it('stays bounded whatever an executor repeats', () => {
    const applied = simulate({ seed: 3, troubledSteps: 600 }).log.entries.find(
      ({ event }) => event.type === 'crucible.stop.applied.v1',
    ) as LogEntry;
    let record: StopRecord | undefined;
    for (let position = 1; position < appliedMax + 50; position += 1)
      record = reduceStop(record, { ...applied, position });
    expect(record?.applied.length).toBe(appliedMax);
  });
});
