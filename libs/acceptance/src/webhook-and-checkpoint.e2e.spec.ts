import { createHash } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { endOf, platformAnswer, submit } from './support/api.ts';
import { platform } from './support/facts.ts';
import { history } from './support/history.ts';
import { lastCheckpoint, readLog } from './support/log.ts';
import type { Received } from './support/receiver.ts';
import { sample, suiteOf } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

interface Announcement {
  readonly type: string;
  readonly data: { readonly evaluationId: string; readonly failure: boolean };
}
const announcementIn = ({ body }: Received): Announcement => JSON.parse(body) as Announcement;

/** Every request for one evaluation, once there are as many as wanted. */
const requestsFor = (evaluationId: string, wanted: number): Promise<Received[]> =>
  waitFor(`${wanted} webhooks for ${evaluationId}`, async () => {
    const all = (await (await fetch(`${platform().receiverUrl}/received`)).json()) as Received[];
    const own = all.filter((each) => announcementIn(each).data.evaluationId === evaluationId);
    return own.length >= wanted && own;
  });

const evaluate = async (source: string, name = 'announced'): Promise<string> => {
  const { id } = await submit({ suite: suiteOf([sample('announced', source)], { name }) });
  await endOf(id);
  return id;
};

const deliveryOf = (id: string) =>
  waitFor('the delivery in the log', async () =>
    (await history()).find(
      ({ event }) =>
        event.type.startsWith('crucible.delivery.') && 'deliveryId' in event.data && event.data.evaluationId === id,
    ),
  );

describe('the webhook', () => {
  it('comes signed for an evaluation that ended, and is in the log and the platform’s answer', async () => {
    const before = (await platformAnswer()).deliveries.succeeded;
    const id = await evaluate('print("hello")');
    const [received, ...more] = await requestsFor(id, 1);
    expect(more).toEqual([]);
    const { headers = {}, body = '' } = received ?? {};
    const verified = new Webhook(platform().webhookSecret).verify(body, headers);
    expect(verified).toMatchObject({
      type: 'crucible.evaluation.completed.v1',
      data: { evaluationId: id, status: 'completed', failure: false, score: 1, suite: { name: 'announced' } },
    });
    expect(() =>
      new Webhook(platform().webhookSecret).verify(body.replace('completed', 'cancelled'), headers),
    ).toThrow();

    const { event } = await deliveryOf(id);
    expect(event).toMatchObject({
      type: 'crucible.delivery.succeeded.v1',
      data: { deliveryId: headers['webhook-id'], status: 204 },
    });
    // The query of the address holds a key, which is for the receiver only.
    expect(JSON.stringify(event)).not.toContain('not-for-the-log');
    await waitFor('the delivery to be counted', async () => (await platformAnswer()).deliveries.succeeded > before);
  });

  it('says that a program failed', async () => {
    const id = await evaluate('raise SystemExit(1)');
    const [received] = await requestsFor(id, 1);
    expect(received && announcementIn(received).data.failure).toBe(true);
  });

  it('comes again under the same id when the receiver was not there', async () => {
    await fetch(`${platform().receiverUrl}/refuse?suite=refused&times=1`);
    const id = await evaluate('print("again")', 'refused');
    const attempts = await requestsFor(id, 2);
    expect(attempts.map(({ status }) => status)).toEqual([503, 204]);
    expect(new Set(attempts.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect((await deliveryOf(id)).event.data).toMatchObject({ attempts: 2 });
  });
});

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  parts.forEach((part) => hash.update(part));
  return hash.digest();
};

/** RFC 9162, section 2.1.1, as it is written: the tree's head by splitting at the largest power of two. */
const treeHead = (leaves: readonly Uint8Array[]): Buffer => {
  const [only] = leaves;
  if (only === undefined) return sha256();
  if (leaves.length === 1) return sha256(Uint8Array.of(0), only);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha256(Uint8Array.of(1), treeHead(leaves.slice(0, split)), treeHead(leaves.slice(split)));
};

describe('the checkpoint', () => {
  it('is the root over the log’s bytes as they are stored, and follows the log', async () => {
    const { position } = await submit({ suite: suiteOf([sample('sealed', 'print(1)')]) });
    const [origin, size, root] = await waitFor('a checkpoint over the submission', async () => {
      const lines = (await lastCheckpoint())?.split('\n');
      return lines !== undefined && Number(lines[1]) >= position && lines;
    });
    expect(origin).toMatch(/^\S+$/);
    const bodies = (await readLog()).map(({ body }) => body);
    expect(bodies.length).toBeGreaterThanOrEqual(Number(size));
    expect(root).toBe(treeHead(bodies.slice(0, Number(size))).toString('base64'));
  });
});
