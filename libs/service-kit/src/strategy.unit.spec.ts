import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import type { INestApplication, OnApplicationBootstrap } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { afterEach, describe, expect, it } from 'vitest';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { connectSources } from './boot.ts';
import { EVERYTHING } from './strategy.ts';
import type { Deliver, DeliverySource } from './strategy.ts';

class TryLater extends Error {
  readonly delayMs = 5;
}

const seen: string[] = [];

@Controller()
class Handlers {
  @EventPattern('noted')
  async onNoted(@Payload() payload: string): Promise<void> {
    await Promise.resolve();
    seen.push(`noted ${payload}`);
  }

  @EventPattern('failing')
  async onFailing(@Payload() _payload: unknown): Promise<void> {
    await Promise.resolve();
    throw new TryLater('not now');
  }

  @EventPattern('throwing')
  onThrowing(@Payload() _payload: unknown): void {
    throw new TryLater('not at all');
  }
}

@Controller()
class CatchAll {
  @EventPattern(EVERYTHING)
  onAnything(@Payload() payload: string): void {
    seen.push(`anything ${payload}`);
  }
}

const started: string[] = [];
@Module({ controllers: [Handlers] })
class Named implements OnApplicationBootstrap {
  onApplicationBootstrap(): void {
    started.push('bootstrap');
  }
}
@Module({ controllers: [Handlers, CatchAll] })
class WithCatchAll {}

/** A source that is driven by the test. */
class Hand implements DeliverySource {
  deliver: Deliver = () => Promise.reject(new Error('not started'));
  ended = false;

  async run(deliver: Deliver, signal: AbortSignal): Promise<void> {
    this.deliver = deliver;
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    this.ended = true;
  }
}

let app: INestApplication | undefined;
const startBoth = async (module: new () => object): Promise<[Hand, Hand]> => {
  const hands: [Hand, Hand] = [new Hand(), new Hand()];
  app = await NestFactory.create(module, new FastifyAdapter(), { logger: false });
  connectSources(app, hands);
  await app.init();
  await app.startAllMicroservices();
  return hands;
};
const start = async (module: new () => object): Promise<Hand> => (await startBoth(module))[0];
afterEach(async () => {
  await app?.close();
  app = undefined;
  seen.length = 0;
  started.length = 0;
});

describe('the transport from JetStream to handlers', () => {
  it('calls the handler of the pattern and waits for it', async () => {
    const hand = await start(Named);
    await hand.deliver('noted', 'one');
    expect(seen).toEqual(['noted one']);
  });

  it.each(['failing', 'throwing'])('rejects with the very error of a %s handler', async (pattern) => {
    const hand = await start(Named);
    const error = await hand.deliver(pattern, 'x').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TryLater);
    expect((error as TryLater).delayMs).toBe(5);
  });

  it('passes over what nobody handles', async () => {
    const hand = await start(Named);
    await expect(hand.deliver('unheard-of', 'x')).resolves.toBeUndefined();
    await expect(hand.deliver('toString', 'x')).resolves.toBeUndefined();
  });

  it('gives what has no handler of its own to the one for everything', async () => {
    const hand = await start(WithCatchAll);
    await hand.deliver('noted', 'one');
    await hand.deliver('unheard-of', 'two');
    expect(seen).toEqual(['noted one', 'anything two']);
  });

  it('feeds the same handlers from several sources and starts the module once', async () => {
    const [first, second] = await startBoth(Named);
    await first.deliver('noted', 'one');
    await second.deliver('noted', 'two');
    expect(seen).toEqual(['noted one', 'noted two']);
    expect(started).toEqual(['bootstrap']);
  });

  it('ends its source when the application closes', async () => {
    const hand = await start(Named);
    await app?.close();
    expect(hand.ended).toBe(true);
  });
});
