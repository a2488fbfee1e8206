import { describe, expect, it } from 'vitest';
import { kernelGroupOf, kernelRecordText } from './kernel-record.ts';
import type { KernelRecord } from './kernel-record.ts';

const record = (n: number, at: number, kind = 'open', more: object = {}): KernelRecord => ({ n, at, kind, ...more });

describe('a kernel record', () => {
  it.each([
    [
      record(1, 0, 'open', { path: '/etc/shadow', write: true, errno: 'EACCES' }),
      'files',
      '/etc/shadow for writing',
      'EACCES',
    ],
    [record(1, 0, 'exec', { args: ['/bin/sh', '-c', 'id'] }), 'processes', '/bin/sh -c id', ''],
    [
      record(1, 0, 'connect', { address: '169.254.169.254:80', errno: 'ENETUNREACH' }),
      'network',
      '169.254.169.254:80',
      'ENETUNREACH',
    ],
    [record(1, 0, 'call', { name: 'mount', args: [1] }), 'privileges', 'mount', ''],
    [record(0, 0, 'preflight', { checks: [{ name: 'uid' }, { name: 'route' }] }), 'sandbox', '2 checks held', ''],
    [record(9, 0, 'sampled', { from: 3, leftOut: 7 }), 'sandbox', '7 records counted and left out', ''],
    [record(9, 0, 'lost', { dropped: 2, malformed: 1 }), 'sandbox', '2 messages dropped, 1 unreadable', ''],
    [record(1, 0, 'never-heard-of'), 'sandbox', '', ''],
  ])('is told in a line: %o', (given, group, object, refusal) => {
    expect(kernelGroupOf(given)).toBe(group);
    expect(kernelRecordText(given)).toMatchObject({ object, refusal });
  });

  it('is told also where its fields are not what they should be', () => {
    expect(kernelRecordText(record(0, 0, 'preflight', { checks: 'many' })).object).toBe('0 checks held');
    expect(kernelRecordText({ n: 0, at: 0, kind: { toString: null } } as unknown as KernelRecord).verb).toBe('');
  });

  it('holds nothing that a terminal or a page would act on', () => {
    expect(kernelRecordText(record(1, 0, 'open', { path: 'a\u001b[31m\u202eb\n' })).object).not.toMatch(
      /[\u001b\u202e\n]/u,
    );
    expect(kernelRecordText(record(1, 0, 'exec', { args: [{ toString: null }, null] })).object.trim()).toBe('');
  });
});
