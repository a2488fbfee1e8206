import { JetStreamContent, JetStreamEventLog, JetStreamWorkQueue } from '@crucible/event-log';
import type { Foundation } from '@crucible/service-kit';
import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import type { Config } from './config.ts';
import { SchedulerController } from './scheduler.controller.ts';
import { Scheduler } from './scheduler.ts';

@Module({})
export class SchedulerModule {
  static with({ bus, config, health, logger }: Foundation<Config>): DynamicModule {
    const ports = {
      log: new JetStreamEventLog(bus),
      queue: new JetStreamWorkQueue(bus),
      content: new JetStreamContent(bus),
      now: () => Date.now(),
    };
    const scheduler = new Scheduler(ports, config.CRUCIBLE_CONCURRENCY_MAX, logger);
    health.require('schedule', () => scheduler.notReady());
    return {
      module: SchedulerModule,
      controllers: [SchedulerController],
      providers: [{ provide: Scheduler, useValue: scheduler }],
    };
  }
}
