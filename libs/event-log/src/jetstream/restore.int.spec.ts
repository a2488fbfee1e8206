import { createHash } from 'node:crypto';
import { subjects, trialIdSchema } from '@crucible/events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { newEvaluationId } from '../event-log.contract.ts';
import type { EvidencePlace } from '../port.ts';
import { TestNatsServer } from '../testing/index.ts';
import type { Bus } from './connection.ts';
import { JetStreamContent } from './content.ts';
import { JetStreamEventLog } from './event-log.ts';
import { JetStreamEvidence } from './evidence.ts';
import { JetStreamRestore, RestoreRefused } from './restore.ts';
import type { MessageToRestore } from './restore.ts';

let server: TestNatsServer;
let bus: Bus;
beforeEach(async () => {
  server = await TestNatsServer.start();
  bus = await server.bus('test');
});
afterEach(() => server.stop());

const message = (position: number, messageId: string | null = `id-${position}`): MessageToRestore => ({
  position,
  subject: subjects.evaluation(newEvaluationId()),
  messageId,
  body: position % 3 === 0 ? Uint8Array.of(0xff, 0x00, position % 256) : Buffer.from(`{"n":${position}}`),
});

const stored = async (position: number): Promise<MessageToRestore> => {
  const { seq, subject, data, header } = await bus.jsm.streams.getMessage('EVENTS', { seq: position });
  return { position: seq, subject, messageId: header.get('Nats-Msg-Id') || null, body: Buffer.from(data) };
};

it('gives every message its place, subject, id and bytes, whatever they are', async () => {
  const messages = Array.from({ length: 1_000 }, (_, index) => message(index + 1, index % 7 === 0 ? null : undefined));
  const restore = await JetStreamRestore.begin(bus);
  for (const each of messages) await restore.event(each);
  await restore.end();
  expect(await new JetStreamEventLog(bus).head()).toBe(1_000);
  for (const position of [1, 2, 3, 500, 999, 1_000]) {
    const { body, ...rest } = messages[position - 1] as MessageToRestore;
    expect(await stored(position)).toEqual({ ...rest, body: Buffer.from(body) });
  }
});

it('takes two messages with one id for two, as they are in a log where they were far apart', async () => {
  const restore = await JetStreamRestore.begin(bus);
  for (const each of [message(1, 'same'), message(2, 'same'), message(3)]) await restore.event(each);
  await restore.end();
  expect((await stored(2)).messageId).toBe('same');
  const { config } = await bus.jsm.streams.info('EVENTS');
  expect(config.duplicate_window).toBe(120_000_000_000);
});

it('gives evidence and contents back', async () => {
  const restore = await JetStreamRestore.begin(bus);
  const place: EvidencePlace = {
    evaluationId: newEvaluationId(),
    trialId: trialIdSchema.parse('0-1-1'),
    channel: 'output',
  };
  const headers = { 'crucible-stream': 'stderr', 'nats-msg-id': 'e-1', 'nats-expected-stream': 'OTHER' };
  await restore.evidence(place, { sequence: 7, headers, body: Uint8Array.of(1, 2) });
  const orders = { 'Nats-Expected-Stream': 'OTHER', 'Nats-Rollup': 'all', 'Nats-Msg-Id': 'e-1' };
  await restore.evidence(place, { sequence: 8, headers: orders, body: Uint8Array.of(3) });
  const bytes = Buffer.from('{"kind":"Suite"}');
  const digest = createHash('sha256').update(bytes).digest('hex');
  await restore.content(digest, bytes);
  await restore.end();
  const [chunk, second] = await new JetStreamEvidence(bus).read(place, 0, 9);
  expect([...(second?.body ?? [])]).toEqual([3]);
  expect(chunk?.headers).toMatchObject({ 'crucible-stream': 'stderr', 'nats-msg-id': 'e-1' });
  expect([...(chunk?.body ?? [])]).toEqual([1, 2]);
  expect(Buffer.from(await new JetStreamContent(bus).get(digest))).toEqual(bytes);
  await expect(restore.content('00'.repeat(32), bytes)).rejects.toBeInstanceOf(RestoreRefused);
});

it.each([
  '$JS.API.STREAM.DELETE.EVIDENCE',
  'crucible.events.>',
  'crucible.events.a b',
  'crucible.events',
  'crucible.evidence.x',
])('writes nothing under %s', async (subject) => {
  const restore = await JetStreamRestore.begin(bus);
  await expect(restore.event({ ...message(1), subject })).rejects.toBeInstanceOf(RestoreRefused);
  expect(await new JetStreamEventLog(bus).head()).toBe(0);
});

it('refuses a log that is not empty, and a message that gets another place', async () => {
  const restore = await JetStreamRestore.begin(bus);
  await restore.event(message(2));
  await expect(restore.end()).rejects.toBeInstanceOf(RestoreRefused);
  await expect(JetStreamRestore.begin(bus)).rejects.toBeInstanceOf(RestoreRefused);
});
