import { z } from 'zod';

const answerSchema = z.object({ problems: z.record(z.string(), z.string()) });
/** What the audit says once the log is not what was signed: time does not mend it. */
const LASTING = /no checkpoint is signed any more/;

export type Readiness =
  | { readonly ready: true }
  /** `lasting`: waiting is of no use. */
  | { readonly ready: false; readonly reason: string | undefined; readonly lasting: boolean };

/** Asks a service whether it is ready, and why not. */
export const readinessOf = async (url: string, timeoutMs = 1_000): Promise<Readiness> => {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(timeoutMs) });
    if (answer.ok) return { ready: true };
    const { problems } = answerSchema.parse(await answer.json());
    const reason = Object.entries(problems)
      .map(([name, problem]) => `${name}: ${problem}`)
      .join('; ');
    return { ready: false, reason, lasting: LASTING.test(reason) };
  } catch {
    return { ready: false, reason: undefined, lasting: false };
  }
};
