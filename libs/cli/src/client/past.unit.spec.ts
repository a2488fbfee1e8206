import type { HistoryPage } from '@crucible/api';
import { describe, expect, it } from 'vitest';
import type { ApiClient } from './api-client.ts';
import { historyOf } from './past.ts';
import type { PastEvent } from './past.ts';
import { evaluationId, halfDone } from './testing.ts';

const { events } = halfDone();
const items = events.map(({ position, event }) => ({ position, event: event as unknown as Record<string, unknown> }));

/** A platform that gives pages of three events. */
const client = (asked: unknown[]): ApiClient =>
  ({
    get: (path: string, _schema: unknown, { after }: { after: number }): Promise<HistoryPage> => {
      asked.push([path, after]);
      const rest = items.filter(({ position }) => position > after);
      const page = rest.slice(0, 3);
      const next = rest.length > 3 ? (page.at(-1)?.position ?? null) : null;
      return Promise.resolve({ items: page, next, position: 99 });
    },
  }) as unknown as ApiClient;

describe('the history of an evaluation', () => {
  it('is read page by page, each event once, and no page before it is needed', async () => {
    const asked: unknown[] = [];
    const read: PastEvent[] = [];
    for await (const entry of historyOf(client(asked), evaluationId)) {
      read.push(entry);
      if (read.length === 2) expect(asked.length).toBe(1);
    }
    expect(read).toEqual(events);
    expect(asked.length).toBe(Math.ceil(events.length / 3));
    expect(asked[0]).toEqual([`/api/v1/evaluations/${evaluationId}/events`, 0]);
  });

  it('has null for what this program cannot read, too', async () => {
    const strange: HistoryPage = {
      items: [
        { position: 1, event: null },
        { position: 2, event: { type: 'crucible.later.invented.v9' } },
      ],
      next: null,
      position: 2,
    };
    const other = { get: () => Promise.resolve(strange) } as unknown as ApiClient;
    const read: PastEvent[] = [];
    for await (const entry of historyOf(other, evaluationId)) read.push(entry);
    expect(read).toEqual([
      { position: 1, event: null },
      { position: 2, event: null },
    ]);
  });
});
