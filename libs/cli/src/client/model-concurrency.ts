import { z } from 'zod';
import type { PlatformInfo } from '../platform/platform.ts';

const ANSWER_MS_MAX = 2_000;

const count = z.int().min(0);
const accountsSchema = z.object({
  accounts: z.array(
    z.object({
      provider: z.string(),
      models: z.array(z.string()),
      effective: count,
      concurrencyMax: count,
      inFlight: count,
      waiting: count,
      pausedMs: z.number().min(0),
    }),
  ),
});
/** How many calls one account of a provider takes at once, as its executor has learnt it so far. */
export type ModelAccount = z.infer<typeof accountsSchema>['accounts'][number];

/** What the executor of this machine tells; null when it runs not, or does not answer. */
export const modelAccounts = async (info: PlatformInfo | undefined): Promise<readonly ModelAccount[] | null> => {
  if (info === undefined) return null;
  try {
    const url = `http://127.0.0.1:${info.healthPorts['sandbox-executor']}/models`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    return answer.ok ? accountsSchema.parse(await answer.json()).accounts : null;
  } catch {
    return null;
  }
};

/** `8 of 32`, and what is under way or held up. */
export const concurrencyText = ({
  effective,
  concurrencyMax,
  inFlight,
  waiting,
  pausedMs,
}: Omit<ModelAccount, 'provider' | 'models'>): string =>
  [
    `${effective} of ${concurrencyMax}`,
    ...(inFlight > 0 ? [`${inFlight} under way`] : []),
    ...(waiting > 0 ? [`${waiting} waiting`] : []),
    ...(pausedMs > 0 ? [`paused for ${Math.ceil(pausedMs / 1_000)} s`] : []),
  ].join(', ');
