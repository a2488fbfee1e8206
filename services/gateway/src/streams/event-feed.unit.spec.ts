import { EventEmitter } from 'node:events';
import { randomUUID } from 'node:crypto';
import { InMemoryEventLog } from '@crucible/event-log';
import type { StoredEvent } from '@crucible/event-log';
import { evaluationIdSchema, subjects } from '@crucible/events';
import type { NewEvent } from '@crucible/events';
import type { WrittenAudience } from '@crucible/read-model';
import type { FastifyReply } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LivePosition } from '../projection/live-position.ts';
import { EventFeed } from './event-feed.ts';
import { SseStream } from './sse.ts';
import { StopAudiences } from './stop-audiences.ts';

/** A connection whose other side reads when it is told to. */
class FakeResponse extends EventEmitter {
  written = '';
  writableLength = 0;
  writableEnded = false;
  destroyed = false;
  readonly highWaterMark = 16 * 1024;

  get writableNeedDrain(): boolean {
    return this.writableLength > this.highWaterMark;
  }
  writeHead(): void {}
  write(text: string): void {
    this.written += text;
    this.writableLength += text.length;
  }
  /** The other side reads all there is. */
  read(): void {
    this.writableLength = 0;
    this.emit('drain');
  }
  end(): void {
    this.writableEnded = true;
    this.emit('close');
  }
  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
}

const id = evaluationIdSchema.parse('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
const view = { evaluationId: id, team: 'default' };
let raw: FakeResponse;
let stream: SseStream;
let log: InMemoryEventLog;
let live: LivePosition;
let feed: EventFeed;
let stops: StopAudiences;
/** What the read model knows of stops. */
let audiences: Map<string, WrittenAudience>;

beforeEach(() => {
  vi.useFakeTimers();
  raw = new FakeResponse();
  stream = new SseStream({ raw, hijack: () => undefined } as unknown as FastifyReply);
  log = new InMemoryEventLog({ now: () => 0, newId: () => randomUUID() });
  live = new LivePosition();
  audiences = new Map();
  stops = new StopAudiences({ stopAudiences: () => Promise.resolve(audiences) });
  feed = new EventFeed(live, log, stops);
});
afterEach(() => {
  stream.cut();
  vi.useRealTimers();
});

/** Appends events of the evaluation and lets them reach the read model. */
const happen = async (count: number, reasonChars = 10): Promise<void> => {
  const origin = { source: 'test', team: 'default', actor: 'user:test', correlationId: id };
  const from = (await log.head()) + 1;
  for (let index = 0; index < count; index += 1) {
    const event = {
      type: 'crucible.evaluation.cancel-requested.v1',
      data: { evaluationId: id, reason: 'x'.repeat(reasonChars) },
    } as const;
    await log.append({ subject: subjects.evaluation(id), event, origin });
  }
  const { events } = await log.readSubject(subjects.evaluation(id), from);
  live.advance(events as StoredEvent[], await log.head());
};
const ids = (): number[] => [...raw.written.matchAll(/^id: (\d+)$/gm)].map(([, position]) => Number(position));
const snapshotAt = (position: number) => () => Promise.resolve({ position, json: '{}' });

describe('an event stream', () => {
  it('shows a sign of life every quarter of a minute, and stops with its client', () => {
    vi.advanceTimersByTime(45_000);
    expect(raw.written.match(/^: heartbeat$/gm)).toHaveLength(3);
    raw.destroy();
    expect(stream.signal.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('adds no sign of life to what lies unread', () => {
    stream.write('x'.repeat(100_000));
    vi.advanceTimersByTime(60_000);
    expect(raw.written).not.toContain('heartbeat');
    expect(raw.destroyed).toBe(false);
  });

  it('lets one large message through and cuts off who leaves it unread when more comes', () => {
    stream.write('x'.repeat(30_000_000));
    expect(raw.destroyed).toBe(false);
    stream.write('more');
    expect(raw.destroyed).toBe(true);
  });

  it('waits a minute for its reader, and no longer', async () => {
    stream.write('x'.repeat(100_000));
    const drained = stream.drained();
    await vi.advanceTimersByTimeAsync(59_000);
    raw.read();
    await drained;
    expect(raw.destroyed).toBe(false);
    stream.write('x'.repeat(100_000));
    const never = stream.drained();
    await vi.advanceTimersByTimeAsync(60_000);
    await never;
    expect(raw.destroyed).toBe(true);
    expect(raw.listenerCount('drain')).toBe(0);
  });

  it('drops what is written to a client that has gone', () => {
    raw.destroy();
    const before = raw.written;
    stream.write('late');
    expect(raw.written).toBe(before);
  });
});

describe('the feed', () => {
  it('sends what happened while the snapshot was read behind it, once', async () => {
    await happen(3);
    const snapshot = Promise.withResolvers<{ position: number; json: string }>();
    const following = feed.follow(stream, view, undefined, () => snapshot.promise);
    await happen(4);
    snapshot.resolve({ position: 5, json: '{}' });
    await following;
    await happen(1);
    expect(ids()).toEqual([5, 6, 7, 8]);
  });

  it('sends a batch that is delivered twice once', async () => {
    await feed.follow(stream, view, undefined, snapshotAt(0));
    await happen(3);
    const { events } = await log.readSubject(subjects.evaluation(id));
    live.advance(events, 3);
    expect(ids()).toEqual([0, 1, 2, 3]);
  });

  it('replays what a client missed, and then goes on', async () => {
    await happen(10);
    const following = feed.follow(stream, view, 4, snapshotAt(10));
    await happen(2);
    await following;
    await happen(1);
    expect(ids()).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13]);
  });

  it('gives a snapshot where a replay would be too long, or the client knows more than we do', async () => {
    live.begin(60_000, 60_000);
    await feed.follow(stream, view, 1, snapshotAt(60_000));
    expect(raw.written).toContain('event: snapshot');
    raw.written = '';
    await feed.follow(stream, view, 70_000, snapshotAt(60_000));
    expect(raw.written).toContain('event: snapshot');
  });

  it('cuts off a client that reads nothing of its snapshot while the world goes on', async () => {
    const following = feed.follow(stream, view, undefined, () =>
      Promise.resolve({ position: 0, json: 'x'.repeat(100_000) }),
    );
    await vi.advanceTimersByTimeAsync(0);
    await happen(9_000);
    expect(raw.destroyed).toBe(false);
    await happen(2_000);
    expect(raw.destroyed).toBe(true);
    await following;
    const before = raw.written.length;
    await happen(10);
    expect(raw.written.length).toBe(before);
  });

  it('cuts off a client that reads nothing of its replay within a minute', async () => {
    await happen(500, 1_000);
    const following = feed.follow(stream, view, 0, snapshotAt(0));
    await vi.advanceTimersByTimeAsync(61_000);
    await following;
    expect(raw.destroyed).toBe(true);
  });
});

describe('what is said of emergency stops', () => {
  const stopId = '019ab3f2-0a4d-7c51-8e2f-3b4c5d6e7f80';
  const engaged: NewEvent = {
    type: 'crucible.stop.engaged.v1',
    data: { stopId, scope: { kind: 'team', team: 'mine' }, reason: 'r' },
  };
  const released: NewEvent = { type: 'crucible.stop.released.v1', data: { stopId, reason: 'r' } };
  const applied: NewEvent = {
    type: 'crucible.stop.applied.v1',
    data: { stopId, executorId: 'e', killed: 0, unconfirmed: 0, latencyMs: 0 },
  };
  /** Appends one event as the platform does and lets it reach the read model, which knows the stop once it is engaged. */
  const say = async (event: NewEvent): Promise<number> => {
    const subject = subjects.platform(event.type === 'crucible.stop.applied.v1' ? 'executor' : 'stop');
    const origin = { source: 'test', team: 'default', actor: 'user:test', correlationId: stopId };
    const result = await log.append({ subject, event, origin });
    if (!result.ok) throw new Error(result.failure);
    const { position } = result;
    if (event === engaged)
      audiences.set(stopId, { scope: engaged.data.scope, teams: ['mine', 'default'], from: position });
    const { events } = await log.readSubject(subject, position);
    await stops.learn(events);
    live.advance(events, position);
    return position;
  };
  const viewers = [
    [{ team: 'mine' }, [2, 3, 4]],
    [{ team: 'default' }, [2, 3, 4]],
    [{ team: 'other' }, []],
    [{ team: 'mine', evaluationId: id }, [2, 3, 4]],
    [{ team: 'default', evaluationId: id }, []],
  ] as const;

  it.each(viewers)('reaches %o live as far as the stop is for it: %o', async (viewer, seen) => {
    await feed.follow(stream, viewer, undefined, snapshotAt(0));
    for (const event of [applied, engaged, applied, released]) await say(event);
    expect(ids()).toEqual([0, ...seen]);
  });

  it.each(viewers)('reaches %o alike when it comes later: %o', async (viewer, seen) => {
    for (const event of [applied, engaged, applied, released]) await say(event);
    const replayed = feed.follow(stream, viewer, 0, snapshotAt(0));
    await vi.advanceTimersByTimeAsync(0);
    await replayed;
    expect(ids()).toEqual(seen);
    raw.written = '';
    const fromTheRelease = feed.follow(stream, viewer, 3, snapshotAt(0));
    await vi.advanceTimersByTimeAsync(0);
    await fromTheRelease;
    expect(ids()).toEqual(seen.filter((position) => position > 3));
  });

  it('reaches nobody while whom it is for cannot be found out', async () => {
    await feed.follow(stream, { team: 'mine' }, undefined, snapshotAt(0));
    const away = new StopAudiences({ stopAudiences: () => Promise.reject(new Error('the database is away')) });
    await say(applied);
    const { events } = await log.readSubject(subjects.platform('executor'));
    await expect(away.learn(events)).rejects.toThrow('away');
    expect(away.sees({ team: 'mine' }, events[0] as StoredEvent)).toBe(false);
    expect(ids()).toEqual([0]);
  });
});
