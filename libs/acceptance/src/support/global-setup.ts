import { randomBytes } from 'node:crypto';
import { PlatformFailure } from '@crucible/cli';
import { startPlatform } from '@crucible/cli/testing';
import { freePort } from '@crucible/event-log/testing';
import type { TestProject } from 'vitest/node';
import { keptHome, keptModelPort, keptPort } from './config.ts';
import type { PlatformFacts } from './facts.ts';
import { startReceiver, webhookSecret } from './receiver.ts';

/** Fewer than the executor takes, so that it is this limit that holds. */
const concurrencyMax = 6;

/** Allows more memory than `strict` does, and nothing else more: for suites that name it. */
const profiles = 'profiles: { roomy: { max: { memory: 4GiB } } }\n';

/** Set as an operator's shell would have it. */
const keyVariable = 'E2E_MODEL_KEY';
process.env[keyVariable] ??= `key-${randomBytes(20).toString('hex')}`;

/** Models that a spec serves itself, all at one place that the executor knows from its start: it is asked by the last word. */
const models = (port: number): string => {
  const served = { provider: 'openai-compatible', baseUrl: `http://127.0.0.1:${port}/v1` };
  return JSON.stringify({
    models: [
      { ...served, name: 'wire/slow', model: 'slow' },
      { ...served, name: 'wire/grader', model: 'grader' },
      { ...served, name: 'wire/priced', model: 'priced', price: { input: 3, output: 15 } },
      { ...served, name: 'wire/keyed', model: 'keyed', key: { env: keyVariable } },
    ],
  });
};

const bringUp = async (receiverUrl: string): Promise<{ facts: PlatformFacts; stop: () => Promise<void> }> => {
  const given = {
    CRUCIBLE_WEBHOOK_URL: `${receiverUrl}/hook?key=not-for-the-log`,
    CRUCIBLE_WEBHOOK_SECRET: webhookSecret,
    CRUCIBLE_CONCURRENCY_MAX: String(concurrencyMax),
    CRUCIBLE_EXECUTOR_CAPACITY: String(concurrencyMax + 2),
    ...(keptHome === undefined ? {} : { CRUCIBLE_PORT: keptPort }),
  };
  const modelPort = keptHome === undefined ? await freePort() : keptModelPort;
  const place = keptHome === undefined ? {} : { home: keptHome };
  const {
    settings,
    stop,
    natsUser = '',
    natsPassword = '',
    ...info
  } = await startPlatform({
    given,
    profiles,
    models: models(modelPort),
    ...place,
  });
  const { url, token, home, natsUrl, dockerSocket } = info;
  const port = Number(settings.given['CRUCIBLE_PORT']);
  const facts = { url, token, home, port, natsUrl, natsUser, natsPassword, dockerSocket };
  return { facts: { ...facts, concurrencyMax, receiverUrl, webhookSecret, modelPort }, stop };
};

/** One platform for all specs: brought up once, removed at the end with everything it had. */
export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const receiver = await startReceiver();
  try {
    const { facts, stop } = await bringUp(receiver.url);
    project.provide('platform', facts);
    return async () => {
      await receiver.close();
      if (keptHome === undefined) await stop();
    };
  } catch (error) {
    // Thrown here it would end the whole run; so it fails the specs that need the platform, and no others.
    const remedy = error instanceof PlatformFailure && error.remedy ? ` (${error.remedy})` : '';
    project.provide('platform', { failure: `${String(error)}${remedy}` });
    return () => receiver.close();
  }
};
