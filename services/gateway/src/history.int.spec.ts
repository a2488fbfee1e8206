import { randomUUID } from 'node:crypto';
import {
  eventAnswerSchema,
  eventListSchema,
  evaluationListSchema,
  evaluationSnapshotSchema,
  historyPageSchema,
  trialListSchema,
} from '@crucible/api';
import { evaluationStatusSchema, reducePage } from '@crucible/domain';
import type { EvaluationPage } from '@crucible/domain';
import { decode, decodeJson, examples, subjects, trialIdOf } from '@crucible/events';
import type { CrucibleEvent, EvaluationId, EventData, NewEvent } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foldEvents } from './history/fold.ts';
import type { Answer } from './testing/ask.ts';
import { expectProblem } from './testing/expect-problem.ts';
import { TestGateway } from './testing/gateway.ts';

let gateway: TestGateway;
/** What the live API answered when the log was as far as the position, by path. */
const recorded = new Map<number, Map<string, unknown>>();
const ids: EvaluationId[] = [];
let head = 0;

const lists = [
  '',
  ...evaluationStatusSchema.options.map((status) => `&status=${status}`),
  '&suite=tiny',
  '&suite=other',
];
const trialLists = ['', '&latest=true', '&latest=false', '&outcome=errored', '&status=running', '&limitHit=wall-time'];
const root = '/api/v1/evaluations';

const get = async (path: string): Promise<Answer['json']> => {
  const answer = await gateway.ask(path);
  expect(answer.status, `${path}: ${answer.text}`).toBe(200);
  return answer.json;
};

const paths = (): string[] => [
  ...lists.map((filter) => `${root}?limit=500${filter}`),
  ...ids.flatMap((id) => [
    `${root}/${id}?`,
    `${root}/${id}/snapshot?`,
    ...trialLists.map((filter) => `${root}/${id}/trials?limit=500${filter}`),
  ]),
];

/** Writes one event, waits for the read model and keeps everything that the live API then says. */
const step = async (writing: Promise<number>): Promise<void> => {
  head = await writing;
  await get(`${root}?limit=1&position=${head}`);
  const answers = new Map<string, unknown>();
  for (const path of paths()) answers.set(path, await get(path));
  recorded.set(head, answers);
};

type Changed<T extends NewEvent['type']> = Partial<EventData<T>>;
const write = <T extends NewEvent['type']>(
  id: EvaluationId,
  type: T,
  data: Changed<T>,
  trial?: string,
): Promise<number> =>
  gateway.write(trial === undefined ? subjects.evaluation(id) : `${subjects.evaluation(id)}.trial.${trial}`, {
    type,
    data: { ...examples[type].data, evaluationId: id, ...data },
  } as NewEvent);
const dispatch = (id: EvaluationId, sampleIndex: number, attempt = 1): Promise<number> => {
  const place = { sampleIndex, epoch: 1, attempt };
  const trialId = trialIdOf(place);
  return write(id, 'crucible.trial.dispatched.v1', { trialId, ...place }, trialId);
};
const begin = (id: EvaluationId, sampleIndex: number, attempt = 1): Promise<number> => {
  const trialId = trialIdOf({ sampleIndex, epoch: 1, attempt });
  return write(id, 'crucible.trial.started.v2', { trialId }, trialId);
};
const finish = (
  id: EvaluationId,
  sampleIndex: number,
  data: Changed<'crucible.trial.finished.v2'>,
  attempt = 1,
): Promise<number> => {
  const trialId = trialIdOf({ sampleIndex, epoch: 1, attempt });
  return write(id, 'crucible.trial.finished.v2', { trialId, ...data }, trialId);
};
const submit = async (samples: number): Promise<EvaluationId> => {
  const { id, position } = await gateway.submit(samples);
  ids.push(id);
  await step(Promise.resolve(position));
  return id;
};

/** Three evaluations side by side: one with a second attempt, one that is cancelled, one that only waits. */
const play = async (): Promise<void> => {
  const first = await submit(3);
  await step(gateway.admit(first));
  await step(dispatch(first, 0));
  const second = await submit(2);
  await step(begin(first, 0));
  await step(gateway.admit(second));
  await step(dispatch(first, 1));
  await step(finish(first, 0, { outcome: 'errored', reason: 'engine-failure', verdict: 'unknown', limitsHit: [] }));
  await step(dispatch(second, 0));
  await step(dispatch(first, 0, 2));
  await step(gateway.bus.js.publish(subjects.evaluation(first), Buffer.from('{')).then(({ seq }) => seq));
  await step(begin(second, 0));
  await step(write(second, 'crucible.evaluation.cancel-requested.v1', { reason: 'wrong\u0000 suite' }));
  await submit(1);
  await step(begin(first, 0, 2));
  await step(
    finish(second, 0, { outcome: 'errored', reason: 'stopped', verdict: 'contained', limitsHit: ['wall-time'] }),
  );
  await step(finish(first, 0, { outcome: 'passed', reason: 'exit', verdict: 'contained', limitsHit: [] }, 2));
  const counts = { total: 2, passed: 0, failed: 0, errored: 1, withdrawn: 1 };
  await step(write(second, 'crucible.evaluation.completed.v1', { status: 'cancelled', trials: counts, score: null }));
  await step(begin(first, 1));
  await step(finish(first, 1, { outcome: 'failed', reason: 'exit', verdict: 'attempted', limitsHit: ['output'] }));
  await step(gateway.complete(first, 3));
};

beforeAll(async () => {
  gateway = await TestGateway.start(process.env['CRUCIBLE_TEST_DATABASE_URL']);
  await play();
});
afterAll(() => gateway?.stop());

const prefixFold = (events: readonly { position: number; event: CrucibleEvent }[], at: number) =>
  events
    .filter(({ position }) => position <= at)
    .reduce<EvaluationPage | undefined>(
      (page, entry) => (page === undefined ? foldEvents(undefined, [entry], true) : reducePage(page, entry)),
      undefined,
    );

describe('any past moment', () => {
  it('is answered as the live API answered then, whatever is asked, forwards and backwards', async () => {
    const positions = [...recorded.keys()];
    expect(positions.length).toBe(21);
    for (const at of [...positions, ...positions.toReversed().filter((_, index) => index % 5 === 0)]) {
      for (const [path, live] of recorded.get(at) ?? []) {
        // Of what cannot be read the gateway says so in the log: an event of the platform may have come in between.
        const then = { ...(live as object), position: at };
        expect(await get(`${path}&at=${at}`), `${path} at ${at}`).toEqual(then);
      }
    }
  });

  it('equals the fold of everything before it, by the events that the API gives', async () => {
    for (const id of ids) {
      const { items } = historyPageSchema.parse(await get(`${root}/${id}/events`));
      const events = items.flatMap(({ position, event }) => {
        const decoded = event === null ? undefined : decodeJson(event);
        return decoded?.ok === true ? [{ position, event: decoded.event }] : [];
      });
      for (let at = items[0]?.position ?? 1; at <= head; at += 1) {
        const page = prefixFold(events, at);
        const snapshot = evaluationSnapshotSchema.parse(await get(`${root}/${id}/snapshot?at=${at}`));
        expect(snapshot.evaluation, `${id} at ${at}`).toEqual(page?.evaluation);
        expect(new Map(snapshot.trials.map((trial) => [trial.id, trial]))).toEqual(page?.trials);
        expect(snapshot.position).toBe(at);
      }
    }
  });

  it.each(['', '&status=running', '&status=cancelled', '&suite=tiny'])(
    'comes in pages that are the whole list: ?limit=1%s',
    async (filter) => {
      for (let at = 1; at <= head; at += 3) {
        const seen: unknown[] = [];
        for (let cursor = ''; ;) {
          const page = evaluationListSchema.parse(await get(`${root}?limit=1&at=${at}${filter}${cursor}`));
          seen.push(...page.items);
          if (page.nextCursor === null) break;
          cursor = `&cursor=${page.nextCursor}`;
        }
        const whole = evaluationListSchema.parse(await get(`${root}?limit=500&at=${at}${filter}`));
        expect(seen, `at ${at}`).toEqual(whole.items);
      }
    },
  );

  it('has its trials in pages, too', async () => {
    const [id] = ids as [EvaluationId];
    const seen: unknown[] = [];
    for (let cursor = ''; ;) {
      const page = trialListSchema.parse(await get(`${root}/${id}/trials?limit=1&at=${head}${cursor}`));
      expect(page.items.length).toBe(1);
      seen.push(...page.items);
      if (page.nextCursor === null) break;
      cursor = `&cursor=${page.nextCursor}`;
    }
    expect(seen).toEqual(trialListSchema.parse(await get(`${root}/${id}/trials?at=${head}`)).items);
    expectProblem(await gateway.ask(`${root}/${id}/trials?at=${head}&cursor=MQ`), 400, 'bad-cursor');
    expectProblem(await gateway.ask(`${root}?at=${head}&cursor=MS4y`), 400, 'bad-cursor');
  });

  it('before the submission is refused in words, and beyond the log at once', async () => {
    const [, second] = ids as [EvaluationId, EvaluationId];
    const early = expectProblem(await gateway.ask(`${root}/${second}?at=1`), 404, 'not-yet-submitted');
    expect(early.json.detail).toMatch(/not? evaluation .* yet at position 1: it was submitted at position 4\./);
    for (const part of ['/trials', '/snapshot', '/trials/0-1-1'])
      expectProblem(await gateway.ask(`${root}/${second}${part}?at=1`), 404, 'not-yet-submitted');
    const started = Date.now();
    for (const path of [`${root}`, `${root}/${second}`, `${root}/${second}/trials`, `${root}/${second}/snapshot`])
      expectProblem(await gateway.ask(`${path}?at=${head + 1_000}`), 409, 'beyond-the-log');
    expect(Date.now() - started).toBeLessThan(3_000);
    expectProblem(await gateway.ask(`${root}/${randomUUID()}?at=1`), 404, 'not-found');
  });

  it.each(['0', '-1', '1.5', 'x', '', '1&at=2', '99999999999999999999', 'NaN', 'Infinity', '%00', '1%20OR%201=1'])(
    'refuses ?at=%s',
    async (at) => {
      const [id] = ids as [EvaluationId];
      for (const path of [root, `${root}/${id}`, `${root}/${id}/trials`, `${root}/${id}/snapshot`])
        expectProblem(await gateway.ask(`${path}?at=${at}`), 400, 'invalid-request');
    },
  );

  it('is waited for where an answer must be new', async () => {
    const [id] = ids as [EvaluationId];
    const asking = gateway.ask(`${root}/${id}/snapshot?position=${head + 1}&at=${head + 1}`);
    const listing = gateway.ask(`/api/v1/events?position=${head + 1}&limit=1`);
    const reading = gateway.ask(`${root}/${id}/events?position=${head + 1}&after=${head}`);
    head = await write(id, 'crucible.evaluation.cancel-requested.v1', { reason: 'late' });
    expect(await asking).toMatchObject({ status: 200, json: { position: head } });
    expect(await listing).toMatchObject({ status: 200, json: { items: [{ position: head }] } });
    expect(await reading).toMatchObject({ status: 200, json: { items: [{ position: head }], next: null } });
    for (const path of [`${root}/${id}/trials`, '/api/v1/events', `${root}/${id}/events`])
      expectProblem(await gateway.ask(`${path}?position=-1`), 400, 'invalid-request');
  });
});

describe('the history of an evaluation', () => {
  it('comes in pages, with null for what cannot be read', async () => {
    const [id] = ids as [EvaluationId];
    const whole = historyPageSchema.parse(await get(`${root}/${id}/events`));
    expect(whole.items.filter(({ event }) => event === null).length).toBe(1);
    expect(whole.next).toBeNull();
    const seen: unknown[] = [];
    for (let after: number | null = 0; after !== null;) {
      const page: { items: unknown[]; next: number | null } = historyPageSchema.parse(
        await get(`${root}/${id}/events?limit=2&after=${after}`),
      );
      expect(page.items.length).toBeGreaterThan(0);
      seen.push(...page.items);
      after = page.next;
    }
    expect(seen).toEqual(whole.items);
    expect((await get(`${root}/${id}/events?after=${head}`)).items).toEqual([]);
  });

  it('is refused for what is not there', async () => {
    expectProblem(await gateway.ask(`${root}/${randomUUID()}/events`), 404, 'not-found');
    expectProblem(await gateway.ask(`${root}/x/events`), 400);
    const [id] = ids as [EvaluationId];
    for (const query of ['limit=0', 'limit=2001', 'after=-1', 'order=desc', 'limit[]=1', 'after=1&after=2'])
      expectProblem(await gateway.ask(`${root}/${id}/events?${query}`), 400, 'invalid-request');
  });
});

describe('the events of the log', () => {
  it('are listed and given whole, with the bytes that are stored', async () => {
    const list = eventListSchema.parse(await get('/api/v1/events?order=asc&limit=1000'));
    expect(list.items.map(({ position }) => position)).toEqual(Array.from({ length: head }, (_, index) => index + 1));
    for (const summary of list.items) {
      const answer = eventAnswerSchema.parse(await get(`/api/v1/events/${summary.position}`));
      expect(answer).toMatchObject({ position: summary.position, subject: summary.subject });
      const bytes = Buffer.from(answer.base64, 'base64');
      const decoded = decode(bytes);
      expect(answer.event).toEqual(decoded.ok ? decoded.event : null);
      expect(answer.messageId).toBe(decoded.ok ? decoded.event.id : null);
      expect(answer.undecodable === null).toBe(decoded.ok);
    }
  });

  it('of another team are not there, whoever asks how', async () => {
    const id = randomUUID() as EvaluationId;
    const data = { ...examples['crucible.evaluation.submitted.v2'].data, evaluationId: id };
    const result = await gateway.log.append({
      subject: subjects.evaluation(id),
      event: { type: 'crucible.evaluation.submitted.v2', data },
      origin: { source: 'test', team: 'others', actor: 'user:other', correlationId: id },
    });
    head = result.ok ? result.position : 0;
    const { items } = await get(`/api/v1/events?position=${head}&limit=1000`);
    expect(items.some(({ position }: { position: number }) => position === head)).toBe(false);
    expectProblem(await gateway.ask(`/api/v1/events/${head}`), 404, 'not-found');
    for (const part of ['', '/trials', '/snapshot', '/events'])
      expectProblem(await gateway.ask(`${root}/${id}${part}`), 404, 'not-found');
    for (const part of ['', '/trials', '/snapshot'])
      expectProblem(await gateway.ask(`${root}/${id}${part}?at=${head}`), 404, 'not-found');
    expect((await get(`${root}?at=${head}`)).items.map((item: { id: string }) => item.id)).not.toContain(id);
  });

  it.each(['0', '-1', '1.5', 'x', '1e3', '%00', '99999999999999999999', '0x10', '%201', 'constructor'])(
    'are refused at the position %s',
    async (position) => {
      const answer = await gateway.ask(`/api/v1/events/${position}`);
      expectProblem(answer, 400);
      expect(gateway.output).not.toContain('request failed');
    },
  );

  it('that are not there yet are no failure', async () => {
    expectProblem(await gateway.ask(`/api/v1/events/${head + 1}`), 404, 'not-found');
    expectProblem(await gateway.ask('/api/v1/events/999999999999999'), 404, 'not-found');
  });

  it.each(['order=up', 'limit=0', 'limit=1001', 'after=x', 'trial=zero', 'evaluation=1', 'type=a&type=b', 'sort=1'])(
    'are refused with ?%s',
    async (query) => {
      expectProblem(await gateway.ask(`/api/v1/events?${query}`), 400, 'invalid-request');
    },
  );
});
