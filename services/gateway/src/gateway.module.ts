import {
  JetStreamContent,
  JetStreamEventLog,
  JetStreamEvidence,
  JetStreamHistory,
  NatsControl,
  NatsLiveReplies,
  openBus,
} from '@crucible/event-log';
import { openDatabase, Projector, ReadModel } from '@crucible/read-model';
import type { Bus, EventLog } from '@crucible/event-log';
import type { Foundation, Logger } from '@crucible/service-kit';
import { StoredSuites } from '@crucible/suite';
import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { AccessRecords } from './audit/access-records.ts';
import { AuditController } from './audit/audit.controller.ts';
import { AuditForward } from './audit/audit-forward.ts';
import { AuthController, COOKIE_NAME } from './auth/auth.controller.ts';
import { Sessions } from './auth/sessions.ts';
import { Acknowledgements } from './commands/acknowledgements.ts';
import { CommandsController } from './commands/commands.controller.ts';
import { Commands } from './commands/commands.ts';
import { TrialCommandsController } from './commands/trial-commands.controller.ts';
import { TrialCommands } from './commands/trial-commands.ts';
import { readProfiles } from './commands/profiles.ts';
import { ErasuresController } from './commands/erasures.controller.ts';
import { Erasures } from './commands/erasures.ts';
import { StopsController } from './commands/stops.controller.ts';
import { Stops } from './commands/stops.ts';
import type { Config } from './config.ts';
import { cookieNameFor, readAuditAccess } from './http.ts';
import { DeadLettersController } from './dead-letters/dead-letters.controller.ts';
import { Redrives } from './dead-letters/redrives.ts';
import { EventRecords } from './history/event-records.ts';
import { HistoryController } from './history/history.controller.ts';
import { Moments } from './history/moments.ts';
import { Past } from './history/past.ts';
import { DocsController } from './pages/docs.controller.ts';
import { LivePosition } from './projection/live-position.ts';
import { Positions } from './projection/positions.ts';
import { ProjectionController } from './projection/projection.controller.ts';
import { AlertsController } from './queries/alerts.controller.ts';
import { CallsController } from './queries/calls.controller.ts';
import { ImagesController } from './queries/images.controller.ts';
import { ModelsController } from './queries/models.controller.ts';
import { EvaluationsController } from './queries/evaluations.controller.ts';
import { KeptEvidence } from './queries/kept-evidence.ts';
import { OutputController } from './queries/output.controller.ts';
import { TrialOutput } from './queries/trial-output.ts';
import { TrialReads } from './queries/trial-reads.ts';
import { TrialRecords } from './queries/trial-records.ts';
import { EventFeed } from './streams/event-feed.ts';
import { LiveController } from './streams/live.controller.ts';
import { StopAudiences } from './streams/stop-audiences.ts';
import { StreamsController } from './streams/streams.controller.ts';
import { TrialReplies } from './streams/trial-replies.ts';
import { SuiteShelf } from './suites/suite-shelf.ts';
import { SuitesController } from './suites/suites.controller.ts';

/** A read model further than the log was built from another log, as after a loss of the bus's data: it is built anew. */
const projectedPosition = async (projector: Projector, log: EventLog, logger: Logger): Promise<number> => {
  const [position, head] = [await projector.position(), await log.head()];
  if (position <= head) return position;
  logger.warn({ position, head }, 'the read model is ahead of the log and is built anew');
  await projector.reset();
  return 0;
};

/** Stops are said and written on a connection of their own: nothing that the gateway reads or sends comes before them. */
const stopsOn = (own: Bus): Stops =>
  new Stops({
    log: new JetStreamEventLog(own),
    control: new NatsControl(own),
    now: () => Date.now(),
    newId: () => own.edge.newId(),
  });

@Module({})
export class GatewayModule {
  static async with({ bus, config, health, logger }: Foundation<Config>, sessions: Sessions): Promise<DynamicModule> {
    const log = new JetStreamEventLog(bus);
    const stopBus = await openBus({
      url: config.CRUCIBLE_NATS_URL,
      user: config.CRUCIBLE_NATS_USER,
      password: config.CRUCIBLE_NATS_PASSWORD,
      name: 'gateway-stops',
    });
    const profiles = await readProfiles(config.CRUCIBLE_PROFILES_FILE);
    const content = new JetStreamContent(bus);
    const history = new JetStreamHistory(bus);
    const evidence = new JetStreamEvidence(bus);
    const db = await openDatabase(config.CRUCIBLE_DATABASE_URL);
    const projector = new Projector(db);
    const live = new LivePosition();
    live.begin(await projectedPosition(projector, log, logger), await log.head());
    health.require('read-model', () => live.behind());
    health.require('database', () => projector.position().then(() => null));
    const readModel = new ReadModel(db);
    const positions = new Positions(live, log);
    // Submissions go on while the database is away: what cannot be known refuses nothing.
    const models = () => readModel.models().catch(() => ({ items: [], complete: false }));
    const images = () => readModel.images().catch(() => ({ items: [], complete: false }));
    const stopAudiences = new StopAudiences(readModel);
    const records = new AccessRecords(log, { readOnly: config.CRUCIBLE_READ_ONLY, now: () => Date.now() });
    const kept = new KeptEvidence({ evidence, history, readModel });
    const values = [
      [Sessions, sessions],
      [COOKIE_NAME, cookieNameFor(config)],
      [Projector, projector],
      [LivePosition, live],
      [ReadModel, readModel],
      [Positions, positions],
      [Past, new Past(readModel, positions, new Moments(history))],
      [EventRecords, new EventRecords(history, readModel)],
      [StoredSuites, new StoredSuites((digest) => content.get(digest))],
      [SuiteShelf, new SuiteShelf(config.CRUCIBLE_SUITES_DIR)],
      [AccessRecords, records],
      [AuditForward, new AuditForward(await readAuditAccess(config))],
      [
        Commands,
        new Commands({ log, content, control: new NatsControl(bus), profiles, models, images, now: () => Date.now() }),
      ],
      [TrialCommands, new TrialCommands({ log, now: () => Date.now() })],
      [Erasures, new Erasures(log)],
      [Stops, stopsOn(stopBus)],
      [Redrives, new Redrives(log, () => bus.edge.newId())],
      [StopAudiences, stopAudiences],
      [EventFeed, new EventFeed(live, log, stopAudiences)],
      [TrialOutput, new TrialOutput(evidence, live)],
      [TrialRecords, new TrialRecords(evidence)],
      [Acknowledgements, new Acknowledgements(log, readModel)],
      [TrialReads, new TrialReads({ readModel, kept, access: records })],
      [TrialReplies, new TrialReplies(new NatsLiveReplies(bus), live)],
    ] as const;
    return {
      module: GatewayModule,
      controllers: [
        AlertsController,
        AuditController,
        AuthController,
        CallsController,
        CommandsController,
        DeadLettersController,
        ErasuresController,
        EvaluationsController,
        HistoryController,
        ModelsController,
        ImagesController,
        LiveController,
        OutputController,
        StopsController,
        StreamsController,
        SuitesController,
        TrialCommandsController,
        DocsController,
        ProjectionController,
      ],
      providers: values.map(([provide, useValue]) => ({ provide, useValue })),
    };
  }
}
