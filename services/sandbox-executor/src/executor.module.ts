import { JetStreamContent, JetStreamEventLog, JetStreamEvidence } from '@crucible/event-log';
import type { Foundation } from '@crucible/service-kit';
import { StoredSuites } from '@crucible/suite';
import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { keyEnvironment } from './config.ts';
import type { Config } from './config.ts';
import {
  CommandFeed,
  Ledger,
  MODEL_BROKER,
  ModelsController,
  openBroker,
  openConversations,
  openPolicies,
} from './conversation/index.ts';
import { Detection } from './detection/index.ts';
import { Eraser } from './erasure/eraser.ts';
import { ErasureController } from './erasure/erasure.controller.ts';
import { Retention } from './erasure/retention.ts';
import { Executor } from './executor.ts';
import { DockerImages, EngineImages } from './images/engine-images.ts';
import { KernelWatch } from './kernel-watch/index.ts';
import { openPool, SandboxHealth } from './pool/index.ts';
import { openReaper } from './reaper/open-reaper.ts';
import { Reaper } from './reaper/reaper.ts';
import { DockerSandboxEngine } from './sandbox/engine.ts';
import { readProfiles } from './sandbox/profiles.ts';
import { ExecutorLife } from './executor-life.ts';
import { openStopping } from './stopping/open-stopping.ts';
import { CONTROL_BUS, StopsController } from './stopping/stops.controller.ts';
import { Stopping } from './stopping/stopping.ts';
import { Lease } from './trials/lease.ts';
import { TrialLog } from './trials/trial-log.ts';
import { TrialRunner } from './trials/trial-runner.ts';
import { TrialsController } from './trials/trials.controller.ts';

@Module({})
export class ExecutorModule {
  static async with({ bus, config, health, logger }: Foundation<Config>): Promise<DynamicModule> {
    const detection = Detection.open(config, () => bus.edge.newId());
    const broker = await openBroker(config, keyEnvironment(), logger);
    const policies = await openPolicies(config, logger);
    const { running, stopping, lease, bus: controlBus } = await openStopping(config, logger);
    const log = new JetStreamEventLog(bus);
    const content = new JetStreamContent(bus);
    const engine = new DockerSandboxEngine({
      socketPath: config.CRUCIBLE_DOCKER_SOCKET,
      runtime: config.CRUCIBLE_SANDBOX_RUNTIME,
      executorId: config.CRUCIBLE_EXECUTOR_ID,
      onCreated: (containerId) => reaper.owns(containerId),
    });
    const claims: { holds(containerId: string): boolean } = { holds: () => false };
    const reaper = openReaper(config, {
      isLive: (containerId) => claims.holds(containerId),
      record: (reaped) => executor.reaped(reaped),
      logger,
    });
    const watch = config.CRUCIBLE_TRACE_SOCKET === undefined ? null : new KernelWatch();
    if (config.CRUCIBLE_TRACE_SOCKET !== undefined) watch?.listen(config.CRUCIBLE_TRACE_SOCKET);
    const facts = {
      executorId: config.CRUCIBLE_EXECUTOR_ID,
      capacity: config.CRUCIBLE_EXECUTOR_CAPACITY,
      runtime: config.CRUCIBLE_SANDBOX_RUNTIME,
      kernelObserved: watch !== null,
    };
    const executor = new Executor(log, facts, () => bus.edge.newId(), logger);
    await executor.begin(reaper);
    await executor.rulesLoaded(detection.rules);
    await executor.modelsLoaded(broker.models());
    const images = new EngineImages({
      source: new DockerImages(config.CRUCIBLE_DOCKER_SOCKET),
      own: config.CRUCIBLE_SANDBOX_IMAGES,
      tell: (found) => executor.imagesLoaded(found),
      logger,
    });
    await images.begin();
    const suites = new StoredSuites((digest) => content.get(digest));
    const trials = new TrialLog(log);
    const evidence = new JetStreamEvidence(bus);
    const eraser = new Eraser({ log, evidence, trials });
    const retention = new Retention(eraser, evidence, { bytesMax: config.CRUCIBLE_EVIDENCE_BYTES_MAX }, logger);
    retention.start();
    const profiles = await readProfiles(config.CRUCIBLE_PROFILES_FILE);
    const { pool, health: sandboxes } = openPool(
      { engine, watch, onChange: (problem) => executor.healthChanged(problem) },
      config,
    );
    stopping.rest(pool);
    claims.holds = (containerId) => pool.holds(containerId);
    reaper.start();
    await stopping.confirmAtStart();
    const sandboxing = { engine, pool, images, profiles, kernelObserved: watch !== null };
    const ground = { broker, policies, trials, sandboxing, logger };
    const { conversations, ledger, feed } = openConversations(bus, config, ground);
    const runner = new TrialRunner(
      { trials, evidence, suites, engine, watch, pool, running, stops: stopping, detection, conversations },
      { ...facts, images, profiles },
      logger,
    );
    health.require('engine', async () => {
      const answer = await engine.ping();
      return answer.ok ? null : answer.error;
    });
    health.require('sandboxes', () => sandboxes.problem);
    const living = { running, pool, health: sandboxes, engine, images, watch };
    return {
      module: ExecutorModule,
      controllers: [TrialsController, StopsController, ErasureController, ModelsController],
      providers: [
        { provide: TrialRunner, useValue: runner },
        { provide: MODEL_BROKER, useValue: broker },
        { provide: Ledger, useValue: ledger },
        { provide: CommandFeed, useValue: feed },
        { provide: Eraser, useValue: eraser },
        { provide: Retention, useValue: retention },
        { provide: Stopping, useValue: stopping },
        { provide: Lease, useValue: lease },
        { provide: CONTROL_BUS, useValue: controlBus },
        { provide: Reaper, useValue: reaper },
        { provide: SandboxHealth, useValue: sandboxes },
        { provide: ExecutorLife, useValue: new ExecutorLife(executor, living) },
      ],
    };
  }
}
