import { describe, expect, it } from 'vitest';
import { isDatabasesFault } from './faults.ts';

const withCode = (code: string): Error => Object.assign(new Error('refused'), { code });

describe('whose fault a failure of the projector is', () => {
  it.each(['ECONNREFUSED', '57P01', '53100', '40P01', '42P01', '25006'])('%s is the database’s', (code) => {
    expect(isDatabasesFault(withCode(code))).toBe(true);
  });
  it.each(['22P05', '22003', '23505', '54000'])('%s is the event’s', (code) => {
    expect(isDatabasesFault(withCode(code))).toBe(false);
  });
  it('an error without a code is the event’s', () => {
    expect(isDatabasesFault(new TypeError('no such view'))).toBe(false);
    expect(isDatabasesFault('refused')).toBe(false);
  });
});
