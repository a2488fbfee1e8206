import { openBus } from '@crucible/event-log';
import { streams } from '@crucible/events';
import type { CrucibleEvent } from '@crucible/events';
import { beforeAll, describe, expect, it } from 'vitest';
import { endOf, submit } from './support/api.ts';
import { platform } from './support/facts.ts';
import { history } from './support/history.ts';
import type { Entry } from './support/history.ts';
import { sample, suiteOf } from './support/suites.ts';
import { waitFor } from './support/wait.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;

/** The header by which whoever takes the message from the bus goes on with its trace. */
const headersOf = async (positions: readonly number[]): Promise<(string | undefined)[]> => {
  const { natsUrl: url, natsUser: user, natsPassword: password } = platform();
  const bus = await openBus({ url, user, password, name: 'acceptance' });
  try {
    const stored = positions.map((seq) => bus.jsm.streams.getMessage(streams.events, { seq }));
    return (await Promise.all(stored)).map((message) => message?.header.get('traceparent'));
  } finally {
    await bus.nc.close();
  }
};

const isOf = ({ data }: CrucibleEvent, id: string): boolean => 'evaluationId' in data && data.evaluationId === id;
const eventsOf = async (id: string): Promise<Entry[]> => (await history()).filter(({ event }) => isOf(event, id));
const suite = suiteOf([sample('traced', 'print(1)')]);

describe('the trace of a request', () => {
  let own: Entry[];
  beforeAll(async () => {
    const { id } = await submit({ suite }, { traceparent: TRACEPARENT });
    await endOf(id);
    own = await waitFor('the end to be announced', async () => {
      const events = await eventsOf(id);
      return events.some(({ event }) => event.type === 'crucible.delivery.succeeded.v1') && events;
    });
  });

  it('goes on through every service that answers it, from submitting to the end and its announcement', () => {
    const seen = own.map(({ event }) => [event.source, event.type, event.traceparent?.split('-')[1]]);
    expect(seen.filter(([, type]) => type !== 'crucible.delivery.failed.v1')).toEqual([
      ['/crucible/gateway', 'crucible.evaluation.submitted.v2', TRACE_ID],
      ['/crucible/scheduler', 'crucible.evaluation.admitted.v1', TRACE_ID],
      ['/crucible/scheduler', 'crucible.trial.dispatched.v1', TRACE_ID],
      ['/crucible/sandbox-executor', 'crucible.trial.started.v2', TRACE_ID],
      ['/crucible/sandbox-executor', 'crucible.trial.finished.v2', TRACE_ID],
      ['/crucible/scheduler', 'crucible.evaluation.completed.v1', TRACE_ID],
      ['/crucible/notifier', 'crucible.delivery.succeeded.v1', TRACE_ID],
    ]);
  });

  it('is a header of each message as well as a part of its body', async () => {
    const headers = await headersOf(own.map(({ position }) => position));
    expect(headers).toEqual(own.map(({ event }) => event.traceparent));
  });

  it('begins nowhere for a request without one, or with what is none', async () => {
    const wrong: Record<string, string>[] = [
      {},
      { traceparent: 'nothing of the kind' },
      { traceparent: `${TRACEPARENT}-and-more` },
      // The standard calls an id of zeros none.
      { traceparent: `00-${'0'.repeat(32)}-b7ad6b7169203331-01` },
      { traceparent: `00-${TRACE_ID}-${'0'.repeat(16)}-01` },
    ];
    const accepted = await Promise.all(wrong.map((headers) => submit({ suite }, headers)));
    await Promise.all(accepted.map(({ id }) => endOf(id)));
    const events = await history();
    for (const [index, { id }] of accepted.entries()) {
      const traces = events.filter(({ event }) => isOf(event, id)).map(({ event }) => event.traceparent);
      expect(traces.length, JSON.stringify(wrong[index])).toBeGreaterThanOrEqual(6);
      expect(new Set(traces), JSON.stringify(wrong[index])).toEqual(new Set([undefined]));
    }
  });
});
