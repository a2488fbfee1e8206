import { durables, JetStreamDurableEvents, JetStreamEventLog } from '@crucible/event-log';
import { Projector } from '@crucible/read-model';
import { bootService, orderedBatches, redrives } from '@crucible/service-kit';
import type { Sessions } from './auth/sessions.ts';
import { configSchema } from './config.ts';
import { GatewayModule } from './gateway.module.ts';
import { createAdapter, prepareHttp, readSessions } from './http.ts';
import { isDatabasesFault } from './projection/faults.ts';
import { ToldOnly } from './projection/told-only.ts';

const PROJECTION_BATCH_MAX = 500;
let sessions: Sessions;

await bootService({
  name: 'gateway',
  config: configSchema,
  module: async (foundation) => {
    sessions = await readSessions(foundation.config);
    return GatewayModule.with(foundation, sessions);
  },
  sources: (app, { bus, config, logger, deadLetters }) => {
    const log = new JetStreamEventLog(bus);
    const projection = orderedBatches(log, {
      from: async () => (await app.get(Projector).position()) + 1,
      batchMax: PROJECTION_BATCH_MAX,
      logger,
      letters: {
        deadLetters: config.CRUCIBLE_READ_ONLY ? new ToldOnly('gateway', log, logger) : deadLetters,
        consumer: 'projector',
        isAway: isDatabasesFault,
        insteadOfRedrive:
          'the read model is built in order, and what came later is in it: ./crucible projections rebuild builds it anew',
      },
    });
    if (config.CRUCIBLE_READ_ONLY) return [projection];
    return [projection, redrives(new JetStreamDurableEvents(bus), durables.gatewayRedrive, deadLetters, logger)];
  },
  http: {
    adapter: ({ config }) => createAdapter(config),
    prepare: (app, foundation) => prepareHttp(app, foundation, sessions),
    listen: (config) => ({ port: config.CRUCIBLE_PORT, host: config.CRUCIBLE_BIND }),
  },
});
