import { submitBudgetSchema } from '@crucible/api';
import type { SubmitRequest } from '@crucible/api';
import { microUsd, msOf } from '@crucible/suite';
import { misuse } from './failure.ts';
import { safe } from './text.ts';

type Budget = NonNullable<SubmitRequest['budget']>;

/** What each bound is called, and how what is written becomes a number of its own unit. */
const bounds: Readonly<Record<string, { readonly field: keyof Budget; readonly read: (text: string) => number }>> = {
  tokens: { field: 'tokensMax', read: Number },
  usd: { field: 'costMicroUsdMax', read: (text) => microUsd(Number(text)) },
  calls: { field: 'callsMax', read: Number },
  time: { field: 'timeMsMax', read: msOf },
};
const HELP = `a bound is one of ${Object.keys(bounds).join(', ')}, such as: --budget tokens=200000,usd=1.50,calls=400,time=2h`;

/**
 * The bounds of `tokens=200000,usd=1.50`.
 * @throws UsageFailure naming the bound that is none
 */
export const parseBudget = (text: string | undefined): Budget | undefined => {
  if (text === undefined) return undefined;
  const budget: Record<string, number> = {};
  for (const part of text.split(',')) {
    const [name = '', written = '', ...rest] = part.trim().split('=');
    const bound = Object.hasOwn(bounds, name) ? bounds[name] : undefined;
    if (bound === undefined || written === '' || rest.length > 0)
      throw misuse(`--budget: ${safe(part, 60)} is no bound`, HELP);
    if (Object.hasOwn(budget, bound.field)) throw misuse(`--budget: ${name} is there twice`, HELP);
    const value = bound.read(written);
    if (!submitBudgetSchema.safeParse({ [bound.field]: value }).success)
      throw misuse(`--budget: ${safe(written, 40)} is no amount of ${name}`, HELP);
    budget[bound.field] = value;
  }
  return budget;
};
