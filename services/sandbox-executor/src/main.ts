import type { Bus } from '@crucible/event-log';
import { durables, JetStreamDurableEvents, JetStreamEventLog, JetStreamWorkQueue } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import { bootService, orderedEvents, redrives, workOf } from '@crucible/service-kit';
import { configSchema } from './config.ts';
import { eraseRequests } from './erasure/erasure.controller.ts';
import { Retention } from './erasure/retention.ts';
import { ExecutorModule } from './executor.module.ts';
import { POOL } from './executor.ts';
import { SandboxHealth } from './pool/index.ts';
import { CONTROL_BUS } from './stopping/stops.controller.ts';
import { Stopping } from './stopping/stopping.ts';
import { Lease } from './trials/lease.ts';

/** Of one item, until its trial is withdrawn: about six seconds with the waits between them. */
const WORK_ATTEMPTS_MAX = 6;

await bootService({
  name: 'sandbox-executor',
  config: configSchema,
  module: (foundation) => ExecutorModule.with(foundation),
  sources: (app, { bus, config, deadLetters, logger }) => {
    const log = new JetStreamEventLog(bus);
    const retention = app.get(Retention);
    const sandboxes = app.get(SandboxHealth);
    const stopping = app.get(Stopping);
    const lease = app.get(Lease);
    const mayTake = (): boolean =>
      !retention.full && sandboxes.problem === null && lease.held && !stopping.stopsEverything;
    const durable = new JetStreamDurableEvents(bus);
    return [
      // Only what is asked from now on: a trial taken later looks at its evaluation itself.
      orderedEvents(log, {
        from: async () => (await log.head()) + 1,
        subject: subjects.evaluationsOnly,
        logger,
        letters: { deadLetters, consumer: 'cancels' },
      }),
      orderedEvents(new JetStreamEventLog(app.get<Bus>(CONTROL_BUS)), {
        from: () => stopping.next,
        subject: subjects.platform('stop'),
        logger,
        letters: { deadLetters, consumer: 'stops' },
      }),
      eraseRequests(durable, deadLetters, logger),
      redrives(durable, durables.executorRedrive, deadLetters, logger),
      workOf(new JetStreamWorkQueue(bus), {
        pool: POOL,
        capacity: () => (mayTake() ? config.CRUCIBLE_EXECUTOR_CAPACITY : 0),
        logger,
        letters: { deadLetters, consumer: 'work', attemptsMax: WORK_ATTEMPTS_MAX },
      }),
    ];
  },
});
