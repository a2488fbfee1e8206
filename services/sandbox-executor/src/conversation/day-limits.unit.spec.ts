import { ConfigInvalid, readConfig } from '@crucible/service-kit';
import { expect, it } from 'vitest';
import { configSchema } from '../config.ts';
import { dayLimits } from './day-limits.ts';

const limitsIn = (environment: Readonly<Record<string, string>>) =>
  dayLimits(
    readConfig(configSchema, {
      CRUCIBLE_HOME: '/tmp/crucible',
      CRUCIBLE_HEALTH_PORT: '4000',
      CRUCIBLE_DOCKER_SOCKET: '/run/docker.sock',
      CRUCIBLE_SANDBOX_RUNTIME: 'runsc',
      CRUCIBLE_SANDBOX_IMAGES: '{}',
      CRUCIBLE_CANARY_KEY_FILE: '/tmp/key',
      ...environment,
    }),
  );

it('are none where nothing is said of them', () => {
  expect(limitsIn({})).toEqual({ platform: {}, team: {} });
  // As compose files and manifests leave a variable out.
  expect(limitsIn({ CRUCIBLE_MODEL_TOKENS_PER_DAY_MAX: '' })).toEqual({ platform: {}, team: {} });
});

it('are of the platform and of each team, in the units of budgets', () => {
  expect(
    limitsIn({
      CRUCIBLE_MODEL_TOKENS_PER_DAY_MAX: '5000000',
      CRUCIBLE_MODEL_USD_PER_DAY_MAX: '12.5',
      CRUCIBLE_MODEL_CALLS_PER_DAY_MAX: '900',
      CRUCIBLE_MODEL_MINUTES_PER_DAY_MAX: '2880',
      CRUCIBLE_TEAM_MODEL_TOKENS_PER_DAY_MAX: '100000',
      CRUCIBLE_TEAM_MODEL_USD_PER_DAY_MAX: '0',
      CRUCIBLE_TEAM_MODEL_CALLS_PER_DAY_MAX: '70',
      CRUCIBLE_TEAM_MODEL_MINUTES_PER_DAY_MAX: '0.5',
    }),
  ).toEqual({
    platform: { tokens: 5_000_000, costMicroUsd: 12_500_000, calls: 900, timeMs: 172_800_000 },
    team: { tokens: 100_000, costMicroUsd: 0, calls: 70, timeMs: 30_000 },
  });
});

it.each(['TOKENS', 'USD', 'CALLS', 'MINUTES'].flatMap((unit) => [`MODEL_${unit}`, `TEAM_MODEL_${unit}`]))(
  'of %s that are no number are named',
  (what) => {
    const name = `CRUCIBLE_${what}_PER_DAY_MAX`;
    expect(() => limitsIn({ [name]: 'many' })).toThrow(ConfigInvalid);
    expect(() => limitsIn({ [name]: '-1' })).toThrow(name);
  },
);
