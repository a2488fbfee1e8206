import { describe, expect, it } from 'vitest';
import { isProxyName } from './client-address.ts';

describe('names of proxies', () => {
  it.each(['10.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8', '0.0.0.0/0'])('%s is one', (text) => {
    expect(isProxyName(text)).toBe(true);
  });
  it.each(['', 'proxy', '10.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', 'fd00::/129', '*', 'true'])(
    '%j is none',
    (text) => {
      expect(isProxyName(text)).toBe(false);
    },
  );
});
