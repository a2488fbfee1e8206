import type { CrucibleEvent } from '@crucible/events';
import { beforeEach, describe, expect, it } from 'vitest';
import { cancel, endOf, evaluationOf, post, problemOf, submit, trialsOf } from './support/api.ts';
import { crucible } from './support/cli.ts';
import { containersOfTrials } from './support/engine.ts';
import { platform } from './support/facts.ts';
import { crowding, differences, faultsOf, history } from './support/history.ts';
import type { Entry } from './support/history.ts';
import { comeToRest } from './support/rest.ts';
import { sample, sleepers, suiteOf } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

beforeEach(() => comeToRest());

const running = (id: string, atLeast: number) =>
  waitFor('trials to run', async () => (await evaluationOf(id)).trials.running >= atLeast);

/** From the request to cancel to the end, by the log: what a poll takes to notice is not counted. */
const msToCancel = (entries: readonly Entry[], id: string): number => {
  const timeOf = (type: CrucibleEvent['type']): number => {
    const found = entries.find(
      ({ event }) => event.type === type && 'evaluationId' in event.data && event.data.evaluationId === id,
    );
    if (found === undefined) throw new Error(`the log has no ${type} of ${id}`);
    return Date.parse(found.event.time);
  };
  return timeOf('crucible.evaluation.completed.v1') - timeOf('crucible.evaluation.cancel-requested.v1');
};

describe('cancelling', () => {
  it('stops what runs and withdraws what waits, within seconds, and leaves nothing behind', async () => {
    const { id } = await submit({
      suite: suiteOf(sleepers(8, 200), { concurrency: 2, sandbox: { wallTime: '300s' } }),
    });
    await running(id, 2);
    expect((await cancel(id, 'enough')).status).toBe(202);
    const view = await endOf(id, 60_000);
    expect(view).toMatchObject({ status: 'cancelled', cancelReason: 'enough', score: null });
    expect(view.trials).toMatchObject({ total: 8, passed: 0, failed: 0, errored: 2, withdrawn: 6 });
    expect((await trialsOf(id)).filter(({ status }) => status === 'finished').map(({ reason }) => reason)).toEqual([
      'stopped',
      'stopped',
    ]);
    await waitFor('the sandboxes to go', async () => (await containersOfTrials()).length === 0, 60_000);
    const entries = await history();
    expect(msToCancel(entries, id)).toBeLessThan(10_000);
    expect(faultsOf(entries, id)).toEqual([]);
    expect(await differences(entries, [id])).toEqual([]);
  });

  it('reaches an evaluation that waits behind others', async () => {
    const { concurrencyMax } = platform();
    const first = await submit({
      suite: suiteOf(sleepers(concurrencyMax, 200), { concurrency: concurrencyMax, sandbox: { wallTime: '300s' } }),
    });
    await running(first.id, concurrencyMax);
    const second = await submit({ suite: suiteOf(sleepers(3, 1)) });
    await waitFor('the second to be admitted', async () => (await evaluationOf(second.id)).status === 'running');
    expect((await cancel(second.id)).status).toBe(202);
    expect(await endOf(second.id, 60_000)).toMatchObject({ status: 'cancelled', startedAt: null });
    expect((await cancel(first.id)).status).toBe(202);
    expect(await endOf(first.id, 60_000)).toMatchObject({ status: 'cancelled' });
    const entries = await history();
    expect(msToCancel(entries, second.id)).toBeLessThan(5_000);
    expect(msToCancel(entries, first.id)).toBeLessThan(10_000);
  });

  it('is refused clearly once it ended, by the API and the command line', async () => {
    const { id } = await submit({ suite: suiteOf([sample('quick', 'print(1)')]) });
    await endOf(id);
    const refused = await cancel(id);
    expect(refused.status).toBe(409);
    expect(await problemOf(refused)).toMatchObject({
      status: 409,
      detail: `Evaluation ${id} has ended; there is nothing to cancel.`,
    });
    const { code, stderr } = await crucible(['cancel', id]);
    expect(stderr).toContain('has ended; there is nothing to cancel');
    expect(code).toBe(1);
    expect((await evaluationOf(id)).status).toBe('completed');
  });

  it('is refused for an evaluation nobody knows', async () => {
    const refused = await cancel('00000000-0000-7000-8000-000000000000');
    expect(refused.status).toBe(404);
    await problemOf(refused);
  });
});

describe('submitting twice with one Idempotency-Key', () => {
  const key = { 'idempotency-key': `acceptance-${process.pid}-${Date.now()}` };
  const suite = suiteOf([sample('once', 'print(1)')]);

  it('is one evaluation, also when both come at once', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => submit({ suite }, key)));
    const [id] = new Set(answers.map((answer) => answer.id));
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
    await endOf(id ?? '');
    expect((await submit({ suite }, key)).id).toBe(id);
    expect(faultsOf(await history(), id ?? '')).toEqual([]);
  });

  it('is refused with another body', async () => {
    const refused = await post('/api/v1/evaluations', { suite: suiteOf([sample('twice', 'print(2)')]) }, key);
    expect(refused.status).toBe(422);
    expect((await problemOf(refused)).detail).toContain('Idempotency-Key');
  });
});

const isDispatchOf = (event: CrucibleEvent, id: string): boolean =>
  event.type === 'crucible.trial.dispatched.v1' && event.data.evaluationId === id;

describe('limits of concurrency', () => {
  it('hold by the log, of each evaluation and of the platform, and are used to the full', async () => {
    const { concurrencyMax } = platform();
    const wishes = [
      { asked: 1, trials: 2 },
      { asked: 2, trials: 4 },
      { asked: concurrencyMax, trials: 8 },
      { asked: 200, trials: 7 },
    ];
    const before = (await history()).length;
    const ids: string[] = [];
    for (const { asked, trials } of wishes) {
      // For so long that as many as may run at once do, also where starting six of them takes seconds.
      ids.push((await submit({ suite: suiteOf(sleepers(trials, 6), { concurrency: asked }) })).id);
    }
    const views = await Promise.all(ids.map((id) => endOf(id)));
    expect(views.map(({ concurrency }) => concurrency)).toEqual(
      wishes.map(({ asked }) => Math.min(asked, concurrencyMax)),
    );
    const entries = await history();
    const { all, of } = crowding(entries.slice(before));
    expect(all).toBe(concurrencyMax);
    ids.forEach((id, index) => expect(of.get(id)).toBeLessThanOrEqual(views[index]?.concurrency ?? 0));
    expect([of.get(ids[0] ?? ''), of.get(ids[1] ?? '')]).toEqual([1, 2]);
    expect(ids.flatMap((id) => faultsOf(entries, id))).toEqual([]);
    // In the order of submission: none is given its first place after one behind it, as each had room.
    const begun = ids.map((id) => entries.find(({ event }) => isDispatchOf(event, id))?.position ?? Number.NaN);
    expect(begun).toEqual(begun.toSorted((a, b) => a - b));
  });

  it('can be asked lower than the suite has them, never higher', async () => {
    const suite = suiteOf(sleepers(3, 0.2), { concurrency: 2 });
    const [lower, higher] = await Promise.all([submit({ suite, concurrency: 1 }), submit({ suite, concurrency: 5 })]);
    expect((await endOf(lower.id)).concurrency).toBe(1);
    expect((await endOf(higher.id)).concurrency).toBe(2);
  });

  it('hold for epochs as well, each of which is a trial', async () => {
    const { id } = await submit({ suite: suiteOf([sample('again', 'print(1)')], { epochs: 5, concurrency: 2 }) });
    expect(await endOf(id)).toMatchObject({ epochs: 5, trials: { total: 5, passed: 5 } });
    expect(crowding(await history()).of.get(id)).toBeLessThanOrEqual(2);
    expect((await trialsOf(id)).map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5]);
  });
});
