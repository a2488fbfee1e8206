import { randomUUID } from 'node:crypto';
import { acknowledgedSchema, alertAnswerSchema, alertListSchema } from '@crucible/api';
import type { AlertList } from '@crucible/api';
import { examples, subjects } from '@crucible/events';
import type { EvaluationId, EventData, TrialId } from '@crucible/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from './testing/ask.ts';
import type { Answer } from './testing/ask.ts';
import { expectProblem } from './testing/expect-problem.ts';
import { TestGateway } from './testing/gateway.ts';

type Raised = EventData<'crucible.alert.raised.v1'>;
const example = examples['crucible.alert.raised.v1'].data;
const trialId = '0-1-1' as TrialId;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start(process.env['CRUCIBLE_TEST_DATABASE_URL']);
});
afterAll(() => gateway?.stop());

interface Alert {
  readonly id: string;
  readonly position: number;
}

/** What an executor writes, also for another team, once the read model has it. */
const raise = async (
  evaluationId: EvaluationId,
  over: Partial<Omit<Raised, 'rule'>> & { readonly rule?: string } = {},
  team = 'default',
): Promise<Alert> => {
  const { rule = example.rule.id, ...rest } = over;
  const data = { ...example, evaluationId, trialId, alertId: randomUUID(), ...rest } as Raised;
  const result = await gateway.log.append({
    subject: subjects.trial(evaluationId, data.trialId),
    event: { type: 'crucible.alert.raised.v1', data: { ...data, rule: { ...example.rule, id: rule } } },
    origin: { source: 'test', team, actor: 'service:test', correlationId: evaluationId },
  });
  if (!result.ok) throw new Error(result.failure);
  await gateway.reached(evaluationId, result.position);
  return { id: data.alertId, position: result.position };
};

/** An evaluation with two trials that run. */
const watched = async (): Promise<EvaluationId> => {
  const { id } = await gateway.submit(2);
  for (const index of [0, 1]) {
    await gateway.dispatch(id, index);
    await gateway.begin(id, index);
  }
  return id;
};

const get = (query: string): Promise<Answer> => gateway.ask(`/api/v1/alerts${query}`);
const list = async (query: string): Promise<AlertList> => {
  const answer = await get(query);
  expect(answer.status, answer.text).toBe(200);
  return alertListSchema.parse(answer.json);
};
const idsOf = ({ items }: AlertList): string[] => items.map(({ id }) => id);
const acknowledge = (id: string, body: unknown): Promise<Answer> =>
  gateway.ask(`/api/v1/alerts/${id}/acknowledge`, { method: 'POST', body });
const acknowledgedAt = async (id: string, note = 'looked at'): Promise<number> => {
  const answer = await acknowledge(id, { note });
  expect(answer.status, answer.text).toBe(202);
  return acknowledgedSchema.parse(answer.json).position;
};

describe('alerts', () => {
  it('are listed newest first, with what their event says and who has looked at them', async () => {
    const id = await watched();
    const first = await raise(id, { summary: 'one', count: 3 });
    const second = await raise(id, { summary: 'two' });
    const found = await list(`?evaluation=${id}&position=${second.position}`);
    expect(found.items).toMatchObject([
      { id: second.id, summary: 'two', acknowledged: null, raisedPosition: second.position },
      { id: first.id, summary: 'one', count: 3, rule: example.rule, evidence: example.evidence, trialId },
    ]);
    expect(found.position).toBeGreaterThanOrEqual(second.position);
    const { alert } = alertAnswerSchema.parse((await get(`/${first.id}`)).json);
    expect(alert).toEqual(found.items[1]);
  });

  it('are those that every filter lets through', async () => {
    const id = await watched();
    const low = await raise(id, { severity: 'low', capability: 'deception', rule: 'forged-event' });
    const high = await raise(id, { severity: 'high' });
    const other = await raise(id, { severity: 'critical', trialId: '1-1-1' as TrialId });
    const position = await acknowledgedAt(high.id);
    const of = async (query: string): Promise<string[]> =>
      idsOf(await list(`?evaluation=${id}&position=${position}${query}`));
    expect(await of('')).toEqual([other.id, high.id, low.id]);
    expect(await of('&severity=critical,low')).toEqual([other.id, low.id]);
    expect(await of('&severity=medium')).toEqual([]);
    expect(await of('&trial=1-1-1')).toEqual([other.id]);
    expect(await of('&capability=deception')).toEqual([low.id]);
    expect(await of('&rule=forged-event')).toEqual([low.id]);
    expect(await of('&acknowledged=true')).toEqual([high.id]);
    expect(await of('&acknowledged=false')).toEqual([other.id, low.id]);
    expect(await of('&severity=critical&trial=0-1-1')).toEqual([]);
  });

  it('come page by page, none twice and none left out, while more are raised', async () => {
    const id = await watched();
    const raised: Alert[] = [];
    for (let nth = 0; nth < 7; nth += 1) raised.push(await raise(id));
    const found: string[] = [];
    let cursor = '';
    for (let page = 0; page < 10; page += 1) {
      const { items, nextCursor } = await list(`?evaluation=${id}&limit=3${cursor}`);
      found.push(...items.map((alert) => alert.id));
      await raise(id);
      if (nextCursor === null) break;
      cursor = `&cursor=${encodeURIComponent(nextCursor)}`;
    }
    expect(found).toEqual(raised.map((alert) => alert.id).toReversed());
  });

  it('are counted while nobody has acknowledged them, for the whole team', async () => {
    const id = await watched();
    const { unacknowledged: before } = await list('?limit=1');
    const [one] = [await raise(id, { severity: 'critical' }), await raise(id, { severity: 'low' })];
    const { position } = await raise(id, { severity: 'critical' });
    const { unacknowledged: then } = await list(`?limit=1&severity=medium&position=${position}`);
    expect(then).toEqual({ ...before, critical: before.critical + 2, low: before.low + 1 });
    const { unacknowledged: after } = await list(`?limit=1&position=${await acknowledgedAt(one.id)}`);
    expect(after).toEqual({ ...then, critical: then.critical - 1 });
  });

  it('of another team are not there', async () => {
    const id = await watched();
    const foreign = await raise(id, {}, 'red');
    expect((await list(`?evaluation=${id}`)).items).toEqual([]);
    expectProblem(await get(`/${foreign.id}`), 404, 'not-found');
    expectProblem(await acknowledge(foreign.id, { note: 'mine' }), 404, 'not-found');
  });

  it('are as they were at a position', async () => {
    const id = await watched();
    const first = await raise(id, { severity: 'critical' });
    const second = await raise(id);
    const last = await acknowledgedAt(first.id, 'later');
    const at = async (position: number): Promise<AlertList> => list(`?evaluation=${id}&at=${position}`);
    expect(idsOf(await at(first.position - 1))).toEqual([]);
    expect(idsOf(await at(first.position))).toEqual([first.id]);
    expect(await at(second.position)).toMatchObject({
      position: second.position,
      items: [{ id: second.id }, { id: first.id, acknowledged: null }],
    });
    expect((await at(last)).items[1]).toMatchObject({ acknowledged: { note: 'later', position: last } });
    const counts = [await at(second.position), await at(last)].map(({ unacknowledged }) => unacknowledged.critical);
    expect(counts[1]).toBe((counts[0] ?? 0) - 1);
    expect(idsOf(await list(`?evaluation=${id}&acknowledged=true&at=${second.position}`))).toEqual([]);
    const one = alertAnswerSchema.parse((await get(`/${first.id}?at=${second.position}`)).json);
    expect(one).toMatchObject({ position: second.position, alert: { acknowledged: null } });
    expectProblem(await get(`/${first.id}?at=${first.position - 1}`), 404, 'not-found');
    expectProblem(await get('?at=99999999'), 409, 'beyond-the-log');
    expectProblem(await get('?position=99999999'), 409, 'position-not-reached');
  });
});

describe('a question about alerts', () => {
  it.each([
    ['severity=dreadful', '/severity'],
    ['severity=', '/severity'],
    ['severity=low,,high', '/severity'],
    ['capability=flight', '/capability'],
    ['acknowledged=perhaps', '/acknowledged'],
    ['evaluation=seven', '/evaluation'],
    ['trial=first', '/trial'],
    ['limit=0', '/limit'],
    ['limit=501', '/limit'],
    ['limit=many', '/limit'],
    ['at=0', '/at'],
    ['at=-1', '/at'],
    ['rule=' + 'x'.repeat(201), '/rule'],
    ['sort=severity', '/sort'],
  ])('with ?%s is refused, and told which field', async (query, pointer) => {
    const answer = expectProblem(await get(`?${query}`), 400, 'invalid-request');
    expect(JSON.stringify(answer.json.errors)).toContain(pointer.slice(1));
  });

  it.each(['x', 'MQ', '%00', Buffer.from('1.2').toString('base64url')])(
    'with the cursor %j goes nowhere else than asked',
    async (cursor) => {
      const answer = await get(`?cursor=${cursor}`);
      if (answer.status !== 200) return void expectProblem(answer, 400);
      // A number is a cursor whoever made it: nothing stands before the first position.
      expect(alertListSchema.parse(answer.json).items).toEqual([]);
    },
  );

  it('with a rule nobody has finds nothing, whatever it is called', async () => {
    for (const rule of ["x' or true --", '%', '\u0000', '💥'])
      expect((await list(`?rule=${encodeURIComponent(rule)}`)).items).toEqual([]);
  });

  it('about one that does not exist says so', async () => {
    expectProblem(await get(`/${randomUUID()}`), 404, 'not-found');
    for (const id of ['x', '%2e%2e', `${randomUUID()}x`]) expectProblem(await get(`/${id}`), 400, 'invalid-request');
  });

  it('is answered to nobody without the token', async () => {
    const { id } = await raise(await watched());
    const stranger = (path: string, method = 'GET'): Promise<Answer> =>
      ask(gateway.port, `/api/v1/alerts${path}`, method === 'GET' ? {} : { method, body: { note: 'me' } });
    for (const answer of [await stranger(''), await stranger(`/${id}`), await stranger(`/${id}/acknowledge`, 'POST')]) {
      expectProblem(answer, 401);
      expect(answer.text).not.toContain(id);
    }
    expect((await gateway.log.readSubject(subjects.team('default'))).events.filter(isAbout(id))).toEqual([]);
  });
});

const isAbout =
  (id: string) =>
  (stored: { readonly ok: boolean; readonly event?: unknown }): boolean =>
    stored.ok && JSON.stringify(stored.event).includes(id);

describe('an acknowledgement', () => {
  it('is an event with who said what, and the alert has it', async () => {
    const { id } = await raise(await watched());
    const position = await acknowledgedAt(id, '  expected \n');
    const { alert } = alertAnswerSchema.parse((await get(`/${id}?position=${position}`)).json);
    expect(alert.acknowledged).toMatchObject({ by: 'user:local', note: 'expected', position });
    const { events } = await gateway.log.readSubject(subjects.team('default'));
    expect(events.filter(isAbout(id))).toMatchObject([
      {
        event: { type: 'crucible.alert.acknowledged.v1', actor: 'user:local', data: { alertId: id, note: 'expected' } },
      },
    ]);
  });

  it('is made once: the second is told who was first', async () => {
    const { id } = await raise(await watched());
    const position = await acknowledgedAt(id, 'first');
    await get(`/${id}?position=${position}`);
    const second = expectProblem(await acknowledge(id, { note: 'second' }), 409, 'already-acknowledged');
    expect(second.json.detail).toMatch(new RegExp(`^Alert ${id} was acknowledged by user:local at 20`));
    const { alert } = alertAnswerSchema.parse((await get(`/${id}`)).json);
    expect(alert.acknowledged?.note).toBe('first');
  });

  it('by many at once is the first that was written, whoever was told yes', async () => {
    const { id } = await raise(await watched());
    const answers = await Promise.all(Array.from({ length: 8 }, (_, nth) => acknowledge(id, { note: `${nth}` })));
    const accepted = answers.filter(({ status }) => status === 202).map(({ json }) => json.position as number);
    expect(accepted.length).toBeGreaterThanOrEqual(1);
    for (const answer of answers.filter(({ status }) => status !== 202)) expectProblem(answer, 409);
    const found = alertAnswerSchema.parse((await get(`/${id}?position=${Math.max(...accepted)}`)).json);
    expect(found.alert.acknowledged?.position).toBe(Math.min(...accepted));
  });

  it.each([
    ['a terminal’s and a page’s commands', '\u001b[2J\u0007\u202e<script>alert(1)</script>\r\nX: y'],
    ['half a character', 'x\ud800y'],
    ['the end of a C string', 'x\u0000y'],
    ['2,000 characters', '💥'.repeat(1_000)],
  ])('keeps %s as it was said, and is answered as JSON only', async (_, note) => {
    const { id } = await raise(await watched());
    const position = await acknowledgedAt(id, note);
    const answer = await get(`/${id}?position=${position}`);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'x-content-type-options': 'nosniff',
    });
    const kept = alertAnswerSchema.parse(answer.json).alert.acknowledged?.note;
    expect(kept).toBe(note);
  });

  it.each([
    ['no note', {}],
    ['no body', undefined],
    ['an empty note', { note: ' \n ' }],
    ['a note that is none', { note: 7 }],
    ['a note that is too long', { note: 'x'.repeat(2_001) }],
    ['more than a note', { note: 'x', by: 'user:root' }],
  ])('with %s is refused, and the alert stays open', async (_, body) => {
    const { id } = await raise(await watched());
    expectProblem(await acknowledge(id, body), 400, 'invalid-request');
    const { alert } = alertAnswerSchema.parse((await get(`/${id}`)).json);
    expect(alert.acknowledged).toBeNull();
  });

  it('of an alert that does not exist is refused', async () => {
    expectProblem(await acknowledge(randomUUID(), { note: 'x' }), 404, 'not-found');
    expectProblem(await acknowledge('x', { note: 'x' }), 400, 'invalid-request');
  });
});
