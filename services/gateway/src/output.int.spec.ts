import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { outputChunkSchema, outputPageSchema } from '@crucible/api';
import type { EvaluationId, TrialId } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SseMessage } from './testing/ask.ts';
import { TestGateway } from './testing/gateway.ts';

const trialId = '0-1-1' as TrialId;
/** What a program may print to harm whoever looks: no text at all, terminal commands, markup, a name for a file. */
const hostile = [
  randomBytes(500),
  Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28, 0xed, 0xa0, 0x80]),
  Buffer.from('\u001b]0;owned\u0007\u001b[2J\u202e\r\n\n\nevent: end\ndata: {}\n\n'),
  Buffer.from('<script>alert(1)</script></textarea>"\r\nContent-Type: text/html\r\n\r\n'),
  Buffer.from('plain\n'),
];

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start(process.env['CRUCIBLE_TEST_DATABASE_URL']);
});
afterAll(() => gateway?.stop());

/** An evaluation whose one trial runs. */
const running = async (): Promise<EvaluationId> => {
  const { id } = await gateway.submit();
  await gateway.dispatch(id);
  await gateway.reached(id, await gateway.begin(id));
  return id;
};
let printed = 0;
const print = (
  evaluationId: EvaluationId,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>> = { 'crucible-stream': 'stdout', 'crucible-at-ms': '5' },
): Promise<void> =>
  gateway.evidence.append({ evaluationId, trialId, channel: 'output' }, `chunk-${(printed += 1)}`, headers, bytes);
const pathOf = (id: EvaluationId): string => `/api/v1/evaluations/${id}/trials/${trialId}/output`;
const bytesOf = (messages: readonly SseMessage[]): Buffer =>
  Buffer.concat(
    messages
      .filter(({ event }) => event === 'chunk')
      .map(({ data }) => Buffer.from(outputChunkSchema.parse(JSON.parse(data)).base64, 'base64')),
  );

describe('output in pages', () => {
  it('is byte for byte what was printed, with its stream and time', async () => {
    const id = await running();
    for (const bytes of hostile) await print(id, bytes);
    await print(id, Buffer.from('oops'), { 'crucible-stream': 'stderr', 'crucible-at-ms': '17' });
    const page = outputPageSchema.parse((await gateway.ask(pathOf(id))).json);
    expect(page).toMatchObject({ next: null, complete: false });
    expect(page.chunks.map(({ base64 }) => Buffer.from(base64, 'base64'))).toEqual([...hostile, Buffer.from('oops')]);
    expect(page.chunks.at(-1)).toMatchObject({ stream: 'stderr', atMs: 17 });
  });

  it('goes on where the page before ended, and says when no more will come', async () => {
    const id = await running();
    for (let index = 0; index < 125; index += 1) await print(id, Buffer.from(`${index},`));
    await gateway.reached(id, await gateway.finish(id));
    let text = '';
    let pages = 0;
    for (let after: number | null = 0; after !== null; pages += 1) {
      const page = outputPageSchema.parse((await gateway.ask(`${pathOf(id)}?after=${after}&limit=60`)).json);
      text += page.chunks.map(({ base64 }) => Buffer.from(base64, 'base64').toString()).join('');
      expect(page.complete).toBe(true);
      after = page.next;
    }
    expect(pages).toBe(3);
    expect(text).toBe(Array.from({ length: 125 }, (_, index) => `${index},`).join(''));
  });

  it('ends a page when it has enough bytes, whatever was asked for', async () => {
    const id = await running();
    for (let index = 0; index < 150; index += 1) await print(id, Buffer.alloc(64 * 1024, index));
    const answer = await gateway.ask(`${pathOf(id)}?limit=1000`);
    const page = outputPageSchema.parse(answer.json);
    expect(page.chunks.length).toBe(100);
    expect(answer.bytes.byteLength).toBeLessThan(10 * 1024 ** 2);
    const rest = outputPageSchema.parse((await gateway.ask(`${pathOf(id)}?limit=1000&after=${page.next}`)).json);
    expect(rest).toMatchObject({ next: null, chunks: { length: 50 } });
  });

  it('makes the best of headers that a foreign writer got wrong', async () => {
    const id = await running();
    for (const headers of [{}, { 'crucible-stream': '<b>', 'crucible-at-ms': 'NaN' }, { 'crucible-at-ms': '-1e99' }])
      await print(id, Buffer.from('x'), headers);
    const page = outputPageSchema.parse((await gateway.ask(pathOf(id))).json);
    expect(page.chunks.map(({ stream, atMs }) => [stream, atMs])).toEqual([
      ['stdout', 0],
      ['stdout', 0],
      ['stdout', 0],
    ]);
  });
});

describe('output as a file', () => {
  it('is byte for byte what was printed, and never a page', async () => {
    const id = await running();
    for (const bytes of hostile) await print(id, bytes);
    const answer = await gateway.ask(`${pathOf(id)}.txt`);
    expect(answer.bytes).toEqual(Buffer.concat(hostile));
    expect(answer.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-disposition': 'attachment; filename="trial-0-1-1-output.txt"',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    });
  });

  it('may be empty, and may be large', async () => {
    const id = await running();
    expect((await gateway.ask(`${pathOf(id)}.txt`)).bytes.byteLength).toBe(0);
    const piece = randomBytes(64 * 1024);
    for (let index = 0; index < 200; index += 1) await print(id, piece);
    expect((await gateway.ask(`${pathOf(id)}.txt`)).bytes.equals(Buffer.concat(Array(200).fill(piece)))).toBe(true);
  });
});

describe('output as it comes', () => {
  it('is streamed chunk by chunk and ends with the trial', async () => {
    const id = await running();
    await print(id, hostile[0] as Buffer);
    const reader = await gateway.stream(`${pathOf(id)}/stream`);
    for (const bytes of hostile.slice(1)) await print(id, bytes);
    await reader.until((messages) => messages.length === hostile.length);
    await gateway.finish(id);
    await reader.until((messages) => messages.at(-1)?.event === 'end');
    await reader.untilClosed();
    expect(bytesOf(reader.messages)).toEqual(Buffer.concat(hostile));
    expect(reader.messages.length).toBe(hostile.length + 1);
  });

  it('of a trial that is over comes whole and ends', async () => {
    const id = await running();
    for (let index = 0; index < 120; index += 1) await print(id, Buffer.from(`${index},`));
    await gateway.reached(id, await gateway.finish(id));
    const reader = await gateway.stream(`${pathOf(id)}/stream`);
    await reader.untilClosed();
    expect(reader.messages.length).toBe(121);
    expect(reader.messages.at(-1)?.event).toBe('end');
  });

  it('resumes behind the last chunk a client had, without a gap or a repeat, while more is printed', async () => {
    const id = await running();
    const pieces = Array.from({ length: 300 }, (_, index) => Buffer.from(`${index},`));
    const printing = (async () => {
      for (const piece of pieces) await print(id, piece);
      await gateway.finish(id);
    })();
    const received: SseMessage[] = [];
    while (received.at(-1)?.event !== 'end') {
      const last = received.at(-1)?.id;
      const reader = await gateway.stream(`${pathOf(id)}/stream`, last === undefined ? {} : { 'last-event-id': last });
      await sleep(Math.random() * 40);
      received.push(...reader.messages);
      reader.close();
    }
    await printing;
    expect(bytesOf(received).toString()).toBe(pieces.join(''));
  });

  it('ends whenever the trial ends, also just as the stream begins', async () => {
    const ids = await Promise.all(Array.from({ length: 25 }, running));
    const readers = await Promise.all(
      ids.map(async (id) => {
        await print(id, Buffer.from('x'));
        const [reader] = await Promise.all([
          sleep(Math.random() * 20).then(() => gateway.stream(`${pathOf(id)}/stream`)),
          sleep(Math.random() * 20).then(() => gateway.finish(id)),
        ]);
        return reader;
      }),
    );
    await Promise.all(readers.map((reader) => reader.untilClosed()));
    for (const reader of readers) expect(reader.messages.map(({ event }) => event)).toEqual(['chunk', 'end']);
  });
});
