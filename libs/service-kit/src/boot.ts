import 'reflect-metadata';
import { ensureStreams, JetStreamEventLog, openBus } from '@crucible/event-log';
import type { Bus } from '@crucible/event-log';
import { Module } from '@nestjs/common';
import type { DynamicModule, INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestMicroservice } from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { z } from 'zod';
import { ConfigInvalid, readConfig } from './config.ts';
import type { BaseConfig } from './config.ts';
import { DeadLetters } from './dead-letters.ts';
import { Health, HealthController } from './health.ts';
import { createLogger, NestLogger } from './logger.ts';
import type { Logger } from './logger.ts';
import { JetStreamStrategy, RethrowFilter } from './strategy.ts';
import type { DeliverySource } from './strategy.ts';
import { startTelemetry } from './telemetry.ts';

const EXIT_CONFIG = 78;
const SHUTDOWN_MS_MAX = 20_000;

/** What a service is made of before Nest wires it. */
export interface Foundation<C extends BaseConfig> {
  readonly config: C;
  readonly bus: Bus;
  readonly health: Health;
  readonly logger: Logger;
  /** What this service puts aside. */
  readonly deadLetters: DeadLetters;
}

export interface ServiceDefinition<C extends BaseConfig> {
  readonly name: string;
  readonly config: z.ZodType<C>;
  /** The service's one module. */
  readonly module: (foundation: Foundation<C>) => DynamicModule | Promise<DynamicModule>;
  /** Where its `@EventPattern` handlers are fed from. Asked after the module is ready. */
  readonly sources: (app: INestApplication, foundation: Foundation<C>) => readonly DeliverySource[];
  /** The HTTP side where it is more than health: the gateway's. */
  readonly http?: {
    readonly adapter: (foundation: Foundation<C>) => FastifyAdapter;
    readonly prepare: (app: NestFastifyApplication, foundation: Foundation<C>) => Promise<void>;
    readonly listen: (config: C) => { readonly port: number; readonly host: string };
  };
}

@Module({})
class FoundationModule {}

const foundationModule = (health: Health, logger: Logger): DynamicModule => ({
  module: FoundationModule,
  global: true,
  controllers: [HealthController],
  providers: [
    { provide: Health, useValue: health },
    { provide: LOGGER, useValue: logger },
  ],
  exports: [Health, LOGGER],
});

export const LOGGER = Symbol('logger');

/**
 * Starts a service: configuration, telemetry, bus, streams, module, handlers, health; ends it in the opposite order on
 * SIGTERM or SIGINT. Exits with 78 when the configuration is wrong and 1 when it cannot start.
 */
export const bootService = async <C extends BaseConfig>(definition: ServiceDefinition<C>): Promise<void> => {
  let logger = createLogger(definition.name, 'info');
  try {
    const config = readConfig(definition.config, process.env);
    logger = createLogger(definition.name, config.CRUCIBLE_LOG_LEVEL);
    await start(definition, config, logger);
  } catch (error) {
    if (error instanceof ConfigInvalid) {
      logger.fatal(error.message);
      process.exit(EXIT_CONFIG);
    }
    logger.fatal({ err: error }, 'could not start');
    process.exit(1);
  }
};

const start = async <C extends BaseConfig>(
  definition: ServiceDefinition<C>,
  config: C,
  logger: Logger,
): Promise<void> => {
  const stopTelemetry = await startTelemetry(definition.name, config.OTEL_EXPORTER_OTLP_ENDPOINT);
  const bus = await openBus({
    url: config.CRUCIBLE_NATS_URL,
    user: config.CRUCIBLE_NATS_USER,
    password: config.CRUCIBLE_NATS_PASSWORD,
    name: definition.name,
  });
  await ensureStreams(bus);
  const health = new Health();
  health.require('bus', () => bus.nc.rtt().then(() => null));
  const deadLetters = new DeadLetters(definition.name, new JetStreamEventLog(bus), () => bus.edge.newId(), logger);
  const foundation: Foundation<C> = { config, bus, health, logger, deadLetters };
  const module = await definition.module(foundation);
  const adapter = definition.http?.adapter(foundation) ?? new FastifyAdapter();
  const app = await NestFactory.create<NestFastifyApplication>(
    { ...module, imports: [foundationModule(health, logger), ...(module.imports ?? [])] } as unknown as Type,
    adapter,
    { logger: new NestLogger(logger), abortOnError: false },
  );
  await definition.http?.prepare(app, foundation);
  connectSources(app, definition.sources(app, foundation));
  await app.init();
  await app.startAllMicroservices();
  const { port, host } = definition.http?.listen(config) ?? { port: config.CRUCIBLE_HEALTH_PORT, host: '127.0.0.1' };
  await app.listen(port, host);
  logger.info({ port, host }, 'ready');
  endOnSignal(app, bus, stopTelemetry, logger);
};

/** Lets each source feed the application's `@EventPattern` handlers, once its microservices are started. */
export const connectSources = (app: INestApplication, sources: readonly DeliverySource[]): void => {
  for (const source of sources) {
    // Deferred: filters are taken up when handlers are registered, which otherwise happens right here.
    const hybrid = { inheritAppConfig: false, deferInitialization: true };
    const microservice = app.connectMicroservice({ strategy: new JetStreamStrategy(source) }, hybrid);
    microservice.useGlobalFilters(new RethrowFilter());
    // The application calls the hooks of the modules; each of its microservices would call them once more.
    (microservice as NestMicroservice).setIsInitHookCalled(true);
  }
};

const endOnSignal = (app: INestApplication, bus: Bus, stopTelemetry: () => Promise<void>, logger: Logger): void => {
  let ending = false;
  const end = async (signal: string): Promise<void> => {
    if (ending) return;
    ending = true;
    logger.info({ signal }, 'stopping');
    setTimeout(() => process.exit(1), SHUTDOWN_MS_MAX).unref();
    await app.close().catch((error: unknown) => logger.error({ err: error }, 'did not stop cleanly'));
    await bus.nc.drain().catch(() => undefined);
    await stopTelemetry();
    process.exit(0);
  };
  process.on('SIGTERM', () => void end('SIGTERM'));
  process.on('SIGINT', () => void end('SIGINT'));
};
