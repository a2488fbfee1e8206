import type { EvaluationList } from '@crucible/api';
import { describe, expect, it } from 'vitest';
import { ApiClient, Refusal, Unreachable, explained } from './api-client.ts';
import { resolveId, shortId, submit } from './evaluations.ts';
import { foldMessage } from './follow.ts';
import { halfDone } from './testing.ts';

/** A client whose answers are given instead of fetched. */
const answering = (answer: (path: string, query: Record<string, unknown>) => unknown): ApiClient => {
  const client = new ApiClient({ url: 'http://127.0.0.1:1', token: 'secret' });
  const reply = (path: string, _schema: unknown, query: Record<string, unknown> = {}): Promise<unknown> =>
    Promise.resolve().then(() => answer(path, query));
  return Object.assign(client, {
    get: reply,
    post: (path: string, body: Record<string, unknown>) => reply(path, null, body),
  });
};

const listing = (...ids: readonly string[]): ApiClient =>
  answering((_, { cursor }) => {
    const at = Number(cursor ?? 0);
    const items = ids.slice(at, at + 2).map((id) => ({ id }));
    return { items, nextCursor: at + 2 < ids.length ? String(at + 2) : null, position: 1 } as unknown as EvaluationList;
  });

describe('an id', () => {
  const one = '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f';
  const other = '019ab3f0-9999-7a42-9d3e-2f6b8c0d1e2f';
  const third = '4e4cefab-1360-82a1-a602-f9f4c3b7ef30';

  it('is found by its beginning, on whatever page it is', async () => {
    const client = listing(one, other, third);
    expect(await resolveId(client, '4e4c')).toBe(third);
    expect(await resolveId(client, shortId(other).toUpperCase())).toBe(other);
  });

  it('is taken as it is when it is whole', async () => {
    expect(await resolveId(listing(), one)).toBe(one);
  });

  it('is asked for again when it is not clear', async () => {
    await expect(resolveId(listing(one, other), '019ab3f0')).rejects.toThrow(/more than one.*\n.*5c1e.*\n.*9999/);
    await expect(resolveId(listing(one), 'ffff')).rejects.toThrow('no evaluation id begins with ffff');
    await expect(resolveId(listing(one), '01')).rejects.toThrow('at least its first 4 characters');
    await expect(resolveId(listing(one), '../../x')).rejects.toThrow('not an evaluation id');
  });
});

describe('submitting', () => {
  const request = { suite: { name: 'x' } };

  it('asks again when there was no answer, with the same key', async () => {
    let asked = 0;
    const client = answering(() => {
      asked += 1;
      if (asked < 3) throw new Unreachable('no answer');
      return { id: 'x', position: 1, url: '/' };
    });
    await submit(client, request, 'key', () => Promise.resolve());
    expect(asked).toBe(3);
  });

  it('takes a no for a no', async () => {
    let asked = 0;
    const client = answering(() => {
      asked += 1;
      throw new Refusal(422, { type: 'x', title: 'no', status: 422 });
    });
    await expect(submit(client, request, 'key', () => Promise.resolve())).rejects.toThrow('no');
    expect(asked).toBe(1);
  });
});

describe('a failure of the client', () => {
  it('becomes a verb’s failure with the right exit code', () => {
    const refusal = (status: number, type = 'x'): unknown =>
      explained(new Refusal(status, { type, title: 'why', status }));
    expect(refusal(404)).toHaveProperty('name', 'UsageFailure');
    expect(refusal(401)).toHaveProperty('name', 'UsageFailure');
    expect(refusal(409)).toHaveProperty('name', 'Error');
    expect(refusal(409, 'urn:crucible:problem:beyond-the-log')).toHaveProperty('name', 'UsageFailure');
    expect(explained(new Unreachable('gone'))).toHaveProperty('name', 'PlatformFailure');
    const other = new TypeError('bug');
    expect(explained(other)).toBe(other);
  });

  it('names every wrong field', () => {
    const problem = {
      type: 'x',
      title: 'bad',
      status: 400,
      detail: 'does not fit',
      errors: [{ pointer: '/suite/name', detail: 'is missing' }],
    };
    expect(new Refusal(400, problem).message).toBe('does not fit\n  /suite/name: is missing');
  });
});

describe('a message of the stream', () => {
  const { events } = halfDone();
  const page = halfDone().page(3);
  const message = (index: number) => ({
    event: 'event',
    id: String(events[index]?.position),
    data: JSON.stringify(events[index]?.event),
  });

  it('is folded once', () => {
    const next = foldMessage(page, message(3));
    expect(next?.position).toBe(events[3]?.position);
    expect(foldMessage(next, message(3))).toBe(next);
    expect(foldMessage(next, message(2))).toBe(next);
  });

  it('that is unknown or unreadable changes nothing', () => {
    expect(foldMessage(page, { event: 'news', id: '99', data: '{}' })).toBe(page);
    expect(foldMessage(page, { event: 'event', id: '99', data: '{"type":"crucible.evaluation.praised.v9"}' })).toBe(
      page,
    );
    expect(foldMessage(page, { ...message(3), id: 'NaN' })).toBe(page);
    expect(foldMessage(undefined, message(3))).toBeUndefined();
  });

  it('that is an older snapshot does not turn time back', () => {
    const { evaluation, position } = halfDone().page(1);
    const older = {
      event: 'snapshot',
      id: String(position),
      data: JSON.stringify({ evaluation, trials: [], position }),
    };
    expect(foldMessage(page, older)).toBe(page);
    expect(foldMessage(undefined, older)?.position).toBe(position);
  });
});
