import { describe, expect, it } from 'vitest';
import { Sessions } from './sessions.ts';

const token = 'a'.repeat(40);
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

describe('sessions', () => {
  const at = (): { sessions: Sessions; later: (ms: number) => void } => {
    let nowMs = 1_700_000_000_000;
    return { sessions: new Sessions(token, () => nowMs), later: (ms) => void (nowMs += ms) };
  };

  it('come of a code that is used once and within a quarter of an hour', () => {
    const { sessions, later } = at();
    const { code, expiresAtMs } = sessions.makeCode();
    expect(expiresAtMs).toBe(1_700_000_000_000 + 15 * minuteMs);
    later(15 * minuteMs - 1);
    expect(sessions.redeem(code)).toBeDefined();
    expect(sessions.redeem(code)).toBeUndefined();
    const late = sessions.makeCode();
    later(15 * minuteMs);
    expect(sessions.redeem(late.code)).toBeUndefined();
  });

  it('last a week, for any gateway with the same token and for no other', () => {
    const { sessions, later } = at();
    const { cookie, maxAgeS } = sessions.redeem(sessions.makeCode().code) ?? { cookie: '', maxAgeS: 0 };
    expect(maxAgeS).toBe((7 * dayMs) / 1_000);
    expect(new Sessions(token, () => 1_700_000_000_000).sessionIsRight(cookie)).toBe(true);
    expect(new Sessions('b'.repeat(40), () => 1_700_000_000_000).sessionIsRight(cookie)).toBe(false);
    later(7 * dayMs - 1);
    expect(sessions.sessionIsRight(cookie)).toBe(true);
    later(1);
    expect(sessions.sessionIsRight(cookie)).toBe(false);
  });

  it('keep a bounded number of codes, and the newest', () => {
    const { sessions } = at();
    const codes = Array.from({ length: 500 }, () => sessions.makeCode().code);
    expect(sessions.redeem(codes[0] ?? '')).toBeUndefined();
    expect(sessions.redeem(codes[499] ?? '')).toBeDefined();
  });

  it('refuse a token that could be guessed', () => {
    expect(() => new Sessions('short', () => 0)).toThrow(RangeError);
    expect(at().sessions.tokenIsRight('')).toBe(false);
  });
});
