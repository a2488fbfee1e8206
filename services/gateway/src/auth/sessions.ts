import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const SESSION_MS = 7 * 24 * 3_600_000;
const LOGIN_LINK_MS = 15 * 60_000;
const LOGIN_CODES_MAX = 100;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const same = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other));

/**
 * Who may come in: holders of the platform's token, and browsers that came by a login link made with it. Sessions are
 * signed with a key drawn from the token, so they outlive a restart and end when the token changes.
 */
export class Sessions {
  readonly #token: string;
  readonly #key: Buffer;
  readonly #now: () => number;
  readonly #codes = new Map<string, number>();

  constructor(token: string, now: () => number) {
    if (token.length < 32) throw new RangeError('the token must have at least 32 characters');
    this.#token = token;
    this.#key = createHmac('sha256', token).update('crucible session v1').digest();
    this.#now = now;
  }

  /** True for the platform's token. Takes the same time for any other. */
  tokenIsRight(offered: string): boolean {
    return same(offered, this.#token);
  }

  /** A code for one login within fifteen minutes. */
  makeCode(): { readonly code: string; readonly expiresAtMs: number } {
    const now = this.#now();
    for (const [code, expiresAtMs] of this.#codes) if (expiresAtMs <= now) this.#codes.delete(code);
    const oldest = this.#codes.keys().next();
    if (this.#codes.size >= LOGIN_CODES_MAX && !oldest.done) this.#codes.delete(oldest.value);
    const code = randomBytes(24).toString('base64url');
    const expiresAtMs = now + LOGIN_LINK_MS;
    this.#codes.set(code, expiresAtMs);
    return { code, expiresAtMs };
  }

  /** A session for a code, which is used up by asking; undefined when it is unknown, used or too old. */
  redeem(code: string): { readonly cookie: string; readonly maxAgeS: number } | undefined {
    const expiresAtMs = this.#codes.get(code);
    this.#codes.delete(code);
    if (expiresAtMs === undefined || expiresAtMs <= this.#now()) return undefined;
    const until = String(this.#now() + SESSION_MS);
    return { cookie: `${until}.${this.#sign(until)}`, maxAgeS: SESSION_MS / 1_000 };
  }

  sessionIsRight(cookie: string): boolean {
    const [until = '', signature = ''] = cookie.split('.', 2);
    return same(signature, this.#sign(until)) && Number(until) > this.#now();
  }

  #sign(until: string): string {
    return createHmac('sha256', this.#key).update(until).digest('base64url');
  }
}
