import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { evaluationListSchema, evaluationSnapshotSchema } from '@crucible/api';
import { reducePage } from '@crucible/domain';
import type { EvaluationPage } from '@crucible/domain';
import { decodeJson, subjects } from '@crucible/events';
import type { CrucibleEvent, EvaluationId, NewEvent, TrialId } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SseMessage, SseReader } from './testing/ask.ts';
import { TestGateway } from './testing/gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start(process.env['CRUCIBLE_TEST_DATABASE_URL']);
});
afterAll(() => gateway?.stop());

const eventOf = (message: SseMessage): CrucibleEvent => {
  const decoded = decodeJson(JSON.parse(message.data));
  if (!decoded.ok) throw new Error(decoded.detail);
  return decoded.event;
};
const pageOf = (snapshot: SseMessage | undefined): EvaluationPage => {
  const { evaluation, trials, position } = evaluationSnapshotSchema.parse(JSON.parse(snapshot?.data ?? ''));
  return { evaluation, trials: new Map(trials.map((trial) => [trial.id, trial])), position };
};
const fold = (page: EvaluationPage, messages: readonly SseMessage[]): EvaluationPage =>
  messages.reduce(
    (before, message) => reducePage(before, { event: eventOf(message), position: Number(message.id) }),
    page,
  );
/** Resident memory of the gateway's process. */
const residentBytes = (): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) * 1024;

/** Runs `count` trials of one evaluation, with the events of others between; gives the positions of its own. */
const runTrials = async (
  id: EvaluationId,
  from: number,
  count: number,
  every: () => Promise<unknown> = async () => undefined,
): Promise<number[]> => {
  const positions: number[] = [];
  for (let index = from; index < from + count; index += 1) {
    positions.push(await gateway.dispatch(id, index), await gateway.begin(id, index), await gateway.finish(id, index));
    if (index % 3 === 0) await gateway.submit();
    await every();
  }
  return positions;
};

describe("an evaluation's stream", () => {
  it('begins with a snapshot, goes on with events, and folds to what the API says', async () => {
    const { id, position } = await gateway.submit(5);
    await gateway.reached(id, position);
    const reader = await gateway.stream(`/api/v1/evaluations/${id}/stream`);
    await reader.until((messages) => messages.length === 1);
    const [snapshot] = reader.messages;
    expect(snapshot).toMatchObject({ event: 'snapshot', id: expect.stringMatching(/^\d+$/) });
    const positions = [await gateway.admit(id), ...(await runTrials(id, 0, 5)), await gateway.complete(id, 5)];
    await reader.until((messages) => messages.length === 1 + positions.length);
    const events = reader.messages.slice(1);
    expect(events.map((message) => Number(message.id))).toEqual(positions);
    expect(new Set(events.map(({ event }) => event))).toEqual(new Set(['event']));
    const page = fold(pageOf(snapshot), events);
    expect(page.evaluation).toEqual((await gateway.ask(`/api/v1/evaluations/${id}`)).json.evaluation);
    expect([...page.trials.values()]).toEqual((await gateway.ask(`/api/v1/evaluations/${id}/trials`)).json.items);
    reader.close();
  });

  it('resumes without a gap or a repeat across fifty lost connections while events are written', async () => {
    const { id, position } = await gateway.submit(120);
    await gateway.reached(id, position);
    let writing = true;
    const written = runTrials(id, 0, 120, () => sleep(4)).finally(() => (writing = false));
    const received: SseMessage[] = [];
    let reconnects = 0;
    const first = await gateway.stream(`/api/v1/evaluations/${id}/stream`);
    await first.until((messages) => messages.length > 0);
    received.push(...first.messages);
    first.close();
    while (writing || reconnects < 50) {
      const reader = await gateway.stream(`/api/v1/evaluations/${id}/stream`, {
        'last-event-id': received.at(-1)?.id ?? '',
      });
      await sleep(Math.random() * 25);
      received.push(...reader.messages);
      reader.close();
      reconnects += 1;
    }
    const positions = await written;
    const last = await gateway.stream(`/api/v1/evaluations/${id}/stream`, {
      'last-event-id': received.at(-1)?.id ?? '',
    });
    const missing = positions.filter((each) => each > Number(received.at(-1)?.id)).length;
    if (missing > 0) await last.until((messages) => messages.length >= missing);
    received.push(...last.messages);
    last.close();
    const [snapshot, ...events] = received;
    const from = Number(snapshot?.id);
    expect(events.map(({ event }) => event)).toEqual(events.map(() => 'event'));
    expect(events.map((message) => Number(message.id))).toEqual(positions.filter((each) => each > from));
    expect(fold(pageOf(snapshot), events).evaluation).toEqual(
      (await gateway.ask(`/api/v1/evaluations/${id}`)).json.evaluation,
    );
  });

  it('resumes at another life of the gateway, which was killed', async () => {
    const { id, position } = await gateway.submit(10);
    await gateway.reached(id, position);
    const reader = await gateway.stream(`/api/v1/evaluations/${id}/stream`);
    const before = await runTrials(id, 0, 3);
    await reader.until((messages) => messages.length === 1 + before.length);
    await gateway.die('SIGKILL');
    await reader.untilClosed();
    const meanwhile = await runTrials(id, 3, 3);
    await gateway.boot();
    const again = await gateway.stream(`/api/v1/evaluations/${id}/stream`, {
      'last-event-id': reader.messages.at(-1)?.id ?? '',
    });
    await again.until((messages) => messages.length === meanwhile.length);
    expect(again.messages.map((message) => Number(message.id))).toEqual(meanwhile);
    again.close();
  });

  it('gives a client from another world a snapshot', async () => {
    const { id, position } = await gateway.submit();
    await gateway.reached(id, position);
    const reader = await gateway.stream(`/api/v1/evaluations/${id}/stream`, { 'last-event-id': '900000000' });
    await reader.until((messages) => messages.length === 1);
    expect(reader.messages[0]?.event).toBe('snapshot');
    reader.close();
  });

  it('goes on past bytes that are no event, and keeps a foreign event on one line', async () => {
    const { id, position } = await gateway.submit();
    await gateway.reached(id, position);
    const reader = await gateway.stream(`/api/v1/evaluations/${id}/stream`);
    await reader.until((messages) => messages.length === 1);
    for (const bytes of [
      Buffer.from([0xff, 0]),
      Buffer.alloc(0),
      Buffer.from('{}'),
      Buffer.from('data: x\n\nevent: snapshot\ndata: {}\n\n'),
    ])
      await gateway.bus.js.publish(subjects.evaluation(id), bytes);
    const admitted = await gateway.admit(id);
    await reader.until((messages) => messages.length === 2);
    const event = eventOf(reader.messages[1] as SseMessage);
    const pretty = {
      ...event,
      id: '017f22e2-79b0-7cc3-98c4-dc0c0c07398f',
      type: 'crucible.evaluation.cancel-requested.v1',
      data: { evaluationId: id, reason: 'a\nb' },
    };
    await gateway.bus.js.publish(subjects.evaluation(id), Buffer.from(JSON.stringify(pretty, null, '\r\n\n')));
    await reader.until((messages) => messages.length === 3);
    expect(reader.messages.map(({ event: name }) => name)).toEqual(['snapshot', 'event', 'event']);
    expect(Number(reader.messages[1]?.id)).toBe(admitted);
    expect(eventOf(reader.messages[2] as SseMessage).data).toMatchObject({ reason: 'a\nb' });
    expect((await gateway.ask(`/api/v1/evaluations/${id}`)).json.evaluation.status).toBe('cancelling');
    reader.close();
  });
});

describe('the stream of all', () => {
  it('begins with the first page of the list and goes on with events of every evaluation of the team', async () => {
    const reader = await gateway.stream('/api/v1/stream');
    await reader.until((messages) => messages.length === 1);
    const list = evaluationListSchema.parse(JSON.parse(reader.messages[0]?.data ?? ''));
    expect(Number(reader.messages[0]?.id)).toBe(list.position);
    const foreign = await gateway.submit();
    const origin = { source: 'test', team: 'other', actor: 'service:test', correlationId: foreign.id };
    await gateway.log.append({
      subject: subjects.evaluation(foreign.id),
      event: { type: 'crucible.evaluation.admitted.v1', data: { evaluationId: foreign.id, concurrency: 1 } },
      origin,
    });
    const own = await gateway.submit();
    await reader.until((messages) => messages.length === 3);
    expect(reader.messages.slice(1).map((message) => Number(message.id))).toEqual([foreign.position, own.position]);
    reader.close();
  });

  it('tells of the stops of everything and of the team, and of no other team’s, live and later', async () => {
    const reader = await gateway.stream('/api/v1/stream');
    await reader.until((messages) => messages.length === 1);
    const from = Number(reader.messages[0]?.id);
    const seen: number[] = [];
    for (const [team, scope] of [
      ['other', { kind: 'team', team: 'other' }],
      ['other', { kind: 'team', team: 'default' }],
      ['default', { kind: 'platform' }],
    ] as const) {
      const stopId = randomUUID();
      const said: readonly NewEvent[] = [
        { type: 'crucible.stop.engaged.v1', data: { stopId, scope, reason: 'a drill' } },
        {
          type: 'crucible.stop.applied.v1',
          data: { stopId, executorId: 'e', killed: 0, unconfirmed: 0, latencyMs: 0 },
        },
        { type: 'crucible.stop.released.v1', data: { stopId, reason: 'over' } },
      ];
      for (const event of said) {
        const subject = subjects.platform(event.type === 'crucible.stop.applied.v1' ? 'executor' : 'stop');
        const origin = { source: 'test', team, actor: 'service:test', correlationId: stopId };
        const result = await gateway.log.append({ subject, event, origin });
        if (result.ok && !(scope.kind === 'team' && scope.team === 'other')) seen.push(result.position);
      }
    }
    await reader.until((messages) => messages.length === 1 + seen.length);
    expect(reader.messages.slice(1).map((message) => Number(message.id))).toEqual(seen);
    reader.close();
    const later = await gateway.stream('/api/v1/stream', { 'last-event-id': String(from) });
    await later.until((messages) => messages.length === seen.length);
    expect(later.messages.map((message) => Number(message.id))).toEqual(seen);
    later.close();
    const { items } = (await gateway.ask(`/api/v1/events?type=crucible.stop.*&after=${from}&order=asc`)).json as {
      items: { position: number }[];
    };
    expect(items.map(({ position }) => position)).toEqual(seen);
  });

  it('serves two hundred viewers the same', async () => {
    const readers = await Promise.all(Array.from({ length: 200 }, () => gateway.stream('/api/v1/stream')));
    await Promise.all(readers.map((reader) => reader.until((messages) => messages.length === 1)));
    const positions = [(await gateway.submit()).position, (await gateway.submit()).position];
    await Promise.all(readers.map((reader) => reader.until((messages) => messages.length === 3)));
    for (const reader of readers)
      expect(reader.messages.slice(1).map((message) => Number(message.id))).toEqual(positions);
    readers.forEach((reader) => reader.close());
  });
});

/** A connection that asks and then reads nothing until told to. */
const silent = (
  path: string,
  headers: Readonly<Record<string, string>> = {},
): { socket: ReturnType<typeof connect>; closed: () => boolean; read: () => string[] } => {
  const lines = Object.entries({ host: '127.0.0.1', ...gateway.bearer, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const socket = connect(gateway.port, '127.0.0.1', () =>
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`),
  );
  const pieces: string[] = [];
  let closed = false;
  socket.pause();
  socket.on('error', () => undefined).on('close', () => (closed = true));
  return {
    socket,
    closed: () => closed,
    read: () => (socket.resume().on('data', (data) => pieces.push(String(data))), pieces),
  };
};

describe('a slow reader', () => {
  const events = 300;
  const bigFindings = Array.from({ length: 30 }, () => 'x'.repeat(2_000));
  let id: EvaluationId;
  let before: number;
  let last: number;
  let memoryBefore: number;

  const finishBig = (index: number): Promise<number> => {
    const trialId = `${index}-1-1` as TrialId;
    const rest = {
      exitCode: 0,
      signal: null,
      limitsHit: [],
      scores: [],
      durationMs: 1,
      memoryBytesPeak: null,
      evidence: [],
      error: null,
      usage: null,
      answer: null,
    };
    return gateway.write(subjects.trial(id, trialId), {
      type: 'crucible.trial.finished.v2',
      data: {
        evaluationId: id,
        trialId,
        outcome: 'passed',
        reason: 'exit',
        verdict: 'contained',
        findings: bigFindings,
        ...rest,
      },
    });
  };

  it('is cut off, while others go on and memory stays bounded', async () => {
    const submitted = await gateway.submit(events);
    id = submitted.id;
    await gateway.reached(id, submitted.position);
    for (let index = 0; index < events; index += 1) await gateway.dispatch(id, index);
    before = await gateway.admit(id);
    await gateway.reached(id, before);
    const path = `/api/v1/evaluations/${id}/stream`;
    const stuck = Array.from({ length: 5 }, () => silent(path));
    const good = await gateway.stream(path);
    await good.until((messages) => messages.length === 1);
    memoryBefore = residentBytes();
    let peak = 0;
    for (let index = 0; index < events; index += 1) {
      last = await finishBig(index);
      if (index % 20 !== 0) continue;
      peak = Math.max(peak, residentBytes());
      // A good reader keeps up; on a busy machine it is given the time.
      await good.until((messages) => messages.length > index);
    }
    await good.until((messages) => messages.length === 1 + events);
    await sleep(200);
    // A socket that reads nothing does not see its end either: it is looked for where the server would see it.
    stuck.forEach(({ read }) => void read());
    await sleep(500);
    expect(stuck.map(({ closed }) => closed())).toEqual(stuck.map(() => true));
    expect(peak - memoryBefore).toBeLessThan(250 * 1024 ** 2);
    good.close();
  });

  it('gets all of a long replay when it reads on in time', async () => {
    const late = silent(`/api/v1/evaluations/${id}/stream`, { 'last-event-id': String(before) });
    await sleep(800);
    expect(late.closed()).toBe(false);
    const pieces = late.read();
    for (let waited = 0; waited < 100 && !pieces.join('').includes(`id: ${last}\n`); waited += 1) await sleep(50);
    const ids = [...pieces.join('').matchAll(/^id: (\d+)$/gm)].map(([, each]) => Number(each));
    expect(ids.length).toBe(events);
    expect(ids.at(-1)).toBe(last);
    late.socket.destroy();
  });

  it('gets a snapshot larger than what may be left unread', async () => {
    const reader: SseReader = await gateway.stream(`/api/v1/evaluations/${id}/stream`);
    await reader.until((messages) => messages.length === 1);
    expect(reader.messages[0]?.data.length).toBeGreaterThan(16 * 1024 ** 2);
    const completed = await gateway.complete(id, events);
    await reader.until((messages) => messages.length === 2);
    expect(Number(reader.messages[1]?.id)).toBe(completed);
    reader.close();
  });
});
