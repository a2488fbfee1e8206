import type { EventList, EventSummary } from '@crucible/api';
import { describe, expect, it } from 'vitest';
import { Refusal, Unreachable } from './api-client.ts';
import type { ApiClient } from './api-client.ts';
import { followEvents } from './follow-events.ts';
import { followLine } from './event-text.ts';
import { bare } from './text.ts';

const summary = (position: number): EventSummary => ({
  position,
  id: null,
  type: 'crucible.trial.started.v2',
  subject: 's',
  time: '2026-01-01T00:00:00.000Z',
  actor: 'service:\u001b[2Jx',
  team: 'default',
  evaluationId: null,
  trialId: null,
});
const list = (positions: readonly number[], position: number): EventList => ({
  items: positions.map(summary),
  position,
});
const still = new Refusal(409, { type: 'x', title: 'not reached', status: 409 });

/** Follows a platform that gives these answers one after the other, and then nothing more. */
const follow = async (answers: readonly (EventList | Error)[]) => {
  const stopping = new AbortController();
  const asked: unknown[] = [];
  const seen: number[] = [];
  const troubles: string[] = [];
  const client = {
    get: (_path: string, _schema: unknown, query: Record<string, unknown>) => {
      const answer = answers[asked.length];
      asked.push([query['after'], query['position'], query['type']]);
      if (answer === undefined) stopping.abort();
      return answer === undefined || answer instanceof Error
        ? Promise.reject(answer ?? still)
        : Promise.resolve(answer);
    },
  } as unknown as ApiClient;
  const following = followEvents(
    client,
    { type: 'crucible.trial.*', limit: 5 },
    {
      after: 10,
      signal: stopping.signal,
      pause: () => Promise.resolve(),
      onEvents: (events) => seen.push(...events.map(({ position }) => position)),
      onTrouble: (message) => troubles.push(message),
    },
  );
  return following.then(() => ({ asked, seen, troubles }));
};

describe('following the log', () => {
  it('asks behind what it has seen, also where nothing was let through', async () => {
    const { asked, seen } = await follow([list([11, 13], 14), still, list([], 20), list([21], 21)]);
    expect(seen).toEqual([11, 13, 21]);
    expect(asked).toEqual([10, 14, 14, 20, 21].map((after) => [after, after + 1, 'crucible.trial.*']));
  });

  it('leaves nothing out of a page that is full', async () => {
    const full = Array.from({ length: 1_000 }, (_, index) => 11 + index);
    const { asked, seen } = await follow([list(full, 5_000), list([1_011], 5_000)]);
    expect(seen).toEqual([...full, 1_011]);
    expect(asked).toEqual([10, 1_010, 5_000].map((after) => [after, after + 1, 'crucible.trial.*']));
  });

  it('goes on after the platform was away, and says so', async () => {
    const down = new Refusal(503, { type: 'x', title: 'down', status: 503 });
    const { seen, troubles } = await follow([new Unreachable('gone'), down, list([11], 11)]);
    expect(seen).toEqual([11]);
    expect(troubles).toEqual(['gone', 'down']);
  });

  it('ends with what the platform refuses', async () => {
    const refused = new Refusal(400, { type: 'x', title: 'no such field', status: 400 });
    await expect(follow([list([11], 11), refused])).rejects.toBe(refused);
  });

  it('prints lines whose columns stay, and that are harmless', () => {
    const lines = [followLine(), followLine(summary(7)), followLine({ ...summary(123_456), type: null })].map(bare);
    expect(lines[1]?.indexOf('trial.started')).toBe(lines[0]?.indexOf('type'));
    expect(lines[2]?.indexOf('unreadable')).toBe(lines[0]?.indexOf('type'));
    expect(followLine(summary(7))).not.toContain('\u001b[2J');
  });
});
