import { expect, it } from 'vitest';
import { harmless } from './logs.ts';

it('shows control characters instead of obeying them, and keeps tabs and other scripts', () => {
  expect(harmless('\u001b[2Jgone\r\u0007\u009b31m\tä 漢')).toBe('\\x1b[2Jgone\\x0d\\x07\\x9b31m\tä 漢');
});
