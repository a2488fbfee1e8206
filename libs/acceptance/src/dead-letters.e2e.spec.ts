import { deadLetterListSchema, deadLetterSchema } from '@crucible/api';
import type { DeadLetter } from '@crucible/api';
import { evaluationIdSchema, subjects } from '@crucible/events';
import { beforeAll, describe, expect, it } from 'vitest';
import { endOf, post, problemOf, request, submit } from './support/api.ts';
import { crucible, crucibleJson, status } from './support/cli.ts';
import { history } from './support/history.ts';
import { publishRaw } from './support/log.ts';
import { sample, suiteOf } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

/** An evaluation that nobody submitted: what is published there is nobody's. */
const stray = subjects.evaluation(evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f'));
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

const corrupt = [
  [stray, Uint8Array.of(0x1b, 0x5b, 0x32, 0x4a, 0xff)],
  [subjects.platform('delivery'), text('{"specversion":"1.0","id":')],
  [stray, text('{"specversion":"1.0","type":"crucible.evaluation.teleported.v1"}')],
  [subjects.platform('executor'), new Uint8Array(65_000).fill(0xff)],
] as const;

let positions: number[];
let item: number;
beforeAll(async () => {
  positions = [];
  for (const [subject, body] of corrupt) positions.push(await publishRaw(subject, body));
  item = await publishRaw(subjects.dispatch('default'), text('{"evaluationId":"nobody"}'));
});

const lettersOf = async (consumer: string): Promise<DeadLetter[]> =>
  deadLetterListSchema.parse(await (await request(`/api/v1/dead-letters?limit=500&consumer=${consumer}`)).json()).items;

const letterAt = (consumer: string, position: number): Promise<DeadLetter> =>
  waitFor(`${consumer} to put aside what is at ${position}`, async () =>
    (await lettersOf(consumer)).find((letter) => letter.position === position),
  );

describe('bytes in the log that are no event', () => {
  it('are put aside once by each consumer that they concern, and nothing waits behind them', async () => {
    const { id } = await submit({ suite: suiteOf([sample('goes-on', 'print("still here")')], { name: 'goes-on' }) });
    expect(await endOf(id)).toMatchObject({ status: 'completed', trials: { passed: 1 } });
    for (const position of positions) {
      for (const consumer of ['gateway/projector', 'scheduler/schedule'])
        expect(await letterAt(consumer, position)).toMatchObject({ stream: 'EVENTS', reason: 'undecodable' });
    }
    for (const consumer of ['notifier/webhook', 'sandbox-executor/cancels'])
      await letterAt(consumer, positions[0] ?? 0);
    const recorded = (await history()).flatMap(({ event }) =>
      event.type === 'crucible.dead-letter.recorded.v1' ? [event.data.deadLetterId] : [],
    );
    expect(new Set(recorded).size).toBe(recorded.length);
  });

  it('are shown by the command line, and harm no terminal', async () => {
    const letter = await letterAt('gateway/projector', positions[0] ?? 0);
    const { code, stdout } = await crucible(['dead-letters', '--limit', '500']);
    expect(code).toBe(0);
    expect(stdout).toContain(letter.id.slice(0, 8));
    const shown = await crucibleJson(['dead-letters', 'show', letter.id.slice(0, 13)]);
    expect(deadLetterSchema.parse(shown)).toEqual(letter);
    expect(stdout + (await crucible(['dead-letters', 'show', letter.id])).stdout).not.toContain('\u001b');
    expect((await status()) as object).toMatchObject({ state: 'up' });
    expect((await crucible(['status'])).stdout).toMatch(/dead letters? (is|are) open/);
    const { findings } = await crucibleJson<{ findings: { name: string; state: string }[] }>(['doctor']);
    expect(findings.find(({ name }) => name === 'dead letters')).toMatchObject({ state: 'warn' });
  });

  it('that are asked for again fail with a reason in words, written to the log with who asked', async () => {
    const letter = await letterAt('notifier/webhook', positions[0] ?? 0);
    const { code, stdout } = await crucible(['dead-letters', 'redrive', letter.id]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/notifier\/webhook at \d+: failed: it still cannot be read: not-json/);
    const events = (await history()).map(({ event }) => event);
    const asked = events.find(
      (event) => event.type === 'crucible.dead-letter.redrive-requested.v1' && event.data.deadLetterId === letter.id,
    );
    expect(asked).toMatchObject({ source: '/crucible/gateway', authmethod: 'token', clientaddress: '127.0.0.1' });
    expect(events.find((event) => event.causationid === asked?.id)).toMatchObject({
      type: 'crucible.dead-letter.settled.v1',
      source: '/crucible/notifier',
      data: { deadLetterId: letter.id, outcome: 'failed' },
    });
  });
});

describe('bytes on the work queue that are no item', () => {
  it('are put aside, and the queue goes on', async () => {
    const letter = await letterAt('sandbox-executor/work', item);
    expect(letter).toMatchObject({ stream: 'DISPATCH', reason: 'undecodable', status: 'open' });
    expect(letter.detail).toContain('{"evaluationId":"nobody"}');
    const { items } = JSON.parse((await crucible(['dead-letters', 'redrive', letter.id, '--json'])).stdout) as {
      items: object[];
    };
    expect(items).toMatchObject([
      { outcome: 'failed', detail: 'a work queue keeps nothing that was let go: run the evaluation again' },
    ]);
  });
});

describe('asking for what is not there', () => {
  it('is refused by name', async () => {
    const missing = '019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f';
    const answer = await post(`/api/v1/dead-letters/${missing}/redrive`, {});
    expect((await problemOf(answer)).detail).toBe(`There is no dead letter ${missing}.`);
    expect((await crucible(['dead-letters', 'redrive'])).code).toBe(2);
    expect((await crucible(['dead-letters', 'show', 'x'])).code).toBe(2);
  });
});
