import { subjects } from '@crucible/events';
import { bootService, orderedEvents } from '@crucible/service-kit';
import { AuditModule, EVENT_LOG } from './audit.module.ts';
import { auditConfigSchema } from './config.ts';

await bootService({
  name: 'audit',
  config: auditConfigSchema,
  module: (foundation) => AuditModule.open(foundation),
  // From the first event at every start: the tree is rebuilt from the log and never taken on trust. Asked for by subject,
  // a log that has lost an event still gives those behind it: that one is missing is for the tree to say, not the reader.
  sources: (app, { logger }) => [
    orderedEvents(app.get(EVENT_LOG), { from: () => 1, subject: subjects.events, logger }),
  ],
});
