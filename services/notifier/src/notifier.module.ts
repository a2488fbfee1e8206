import { JetStreamDurableEvents, JetStreamEventLog, JetStreamHistory } from '@crucible/event-log';
import type { Foundation } from '@crucible/service-kit';
import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import type { NotifierConfig } from './config.ts';
import { AnnouncerController } from './webhook/announcer.controller.ts';
import { Announcer } from './webhook/announcer.ts';
import type { ReadableLog } from './webhook/announcer.ts';
import { DeliveryLedger } from './webhook/ledger.ts';
import { retryDelayMs } from './webhook/schedule.ts';
import { Webhook } from './webhook/webhook.ts';

export const DURABLE_EVENTS = Symbol('durable-events');

@Module({})
export class NotifierModule {
  static open({ config, bus, logger }: Foundation<NotifierConfig>): DynamicModule {
    const webhook = webhookOf(config);
    logger.info(
      { destination: webhook?.destination ?? null },
      webhook === null ? 'no webhook is set' : 'webhook is set',
    );
    const log = new JetStreamEventLog(bus);
    const options = {
      webhook,
      attemptsMax: config.CRUCIBLE_WEBHOOK_ATTEMPTS_MAX,
      delayMs: (attempt: number) => retryDelayMs(attempt, Math.random()),
      now: () => new Date(),
    };
    const history = new JetStreamHistory(bus);
    const readable: ReadableLog = {
      readSubject: (...wanted) => log.readSubject(...wanted),
      readEvaluation: (...wanted) => history.readEvaluation(...wanted),
    };
    const announcer = new Announcer(readable, new DeliveryLedger(log), options, logger);
    return {
      module: NotifierModule,
      controllers: [AnnouncerController],
      providers: [
        { provide: Announcer, useValue: announcer },
        { provide: DURABLE_EVENTS, useValue: new JetStreamDurableEvents(bus) },
      ],
    };
  }
}

const webhookOf = (config: NotifierConfig): Webhook | null => {
  const { CRUCIBLE_WEBHOOK_URL: url, CRUCIBLE_WEBHOOK_SECRET: secret } = config;
  if (url === undefined || secret === undefined) return null;
  return new Webhook({ url, secret, timeoutMsMax: config.CRUCIBLE_WEBHOOK_TIMEOUT_MS_MAX });
};
