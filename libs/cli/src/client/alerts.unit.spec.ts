import type { AlertItem } from '@crucible/api';
import { noAlerts, reduceAlert } from '@crucible/domain';
import type { AlertView } from '@crucible/domain';
import type { EventData, Severity } from '@crucible/events';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { alertCountsText, alertLines, shortAlertId, trialAlertLines, worstAlertLines } from './alert-text.ts';
import { listAlerts, resolveAlertId, trialAlerts, worstAlerts } from './alerts.ts';
import type { ApiClient } from './api-client.ts';
import { evaluationLines, trialLines } from './description.ts';
import { History, halfDone, startMs } from './testing.ts';
import { bare } from './text.ts';

const idOf = (nth: number): string => `019ab3f2-${nth.toString(16).padStart(4, '0')}-7d62-9f30-4c5d6e7f8091`;

/** An alert as its events make it. */
const alert = (nth: number, data: Partial<EventData<'crucible.alert.raised.v1'>> = {}, note?: string): AlertItem => {
  const history = new History().add('crucible.alert.raised.v1', { alertId: idOf(nth), ...data });
  if (note !== undefined)
    history.add('crucible.alert.acknowledged.v1', { ...place(history), alertId: idOf(nth), note });
  const view = history.events.reduce<AlertView | undefined>(reduceAlert, undefined);
  if (view === undefined) throw new Error('no alert');
  return { ...view, raisedPosition: nth, looserProfile: false };
};
const place = ({ events: [first] }: History) => {
  if (first?.event.type !== 'crucible.alert.raised.v1') throw new Error('no alert');
  const { evaluationId, trialId } = first.event.data;
  return { evaluationId, trialId };
};
const of = (severity: Severity, nth: number): AlertItem => alert(nth, { severity });
const plain = (lines: readonly string[]): string => lines.map(bare).join('\n');

/** A gateway with these alerts, the newest first, that gives at most two a page. */
const asked: Record<string, unknown>[] = [];
const holding = (...alerts: readonly AlertItem[]): ApiClient => {
  const newest = alerts.toSorted((a, b) => b.raisedPosition - a.raisedPosition);
  const get = (_path: string, schema: z.ZodType, query: Record<string, unknown>) => {
    asked.push(query);
    const { severity, cursor, limit } = query;
    const found = newest.filter((each) => severity === undefined || each.severity === severity);
    const from = Number(cursor ?? 0);
    const to = from + Math.min(2, Number(limit));
    const nextCursor = to < found.length ? String(to) : null;
    return schema.parse({ items: found.slice(from, to), nextCursor, unacknowledged: noAlerts, position: 1 });
  };
  return { get } as unknown as ApiClient;
};
const ids = (alerts: readonly AlertItem[]): string[] => alerts.map(({ id }) => id);

describe('alerts', () => {
  const five = [1, 2, 3, 4, 5].map((nth) => alert(nth));

  it('are listed by every page there is, and no further than asked', async () => {
    const all = await listAlerts(holding(...five), { evaluation: 'x' }, 100);
    expect(ids(all.items)).toEqual([5, 4, 3, 2, 1].map(idOf));
    expect(all.nextCursor).toBeNull();
    const some = await listAlerts(holding(...five), {}, 3);
    expect(ids(some.items)).toEqual([5, 4, 3].map(idOf));
    expect(some.nextCursor).not.toBeNull();
    expect(asked.find(({ evaluation }) => evaluation === 'x')).toMatchObject({ limit: 100 });
  });

  it('of an evaluation are the worst, and nobody is asked for what it has none of', async () => {
    const mixed = [of('low', 1), of('critical', 2), of('high', 3), of('critical', 4), of('high', 5)];
    const counts = { ...noAlerts, low: 1, high: 2, critical: 2 };
    asked.length = 0;
    const worst = await worstAlerts(holding(...mixed), { evaluation: 'x', counts }, 3);
    expect(ids(worst)).toEqual([4, 2, 5].map(idOf));
    expect(asked.map(({ severity }) => severity)).toEqual(['critical', 'high']);
    asked.length = 0;
    expect(await worstAlerts(holding(), { evaluation: 'x', counts: noAlerts }, 3)).toEqual([]);
    expect(asked).toEqual([]);
  });

  it('of a trial come the worst first, then as they were raised', async () => {
    const mixed = [of('low', 1), of('high', 2), of('critical', 3), of('high', 4)];
    expect(ids(await trialAlerts(holding(...mixed), { evaluation: 'x', trial: '0-1-1' }))).toEqual(
      [3, 2, 4, 1].map(idOf),
    );
  });

  it('are found by the beginning of an id, on whatever page', async () => {
    const client = holding(...five);
    expect(await resolveAlertId(client, shortAlertId(idOf(1)).toUpperCase())).toBe(idOf(1));
    expect(await resolveAlertId(holding(), idOf(9))).toBe(idOf(9));
    await expect(resolveAlertId(client, '019ab3f2')).rejects.toThrow(/more than one.*\n.*0005.*\n.*0004/);
    await expect(resolveAlertId(client, 'ffff')).rejects.toThrow(/no alert id begins with ffff\n.*crucible alerts/);
    await expect(resolveAlertId(client, '01')).rejects.toThrow('at least its first 4 characters');
    await expect(resolveAlertId(client, '../../stops')).rejects.toThrow('no id of an alert');
  });
});

describe('an alert in words', () => {
  it('says what, where, how often, and who looked at it', () => {
    const text = plain(alertLines(alert(1, { count: 2 }), 120));
    expect(text).toContain(`${shortAlertId(idOf(1))}  high      engine-socket@1  The socket of a container engine`);
    expect(text).toContain('\n  connect /var/run/docker.sock: ENOENT\n');
    expect(text).toMatch(/\n {2}019ab3f0-5c1e 3-1-1 · 2 times · 2026-01-01 00:00:00 · open$/);
    expect(plain(alertLines(alert(1, { count: 1 }, 'a drill'), 120))).toMatch(
      /1 time · .* · acknowledged by user:test: a drill$/,
    );
  });

  it('names the trial whose canary it was, and that the sandbox was killed', () => {
    const { evaluationId, trialId } = alert(1);
    const text = plain(alertLines(alert(1, { response: 'kill', foreignTrial: { evaluationId, trialId } }), 200));
    expect(text).toContain(`the canary is of another trial: ${evaluationId} ${trialId}`);
    expect(text).toContain('killed the sandbox');
  });

  it('has its evidence on the trial’s clock', () => {
    const points = [
      { channel: 'kernel', record: 812, stream: null, offset: null, at: startMs + 1_234.5, excerpt: 'connect x' },
      { channel: 'output', record: null, stream: 'stderr', offset: 7, at: startMs - 500, excerpt: 'printed' },
    ] as const;
    const text = plain(trialAlertLines(alert(1, { evidence: [...points] }), startMs));
    expect(text).toMatch(
      /\n {4}kernel:812 {6}\s+\+1\.23[45] s {2}connect x\n {4}output:stderr:7\s+-0\.500 s {2}printed$/,
    );
  });

  it('is harmless, whatever a guest or a person wrote', () => {
    const evil = '\u001b[2J\u202e\u0007\nx\u009b';
    const views = alert(
      1,
      {
        summary: evil,
        rule: { ...alert(1).rule, title: evil, id: evil },
        evidence: [{ channel: 'kernel', record: 1, stream: null, offset: null, at: startMs, excerpt: evil }],
      },
      evil,
    );
    const counts = { ...noAlerts, high: 1 };
    const lines = [
      ...alertLines(views, 100),
      ...trialAlertLines(views, startMs),
      ...worstAlertLines([views], { counts, columns: 100 }),
    ];
    for (const line of lines) expect(bare(line)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/u);
  });
});

describe('what show says of alerts', () => {
  const { evaluation, trials } = halfDone().page();
  const counts = { low: 0, medium: 2, high: 1, critical: 0 };
  const view = { columns: 90, nowMs: startMs, url: 'http://127.0.0.1/x' };

  it('counts them by severity and lists the worst within the width', () => {
    const lines = evaluationLines({ ...evaluation, alerts: counts }, [...trials.values()], [of('high', 3)], view);
    const text = plain(lines);
    expect(text).toMatch(/^alerts {7}1 high, 2 medium$/m);
    expect(text).toMatch(/^high {3}engine-socket@1 {2}3-1-1 {2}connect \/var\/run\/docker\.sock: ENOENT$/m);
    expect(text).toContain('and 2 more: ./crucible alerts --evaluation 019ab3f0-5c1e');
    const long = worstAlertLines([alert(1, { summary: 'x'.repeat(299) })], { counts, columns: 60 });
    for (const line of long.slice(0, 2)) expect(stringWidth(bare(line))).toBeLessThanOrEqual(60);
  });

  it('is that there are none', () => {
    expect(plain(evaluationLines(evaluation, [], [], view))).toMatch(/^alerts {7}none$/m);
    expect(alertCountsText(noAlerts)).toBe('none');
  });

  it('is said of a trial with its evidence, and of a profile that is looser than strict', () => {
    const [first] = [...trials.values()];
    if (first === undefined) throw new Error('no trial');
    const sample = { id: 'good', input: { language: 'python' as const, source: 'print(1)' } };
    const profile = { name: 'lab\u001b[1m', version: '7', looserThanStrict: ['memoryBytesMax', 'pidsMax'] };
    const trial = { ...first, alerts: counts, profile };
    const text = plain(trialLines({ trial, sample, position: 1 }, [of('high', 3)]));
    expect(text).toMatch(/^alerts {7}1 high, 2 medium$/m);
    expect(text).toMatch(/^ {4}kernel:812 +\+\d+\.\d{3} s {2}connect \/var\/run\/docker\.sock: ENOENT$/m);
    expect(text).toMatch(/^profile {6}lab␛\[1m 7, looser than strict in memoryBytesMax, pidsMax$/m);
    const strict = { ...trial, profile: { name: 'strict', version: '1', looserThanStrict: [] } };
    expect(plain(trialLines({ trial: strict, sample, position: 1 }, []))).toMatch(/^profile +strict 1$/m);
    expect(plain(alertLines({ ...of('high', 3), looserProfile: true }, 200))).toContain(' · looser profile · open');
    expect(plain(alertLines(of('high', 3), 200))).not.toContain('looser');
    expect(plain(evaluationLines({ ...evaluation, looserProfile: true }, [], [], view))).toContain(
      'some trials ran in a profile that is looser than strict',
    );
  });
});
