import type { BudgetLimits } from '@crucible/domain';
import { microUsd } from '@crucible/suite';
import type { Config } from '../config.ts';
import type { DayLimits } from './days.ts';

type Unit = 'TOKENS' | 'USD' | 'CALLS' | 'MINUTES';
type Bounds<Whose extends 'CRUCIBLE_MODEL' | 'CRUCIBLE_TEAM_MODEL'> = Pick<Config, `${Whose}_${Unit}_PER_DAY_MAX`>;
export type DayBounds = Bounds<'CRUCIBLE_MODEL'> & Bounds<'CRUCIBLE_TEAM_MODEL'>;

const MINUTE_MS = 60_000;

const limitsOf = (
  tokens: number | undefined,
  usd: number | undefined,
  calls: number | undefined,
  minutes: number | undefined,
): BudgetLimits => ({
  ...(tokens === undefined ? {} : { tokens }),
  ...(usd === undefined ? {} : { costMicroUsd: microUsd(usd) }),
  ...(calls === undefined ? {} : { calls }),
  ...(minutes === undefined ? {} : { timeMs: Math.round(minutes * MINUTE_MS) }),
});

/** What an operator lets models use in a day, out of the executor's environment. */
export const dayLimits = (config: DayBounds): DayLimits => ({
  platform: limitsOf(
    config.CRUCIBLE_MODEL_TOKENS_PER_DAY_MAX,
    config.CRUCIBLE_MODEL_USD_PER_DAY_MAX,
    config.CRUCIBLE_MODEL_CALLS_PER_DAY_MAX,
    config.CRUCIBLE_MODEL_MINUTES_PER_DAY_MAX,
  ),
  team: limitsOf(
    config.CRUCIBLE_TEAM_MODEL_TOKENS_PER_DAY_MAX,
    config.CRUCIBLE_TEAM_MODEL_USD_PER_DAY_MAX,
    config.CRUCIBLE_TEAM_MODEL_CALLS_PER_DAY_MAX,
    config.CRUCIBLE_TEAM_MODEL_MINUTES_PER_DAY_MAX,
  ),
});
