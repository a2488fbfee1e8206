import { durables } from '@crucible/event-log';
import { bootService, durableEvents, redrives } from '@crucible/service-kit';
import { notifierConfigSchema } from './config.ts';
import { DURABLE_EVENTS, NotifierModule } from './notifier.module.ts';

/** Attempts under way at once. */
const CONCURRENCY = 8;

await bootService({
  name: 'notifier',
  config: notifierConfigSchema,
  module: (foundation) => NotifierModule.open(foundation),
  // Without a webhook events are still taken and let go: one that is set later announces what ends from then on, not the past.
  sources: (app, { config, deadLetters, logger }) => [
    ...(['webhook', 'alerts'] as const).map((name) =>
      durableEvents(app.get(DURABLE_EVENTS), {
        durable: durables[name].durable,
        subject: durables[name].subject,
        concurrency: CONCURRENCY,
        pendingMax: durables[name].pendingMax,
        logger,
        // The webhook's own attempts are no failures of ours: it bounds them itself.
        letters: { deadLetters, consumer: name, laterMax: config.CRUCIBLE_WEBHOOK_ATTEMPTS_MAX },
      }),
    ),
    redrives(app.get(DURABLE_EVENTS), durables.notifierRedrive, deadLetters, logger),
  ],
});
