import { createHash } from 'node:crypto';
import { trialIdSchema } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newEvaluationId } from '../event-log.contract.ts';
import { ContentCorrupt, ContentMissing } from '../port.ts';
import type { EvidenceChunk, EvidencePlace } from '../port.ts';
import { TestNatsServer } from '../testing/index.ts';
import { JetStreamCheckpoints } from './checkpoints.ts';
import type { Bus } from './connection.ts';
import { JetStreamContent } from './content.ts';
import { JetStreamEvidence } from './evidence.ts';

let server: TestNatsServer;
let bus: Bus;
beforeAll(async () => {
  server = await TestNatsServer.start();
  bus = await server.bus('test');
});
afterAll(() => server.stop());

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const bytesOf = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, index) => (index * 7) % 256);

describe('evidence', () => {
  const place = (channel: EvidencePlace['channel'] = 'output'): EvidencePlace => ({
    evaluationId: newEvaluationId(),
    trialId: trialIdSchema.parse('0-1-1'),
    channel,
  });
  const put = async (evidence: JetStreamEvidence, at: EvidencePlace, from: number, count: number): Promise<void> => {
    for (let index = from; index < from + count; index += 1) {
      await evidence.append(
        at,
        `${at.evaluationId}.${at.channel}.${index}`,
        { Stream: 'stdout' },
        Uint8Array.of(index),
      );
    }
  };
  const numbers = (chunks: readonly EvidenceChunk[]): (number | undefined)[] => chunks.map(({ body }) => body[0]);

  it('reads pages of one channel of one trial in order', async () => {
    const evidence = new JetStreamEvidence(bus);
    const at = place();
    await put(evidence, at, 0, 3);
    await put(evidence, { ...at, channel: 'kernel' }, 100, 2);
    await put(evidence, place(), 200, 1);
    await put(evidence, at, 3, 2);
    const page = await evidence.read(at, 0, 4);
    expect(numbers(page)).toEqual([0, 1, 2, 3]);
    expect(page[0]?.headers).toMatchObject({ stream: 'stdout' });
    expect(numbers(await evidence.read(at, page.at(-1)?.sequence ?? 0, 4))).toEqual([4]);
    expect(await evidence.read(place(), 0, 4)).toEqual([]);
  });

  it('stores a chunk once that is sent twice', async () => {
    const evidence = new JetStreamEvidence(bus);
    const at = place();
    await put(evidence, at, 0, 2);
    await put(evidence, at, 0, 2);
    expect(numbers(await evidence.read(at, 0, 10))).toEqual([0, 1]);
  });

  it('keeps any bytes as they are', async () => {
    const evidence = new JetStreamEvidence(bus);
    const at = place();
    const bodies = [new Uint8Array(), bytesOf(200_000), Uint8Array.of(0xff, 0x00, 0x1b)];
    for (const [index, body] of bodies.entries()) await evidence.append(at, `${at.evaluationId}.${index}`, {}, body);
    const chunks = await evidence.read(at, 0, 10);
    expect(chunks.map(({ body }) => sha256(body))).toEqual(bodies.map(sha256));
  });

  it('follows from where a reader stopped, also what comes later', async () => {
    const evidence = new JetStreamEvidence(bus);
    const at = place();
    await put(evidence, at, 0, 3);
    const [first] = await evidence.read(at, 0, 1);
    const stop = new AbortController();
    const followed: EvidenceChunk[] = [];
    const later = put(evidence, at, 3, 2);
    for await (const chunk of evidence.follow(at, first?.sequence ?? 0, stop.signal)) {
      followed.push(chunk);
      if (followed.length === 4) stop.abort();
    }
    await later;
    expect(numbers(followed)).toEqual([1, 2, 3, 4]);
  });
});

describe('content', () => {
  it('gives back what was put, under its digest', async () => {
    const content = new JetStreamContent(bus);
    for (const bytes of [bytesOf(1), bytesOf(300_000), Buffer.from('{"kind":"Suite"}')]) {
      const digest = await content.put(bytes);
      expect(digest).toBe(sha256(bytes));
      expect(sha256(await content.get(digest))).toBe(digest);
    }
  });

  it('stores the same bytes once', async () => {
    const content = new JetStreamContent(bus);
    const bytes = bytesOf(50_000);
    const digests = await Promise.all([content.put(bytes), content.put(bytes), new JetStreamContent(bus).put(bytes)]);
    const size = async () => (await bus.jsm.streams.info('OBJ_CONTENT')).state.bytes;
    const before = await size();
    await content.put(bytes);
    expect(await size()).toBe(before);
    expect(new Set(digests).size).toBe(1);
    expect(sha256(await content.get(sha256(bytes)))).toBe(sha256(bytes));
  });

  it('names what is missing', async () => {
    await expect(new JetStreamContent(bus).get('00'.repeat(32))).rejects.toBeInstanceOf(ContentMissing);
  });

  it('refuses what is not what its name says', async () => {
    const digest = sha256(Buffer.from('what it should be'));
    const store = await bus.js.views.os('CONTENT');
    await store.putBlob({ name: digest }, Buffer.from('what somebody made of it'));
    await expect(new JetStreamContent(bus).get(digest)).rejects.toBeInstanceOf(ContentCorrupt);
  });
});

describe('checkpoints', () => {
  it('are none at first, and then the last one', async () => {
    const checkpoints = new JetStreamCheckpoints(bus);
    expect(await checkpoints.last()).toBeNull();
    await checkpoints.append('one\n');
    await checkpoints.append('two\n\u2014 signed\n');
    expect(await checkpoints.last()).toBe('two\n\u2014 signed\n');
  });

  it('cannot be deleted or purged, nor can events', async () => {
    await new JetStreamCheckpoints(bus).append('kept\n');
    for (const stream of ['CHECKPOINTS', 'EVENTS']) {
      await expect(bus.jsm.streams.deleteMessage(stream, 1)).rejects.toThrow();
      await expect(bus.jsm.streams.purge(stream)).rejects.toThrow();
    }
  });
});
