import type { PlatformInfo } from './platform/platform.ts';

/** Whoever has the gateway's port may answer; what it says is printed in a terminal. */
const PRINTABLE_URL = /^https?:\/\/[\x21-\x7e]{1,300}$/;

/** A link that logs a browser in once, or undefined when the gateway gives none. */
export const loginLink = async (info: Pick<PlatformInfo, 'url' | 'token'>): Promise<string | undefined> => {
  try {
    const answer = await fetch(`${info.url}/api/v1/login-links`, {
      method: 'POST',
      headers: { authorization: `Bearer ${info.token}`, 'content-type': 'application/json' },
      body: '{}',
      signal: AbortSignal.timeout(3_000),
    });
    const { url } = (await answer.json()) as { url?: unknown };
    return answer.ok && typeof url === 'string' && PRINTABLE_URL.test(url) ? url : undefined;
  } catch {
    return undefined;
  }
};
