import { durables, JetStreamDurableEvents, JetStreamEventLog } from '@crucible/event-log';
import { bootService, orderedEvents, redrives } from '@crucible/service-kit';
import { configSchema } from './config.ts';
import { SchedulerModule } from './scheduler.module.ts';
import { Scheduler } from './scheduler.ts';

await bootService({
  name: 'scheduler',
  config: configSchema,
  module: (foundation) => SchedulerModule.with(foundation),
  sources: (app, { bus, logger, deadLetters }) => [
    orderedEvents(new JetStreamEventLog(bus), {
      from: () => app.get(Scheduler).begin(),
      logger,
      letters: {
        deadLetters,
        consumer: 'schedule',
        insteadOfRedrive: 'the schedule is folded in order, and anew at each start: ./crucible down and up do so',
      },
    }),
    redrives(new JetStreamDurableEvents(bus), durables.schedulerRedrive, deadLetters, logger),
  ],
});
