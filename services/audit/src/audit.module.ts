import { join } from 'node:path';
import {
  JetStreamCheckpoints,
  JetStreamContent,
  JetStreamEventLog,
  JetStreamEvidence,
  JetStreamHistory,
} from '@crucible/event-log';
import type { EventLog } from '@crucible/event-log';
import type { Foundation, Logger } from '@crucible/service-kit';
import { LOGGER } from '@crucible/service-kit';
import { verifierKey } from '@crucible/transparency';
import { verifierOf } from '@crucible/transparency/node';
import { Inject, Injectable, Module } from '@nestjs/common';
import type { DynamicModule, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import type { AuditConfig } from './config.ts';
import { OwnRecord, openTrail } from './sealing/anchors.ts';
import { Sealer } from './sealing/sealer.ts';
import { openSigningKey } from './sealing/signing-key.ts';
import { TrailController } from './sealing/trail.controller.ts';
import { AuditHttp } from './serving/audit-http.ts';
import { routesOf } from './serving/routes.ts';
import type { RoutePorts } from './serving/routes.ts';
import { readToken } from './serving/token.ts';
import { TreeFiles } from './tree/tree-files.ts';

export const EVENT_LOG = Symbol('event-log');
const SERVING = Symbol('serving');

/** Runs while the application does, beside its handlers. */
interface Serving {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Sealing begins with the application and ends after its last event was taken; what is served ends before. */
@Injectable()
class Life implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(Sealer) private readonly sealer: Sealer,
    @Inject(SERVING) private readonly serving: Serving,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.sealer.start(this.logger);
    await this.serving.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.serving.stop();
    await this.sealer.stop();
  }
}

const nothing: Serving = { start: () => Promise.resolve(), stop: () => Promise.resolve() };

const servingOf = (config: AuditConfig, ports: RoutePorts, logger: Logger): Serving => {
  const { CRUCIBLE_AUDIT_PORT: port, CRUCIBLE_AUDIT_BIND: host, CRUCIBLE_HOME: home } = config;
  if (port === undefined) return nothing;
  const token = readToken(config.CRUCIBLE_AUDIT_TOKEN_FILE ?? join(home, 'secrets', 'audit-token'));
  const http = new AuditHttp(routesOf(ports), token, logger);
  return { start: () => http.listen(port, host), stop: () => http.close() };
};

@Module({})
export class AuditModule {
  static async open({ config, bus, health, logger }: Foundation<AuditConfig>): Promise<DynamicModule> {
    const signer = openSigningKey(join(config.CRUCIBLE_HOME, 'secrets'));
    const vkey = verifierKey(verifierOf(signer));
    logger.info({ verifierKey: vkey }, 'checkpoints are signed with this key');
    const log: EventLog = new JetStreamEventLog(bus);
    const checkpoints = new JetStreamCheckpoints(bus);
    const own = new OwnRecord(join(config.CRUCIBLE_HOME, 'audit', 'last-checkpoint'));
    const tree = new TreeFiles(join(config.CRUCIBLE_HOME, 'audit', 'tiles'));
    const sealer = new Sealer(
      await openTrail(checkpoints, own, verifierOf(signer)),
      { log, checkpoints, own, tree },
      signer,
      { eventsMax: config.CRUCIBLE_AUDIT_SEAL_EVENTS_MAX, waitMsMax: config.CRUCIBLE_AUDIT_SEAL_WAIT_MS_MAX },
    );
    health.require('log', () => sealer.problem());
    const history = new JetStreamHistory(bus);
    const bulk = { content: new JetStreamContent(bus), evidence: new JetStreamEvidence(bus) };
    const ports = { log, history, checkpoints, ...bulk, tree, sealer, verifierKey: vkey, now: () => Date.now() };
    return {
      module: AuditModule,
      controllers: [TrailController],
      providers: [
        Life,
        { provide: Sealer, useValue: sealer },
        { provide: SERVING, useValue: servingOf(config, ports, logger) },
        { provide: EVENT_LOG, useValue: log },
      ],
    };
  }
}
