import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newEvaluationId } from '../event-log.contract.ts';
import { describeHistory } from '../history.contract.ts';
import { BusUnavailable } from '../port.ts';
import { TestNatsServer } from '../testing/index.ts';
import type { Bus } from './connection.ts';
import { JetStreamEventLog } from './event-log.ts';
import { JetStreamHistory } from './history.ts';

let server: TestNatsServer;
let bus: Bus;
beforeAll(async () => {
  server = await TestNatsServer.start();
  bus = await server.bus('test');
});
afterAll(() => server.stop());

describeHistory('JetStream', () =>
  Promise.resolve({
    log: new JetStreamEventLog(bus),
    history: new JetStreamHistory(bus),
    inject: async (subject, body) => (await bus.js.publish(subject, body)).seq,
  }),
);

describe('the JetStream history', () => {
  it('leaves nothing at the server', async () => {
    for await (const _ of new JetStreamHistory(bus).readEvaluation(newEvaluationId())) throw new Error('an event');
    expect((await bus.jsm.streams.info('EVENTS')).state.consumer_count).toBe(0);
  });

  it('says that the bus is not there', async () => {
    const mortal = await TestNatsServer.start();
    const history = new JetStreamHistory(await mortal.bus('test'));
    await mortal.die();
    const answers = [history.readAt(1), history.readEvaluation(newEvaluationId()).next()];
    for (const { reason } of (await Promise.allSettled(answers)) as PromiseRejectedResult[])
      expect(reason).toBeInstanceOf(BusUnavailable);
    await mortal.stop();
  });
});
