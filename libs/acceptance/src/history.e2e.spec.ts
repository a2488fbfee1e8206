import { createHash } from 'node:crypto';
import {
  evaluationAnswerSchema,
  evaluationSnapshotSchema,
  eventAnswerSchema,
  eventListSchema,
  loginLinkSchema,
  trialListSchema,
} from '@crucible/api';
import type { EvaluationSnapshot } from '@crucible/api';
import type { StoredEvent } from '@crucible/event-log';
import type { CrucibleEvent } from '@crucible/events';
import { beforeAll, describe, expect, it } from 'vitest';
import { endOf, listOf, outputOf, post, problemOf, request, submit } from './support/api.ts';
import { crucible, crucibleJson, jsonLines, pids, startCrucible } from './support/cli.ts';
import { platform } from './support/facts.ts';
import { foldOf, history } from './support/history.ts';
import type { Entry } from './support/history.ts';
import { readLog } from './support/log.ts';
import { sample, sleepers, suiteOf, writeSuite } from './support/suites.ts';
import { escapes } from './support/text.ts';
import { sleep, waitFor } from './support/wait.ts';

let id: string;
/** The log as it was when the evaluation had ended, and of it the evaluation's own part. */
let entries: Entry[];
let own: Entry[];
let first: number;
let last: number;

const ofSubject = (name: string): string => `crucible.events.evaluation.${name}`;
const subjectOf = ({ event }: Entry): string => event.subject;

beforeAll(async () => {
  const samples = [sample('says', 'print("one")'), sample('fails', 'raise SystemExit(3)'), sample('ends', 'pass')];
  const path = writeSuite(suiteOf(samples, { name: 'past', concurrency: 2 }));
  const { stdout, stderr } = await crucible(['run', path, '--no-start', '--json']);
  const result = stderr === '' ? jsonLines(stdout).at(-1) : {};
  expect(result, stderr).toMatchObject({ status: 'completed', trials: { passed: 2, failed: 1 } });
  id = String(result?.['evaluationId']);
  entries = await history();
  own = entries.filter((entry) => subjectOf(entry).startsWith(ofSubject(id)));
  first = own[0]?.position ?? 0;
  last = own.at(-1)?.position ?? 0;
  expect(own.length).toBe(3 + 3 * 3);
});

const upTo = (at: number): Entry[] => entries.filter(({ position }) => position <= at);
const json = async (path: string): Promise<unknown> => {
  const response = await request(path);
  expect(response.status, path).toBe(200);
  return response.json();
};

/** What a page showed at a position, by the log alone. */
const foldedAt = (at: number): EvaluationSnapshot => {
  const { evaluation, trials } = foldOf(upTo(at), id);
  const ordered = [...trials.values()].sort((a, b) => a.sampleIndex - b.sampleIndex);
  return { evaluation, trials: ordered, position: at };
};

describe('a replay without a terminal', () => {
  it('prints one line an event, in order, and ends with 0', async () => {
    const { code, stdout, stderr } = await crucible(['replay', id, '--speed', 'max']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    const told = lines.map((line) => /^ *(\d+) {2}([\d:.]{12}) {2}(\S+)/.exec(line)?.slice(1));
    const inLog = own.map(({ position, event }) => [
      String(position),
      event.time.slice(11, 23),
      event.type.replace(/^crucible\./u, '').replace(/\.v\d+$/u, ''),
    ]);
    expect(told).toEqual(inLog);
    expect(escapes(stdout)).toEqual([]);
  });

  it('prints the events themselves as JSON, the result last', async () => {
    const { code, stdout } = await crucible(['replay', id.slice(0, 13), '--speed', 'max', '--json']);
    expect(code).toBe(0);
    const lines = jsonLines(stdout);
    expect(lines.slice(0, -1)).toEqual(own.map((entry) => ({ type: 'event', ...entry })));
    expect(lines.at(-1)).toMatchObject({ evaluationId: id, status: 'completed', position: last });
  });

  it('keeps the rhythm until it is interrupted, which is no failure', async () => {
    const playing = startCrucible(['replay', id, '--speed', '0.01x', '--json']);
    await waitFor('the replay to begin', () => playing.lines().length > 0, 60_000, 20);
    playing.child.kill('SIGINT');
    const { code, stdout } = await playing.ended;
    expect(code).toBe(0);
    const positions = jsonLines(stdout).map(({ position }) => position);
    expect(positions.length).toBeLessThan(own.length);
    expect(positions).toEqual(own.slice(0, positions.length).map(({ position }) => position));
  });
});

describe('a past moment', () => {
  it('is the fold of the log up to it, at every position, however the API is asked', async () => {
    for (const { position: at } of [...own, ...entries.slice(-1)]) {
      const folded = foldedAt(at);
      const root = `/api/v1/evaluations/${id}`;
      const evaluation = evaluationAnswerSchema.parse(await json(`${root}?at=${at}`));
      expect(evaluation).toEqual({ evaluation: folded.evaluation, stop: null, position: at });
      expect(evaluationSnapshotSchema.parse(await json(`${root}/snapshot?at=${at}`))).toEqual(folded);
      const { items } = trialListSchema.parse(await json(`${root}/trials?at=${at}`));
      expect(items).toEqual(folded.trials);
    }
  });

  it('is the same from the command line', async () => {
    const middle = own[Math.floor(own.length / 2)]?.position ?? 0;
    for (const at of [first, middle]) {
      const asked = ['replay', 'show'].map((verb) => crucibleJson([verb, id, '--at', String(at)]));
      for (const answer of await Promise.all(asked)) expect(answer).toEqual(foldedAt(at));
    }
    const { code, stdout } = await crucible(['show', id, '--at', String(middle)]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^as of position ${middle}, 20`));
    expect(stdout).toContain(foldedAt(middle).evaluation.status);
  });

  it('of the list is what was submitted by then, as it stood', async () => {
    const limit = 5;
    for (const at of [first, own[4]?.position ?? 0, last]) {
      const prefix = upTo(at);
      const ids = prefix.flatMap(({ event }) =>
        event.type === 'crucible.evaluation.submitted.v2' ? [event.data.evaluationId] : [],
      );
      const expected = ids.toReversed().slice(0, limit);
      const list = await crucibleJson<object>(['list', '--at', String(at), '--limit', String(limit)]);
      expect(list).toMatchObject({ position: at });
      expect(list).toHaveProperty(
        'items',
        expected.map((each) => foldOf(prefix, each).evaluation),
      );
    }
  });

  it('before the submission is refused with the position of it', async () => {
    const { status, detail } = await problemOf(await request(`/api/v1/evaluations/${id}?at=${first - 1}`));
    expect(status).toBe(404);
    expect(detail).toContain(`submitted at position ${first}`);
    const shown = await crucible(['show', id, '--at', String(first - 1)]);
    expect(shown).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(`position ${first}`) });
  });

  it('is refused in words where it makes no sense, with exit code 2', async () => {
    const beyond = /The log ends at \d+: there is no position 99999999 yet/;
    const refusals: readonly (readonly [string, RegExp])[] = [
      [`replay ${id} --at 0`, /--at 0: must be a position of the log/],
      [`replay ${id} --at 99999999`, beyond],
      [`show ${id} --at 99999999`, beyond],
      ['list --at 99999999', beyond],
      [`replay ${id} --speed -1`, /--speed -1: must be like 10x/],
    ];
    await Promise.all(
      refusals.map(async ([words, message]) => {
        const { code, stdout, stderr } = await crucible(words.split(' '));
        expect({ words, code, stdout }).toEqual({ words, code: 2, stdout: '' });
        expect(stderr).toMatch(message);
      }),
    );
  });
});

/** Every event that names the evaluation: its own, and what others noted about it. */
const about = (log: readonly Entry[]): number[] =>
  log.flatMap(({ position, event }) =>
    'evaluationId' in event.data && event.data.evaluationId === id ? [position] : [],
  );

describe('the log from the command line', () => {
  it('lists exactly the events about an evaluation', async () => {
    const head = (await readLog()).length;
    await waitFor('the read model', async () => (await listOf(`?limit=1`)).position >= head);
    const argv = ['events', '--evaluation', id, '--before', String(head + 1), '--limit', '1000', '--json'];
    const { code, stdout } = await crucible(argv);
    expect(code).toBe(0);
    const listed = jsonLines(stdout);
    const expected = (await history()).filter(({ position }) => position <= head);
    expect(listed.map(({ position }) => position)).toEqual(about(expected));
    for (const { position, type, subject, id: eventId } of listed)
      expect(expected.find((entry) => entry.position === position)?.event).toMatchObject({
        type,
        subject,
        id: eventId,
      });
    const { items } = eventListSchema.parse(await json(`/api/v1/events?id=${own[0]?.event.id}`));
    expect(items).toMatchObject([{ position: first, actor: 'user:local' }]);
  });

  it('shows the stored bytes of each', async () => {
    const stored = new Map((await readLog()).map((message) => [message.position, message]));
    const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
    const hashAt = (position: number): string => sha256((stored.get(position) as StoredEvent).body);
    for (const { position, event } of own) {
      const answer = eventAnswerSchema.parse(await json(`/api/v1/events/${position}`));
      expect(sha256(Buffer.from(answer.base64, 'base64'))).toBe(hashAt(position));
      expect(answer).toMatchObject({ subject: event.subject, messageId: event.id, event, undecodable: null });
    }
    const answer = eventAnswerSchema.parse(await crucibleJson(['events', 'show', String(last)]));
    expect(sha256(Buffer.from(answer.base64, 'base64'))).toBe(hashAt(last));
    const raw = await crucible(['events', 'show', own[1]?.event.id ?? '', '--raw']);
    expect(sha256(Buffer.from(raw.stdout))).toBe(hashAt(own[1]?.position ?? 0));
    const shown = await crucible(['events', 'show', String(first)]);
    expect(shown.stdout).toContain(hashAt(first));
    expect(escapes(shown.stdout)).toEqual([]);
    expect(await crucible(['events', 'show', '99999999'])).toMatchObject({ code: 2, stdout: '' });
  });
});

/** The cookie of a browser that a login link let in. */
const logIn = async (): Promise<string> => {
  const { url } = loginLinkSchema.parse(await (await post('/api/v1/login-links', {})).json());
  const answer = await fetch(url, { redirect: 'manual' });
  const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  expect(cookie).toMatch(/^\S+=\S+$/);
  return cookie;
};

/** A request as a page makes it: no token, and headers that nobody should believe. */
const browse = (cookie: string, path: string, body?: unknown): Promise<Response> =>
  fetch(new URL(path, platform().url), {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: {
      cookie,
      'content-type': 'application/json',
      'x-crucible-request': '1',
      'x-forwarded-for': '203.0.113.7',
    },
  });

const eventsOf = (log: readonly Entry[], evaluationId: string, type: CrucibleEvent['type']): CrucibleEvent[] =>
  log.flatMap(({ event }) =>
    event.type === type && 'evaluationId' in event.data && event.data.evaluationId === evaluationId ? [event] : [],
  );
const local = { actor: 'user:local', clientaddress: '127.0.0.1' };

describe('what people do', () => {
  it('is followed as it happens, and says who asked, how they proved it and from where', async () => {
    const following = startCrucible(['events', '--type', 'evaluation.*', '--limit', '1', '--follow', '--json']);
    await waitFor('the newest event there is', () => following.lines().length > 0, 60_000);
    const cookie = await logIn();
    const submitted = await browse(cookie, '/api/v1/evaluations', {
      suite: suiteOf(sleepers(1, 200), { sandbox: { wallTime: '300s' } }),
    });
    expect(submitted.status).toBe(202);
    const { id: another } = (await submitted.json()) as { id: string };
    const seen = (type: string) => (): boolean =>
      following.lines().some((line) => line['evaluationId'] === another && line['type'] === type);
    await waitFor('the submission', seen('crucible.evaluation.submitted.v2'), 60_000, 20);
    expect((await crucible(['cancel', another, '--reason', 'seen enough'])).code).toBe(0);
    await waitFor('the cancellation', seen('crucible.evaluation.cancel-requested.v1'), 60_000, 20);
    following.child.kill('SIGINT');
    const { code, stdout, stderr } = await following.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const positions = jsonLines(stdout).map(({ position }) => Number(position));
    expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));

    expect(own[0]?.event).toMatchObject({ ...local, authmethod: 'token' });
    const log = await history();
    const [begun] = eventsOf(log, another, 'crucible.evaluation.submitted.v2');
    expect(begun).toMatchObject({ ...local, authmethod: 'session' });
    const [cancelled] = eventsOf(log, another, 'crucible.evaluation.cancel-requested.v1');
    expect(cancelled).toMatchObject({ ...local, authmethod: 'token' });
    const [admitted] = eventsOf(log, another, 'crucible.evaluation.admitted.v1');
    expect(admitted?.actor).toBe('service:scheduler');
    expect(admitted).not.toHaveProperty('authmethod');
    await endOf(another);
  });

  it('is recorded when it is reading what a trial printed: once a minute, however often', async () => {
    // Its own: a second try of this test would find the reads of the first.
    const { id: readId } = await submit({ suite: suiteOf([sample('says', 'print("one")')], { name: 'read' }) });
    await endOf(readId);
    const trialId = '0-1-1';
    const root = `/api/v1/evaluations/${readId}/trials/${trialId}`;
    const read = async (): Promise<CrucibleEvent[]> => eventsOf(await history(), readId, 'crucible.evidence.read.v1');
    await json(root);
    expect(await read()).toEqual([]);
    expect((await outputOf(readId, trialId)).bytes.toString()).toBe('one\n');
    await Promise.all([outputOf(readId, trialId), json(`${root}/output`), json(`${root}/output?after=1`)]);
    expect((await crucible(['show', readId, '--trial', trialId, '--output'])).stdout).toContain('one');
    const record = { ...local, authmethod: 'token', data: { evaluationId: readId, trialId, channel: 'output' } };
    expect(await read()).toMatchObject([record]);
    // Who proves it otherwise is another reader.
    const cookie = await logIn();
    for (let time = 0; time < 2; time += 1) expect((await browse(cookie, `${root}/output`)).status).toBe(200);
    expect(await read()).toMatchObject([record, { ...record, authmethod: 'session' }]);
  });
});

/** Asks for the list all the time, until `stop`. @returns what was wrong with the answers, and how many there were */
const watchList = (): (() => Promise<{ answers: number; wrong: string[] }>) => {
  const over = new AbortController();
  const wrong: string[] = [];
  const watching = (async (): Promise<number> => {
    let before = await listOf('?limit=500');
    let answers = 1;
    for (; !over.signal.aborted; answers += 1) {
      await sleep(2);
      const now = await listOf('?limit=500');
      if (now.position < before.position) wrong.push(`position ${now.position} after ${before.position}`);
      if (now.items.length < before.items.length)
        wrong.push(`${now.items.length} evaluations after ${before.items.length}`);
      before = now;
    }
    return answers;
  })();
  return async () => {
    over.abort();
    return { answers: await watching, wrong };
  };
};

describe('the read model', () => {
  const compared = (): Promise<object> => crucibleJson(['projections', 'compare']);

  it('is what a replay of the log gives', async () => {
    expect(await compared()).toMatchObject({ equal: true, firstDifference: null });
  });

  it('is built anew under its readers and writers, who notice nothing', async () => {
    const before = await pids();
    const stop = watchList();
    const suite = suiteOf([sample('meanwhile', 'print("still here")')], { name: 'meanwhile' });
    const [{ id: meanwhile }, rebuilt] = await Promise.all([
      submit({ suite }),
      crucibleJson(['projections', 'rebuild']),
    ]);
    expect(rebuilt).toMatchObject({ ok: true });
    await crucibleJson(['projections', 'rebuild']);
    const { answers, wrong } = await stop();
    expect(wrong).toEqual([]);
    expect(answers).toBeGreaterThan(20);
    expect(await endOf(meanwhile)).toMatchObject({ status: 'completed', trials: { passed: 1 } });

    const { id: after, position } = await submit({ suite });
    expect((await listOf(`?position=${position}&limit=1`)).items[0]?.id).toBe(after);
    expect(await endOf(after)).toMatchObject({ status: 'completed', trials: { passed: 1 } });
    expect(await pids()).toEqual(before);
    expect(await compared()).toMatchObject({ equal: true, firstDifference: null });
  });
});
