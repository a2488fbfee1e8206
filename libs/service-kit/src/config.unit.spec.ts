import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { baseConfigSchema, ConfigInvalid, readConfig } from './config.ts';

const good = { CRUCIBLE_HOME: '/var/lib/crucible', CRUCIBLE_HEALTH_PORT: '4701' };

const complaintOf = (schema: z.ZodType, environment: Record<string, string | undefined>): string => {
  try {
    readConfig(schema, environment);
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.message;
    throw error;
  }
  return '';
};

describe('the configuration', () => {
  it('is parsed into types, with what has a default filled in', () => {
    expect(readConfig(baseConfigSchema, { ...good, HOME: '/root' })).toEqual({
      CRUCIBLE_HOME: '/var/lib/crucible',
      CRUCIBLE_HEALTH_PORT: 4701,
      CRUCIBLE_NATS_URL: 'nats://127.0.0.1:4222',
      CRUCIBLE_LOG_LEVEL: 'info',
    });
  });

  it('takes an empty variable for one that is not set', () => {
    const config = readConfig(baseConfigSchema, { ...good, CRUCIBLE_LOG_LEVEL: '', CRUCIBLE_NATS_USER: '' });
    expect(config.CRUCIBLE_LOG_LEVEL).toBe('info');
    expect(config.CRUCIBLE_NATS_USER).toBeUndefined();
  });

  it('names every wrong variable at once', () => {
    const complaint = complaintOf(baseConfigSchema, {
      CRUCIBLE_HEALTH_PORT: '70000',
      CRUCIBLE_LOG_LEVEL: 'loud',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'here',
    });
    const names = complaint
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(':')[0]);
    expect(names.toSorted()).toEqual([
      'CRUCIBLE_HEALTH_PORT',
      'CRUCIBLE_HOME',
      'CRUCIBLE_LOG_LEVEL',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
    ]);
    expect(complaint).toContain('CRUCIBLE_HOME: is not set');
  });

  it('says that a number is not set, and not that it is none', () => {
    expect(complaintOf(baseConfigSchema, { CRUCIBLE_HOME: '/x' })).toContain('CRUCIBLE_HEALTH_PORT: is not set');
  });

  it('keeps the words of a rule that a service made itself', () => {
    const schema = z.object({ A: z.string().optional() }).superRefine((_, context) => {
      context.addIssue({ code: 'custom', path: ['A'], message: 'must be set together with B' });
    });
    expect(complaintOf(schema, {})).toContain('A: must be set together with B');
  });

  it.each(['0', '65536', '1.5', 'http', ' '])('refuses %j as a port', (port) => {
    expect(complaintOf(baseConfigSchema, { ...good, CRUCIBLE_HEALTH_PORT: port })).toContain('CRUCIBLE_HEALTH_PORT');
  });

  it('is read with no value of the environment in the complaint', () => {
    const secret = 'hunter2-hunter2';
    expect(complaintOf(baseConfigSchema, { ...good, OTEL_EXPORTER_OTLP_ENDPOINT: secret })).not.toContain(secret);
    expect(complaintOf(baseConfigSchema, { ...good, CRUCIBLE_LOG_LEVEL: secret })).not.toContain(secret);
  });
});
