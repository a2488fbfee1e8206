import { ConfigInvalid, readConfig } from '@crucible/service-kit';
import { describe, expect, it } from 'vitest';
import { notifierConfigSchema } from './config.ts';

const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const base = { CRUCIBLE_HOME: '/home', CRUCIBLE_HEALTH_PORT: '4705' };
const url = 'https://example.com/hook?token=hunter2';

const complaintOf = (environment: Record<string, string>): string => {
  try {
    readConfig(notifierConfigSchema, { ...base, ...environment });
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.message;
    throw error;
  }
  return '';
};

describe("the notifier's configuration", () => {
  it('needs no webhook', () => {
    expect(readConfig(notifierConfigSchema, base)).toMatchObject({ CRUCIBLE_WEBHOOK_ATTEMPTS_MAX: 8 });
  });

  it.each([url, 'http://127.0.0.1:8080', 'http://[::1]:8080/hook'])('takes %s with a secret', (good) => {
    expect(complaintOf({ CRUCIBLE_WEBHOOK_URL: good, CRUCIBLE_WEBHOOK_SECRET: secret })).toBe('');
  });

  it.each([
    'ftp://example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'example.com/hook',
    'https://user:password@example.com/',
    'https://example.com/#part',
    'https://',
    `https://example.com/${'a'.repeat(2_000)}`,
  ])('refuses %s, names the variable and keeps the address to itself', (bad) => {
    const complaint = complaintOf({ CRUCIBLE_WEBHOOK_URL: bad, CRUCIBLE_WEBHOOK_SECRET: secret });
    expect(complaint).toContain('CRUCIBLE_WEBHOOK_URL: must');
    expect(complaint).not.toContain(bad);
  });

  it.each([
    'hunter2-hunter2-hunter2',
    'whsec_',
    'whsec_c2hvcnQ=',
    'whsec_****',
    `whsec_${Buffer.alloc(65).toString('base64')}`,
  ])('refuses %s as a secret and keeps it to itself', (bad) => {
    const complaint = complaintOf({ CRUCIBLE_WEBHOOK_URL: url, CRUCIBLE_WEBHOOK_SECRET: bad });
    expect(complaint).toContain('CRUCIBLE_WEBHOOK_SECRET: must be whsec_');
    expect(complaint.replace('must be whsec_', '')).not.toContain(bad);
  });

  it('wants address and secret together', () => {
    expect(complaintOf({ CRUCIBLE_WEBHOOK_URL: url })).toContain('CRUCIBLE_WEBHOOK_SECRET: must be set together');
    expect(complaintOf({ CRUCIBLE_WEBHOOK_SECRET: secret })).toContain('CRUCIBLE_WEBHOOK_URL: must be set together');
  });

  it('tells everything that is wrong at once', () => {
    const complaint = complaintOf({
      CRUCIBLE_WEBHOOK_URL: 'ftp://example.com',
      CRUCIBLE_WEBHOOK_ATTEMPTS_MAX: '0',
      CRUCIBLE_WEBHOOK_TIMEOUT_MS_MAX: '60000',
    });
    for (const name of ['URL', 'SECRET', 'ATTEMPTS_MAX', 'TIMEOUT_MS_MAX'])
      expect(complaint).toContain(`CRUCIBLE_WEBHOOK_${name}:`);
  });
});
