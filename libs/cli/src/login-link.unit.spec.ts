import { afterEach, expect, it, vi } from 'vitest';
import { loginLink } from './login-link.ts';

afterEach(() => vi.unstubAllGlobals());

it.each([
  ['http://127.0.0.1:4700/login?code=abc_-', 'http://127.0.0.1:4700/login?code=abc_-'],
  ['http://127.0.0.1\u001b]0;x\u0007', undefined],
  ['http://127.0.0.1/\u202e', undefined],
  ['javascript:alert(1)', undefined],
  [7, undefined],
])('of the answer %j it prints %j', async (url, link) => {
  vi.stubGlobal('fetch', () => Promise.resolve(Response.json({ url })));
  expect(await loginLink({ url: 'http://127.0.0.1:4700', token: 't' })).toBe(link);
});
