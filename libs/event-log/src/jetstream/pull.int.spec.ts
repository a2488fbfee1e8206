import { setTimeout as sleep } from 'node:timers/promises';
import { trialIdSchema } from '@crucible/events';
import { expect, it } from 'vitest';
import { newEvaluationId } from '../event-log.contract.ts';
import { TestNatsServer } from '../testing/index.ts';
import { JetStreamWorkQueue } from './work-queue.ts';

const POOLS = 20;
const DELIVERIES = 4;

// Redelivery falls together with the end of a request for work when both come round in the same time.
it.each([1_000, 2_500, 5_000])(
  'no message is lost that comes as a request for it ends: after %i ms',
  async (delayMs) => {
    const server = await TestNatsServer.start();
    const stop = new AbortController();
    try {
      const bus = await server.bus('test');
      const queue = new JetStreamWorkQueue(bus, { ackWaitMs: 10_000 });
      const takers: Promise<void>[] = [];
      const deliveries = await Promise.all(
        Array.from({ length: POOLS }, async (_, index) => {
          const pool = `pool-${index}`;
          const item = { evaluationId: newEvaluationId(), trialId: trialIdSchema.parse('0-1-1'), position: 1 };
          await queue.push(pool, item);
          const last = Promise.withResolvers<number>();
          let seen = 0;
          const taking = queue.take(
            pool,
            () => 1,
            stop.signal,
            async (work) => {
              seen += 1;
              if (seen < DELIVERIES) return work.later(delayMs);
              await work.done();
              last.resolve(work.delivery);
            },
          );
          takers.push(taking);
          return last.promise;
        }),
      );
      expect(deliveries).toEqual(Array(POOLS).fill(DELIVERIES));
      stop.abort();
      await Promise.all(takers);
    } finally {
      stop.abort();
      await sleep(0);
      await server.stop();
    }
  },
);
