import { describe, expect, it } from 'vitest';
import { readAddress } from './address.ts';
import { sockaddr } from './messages.fixture.ts';
import { isUnder, resolvePath } from './paths.ts';

describe('resolvePath', () => {
  it.each([
    ['/etc/passwd', '/', '/etc/passwd'],
    ['a/b', '/work', '/work/a/b'],
    ['../etc/./shadow', '/work', '/etc/shadow'],
    ['/tmp/../../../etc//shadow/', '/', '/etc/shadow'],
    ['/proc/self/root/etc/shadow', '/', '/etc/shadow'],
    ['/proc/self/root/proc/1/root/proc/thread-self/root/etc/shadow', '/', '/etc/shadow'],
    ['/proc/1/task/1/root/etc/shadow', '/', '/etc/shadow'],
    ['/proc/self/cwd/shadow', '/etc', '/etc/shadow'],
    ['/var/run/docker.sock', '/', '/run/docker.sock'],
    ['/var/runner', '/', '/var/runner'],
    ['.', '/work', '/work'],
    ['/', '/work', '/'],
    ['', '/work', '/work'],
    ['x/../y', '[err: FD not found]', 'y'],
    ['../../x', '', 'x'],
    ['/proc/self/root/../etc/shadow', '/', '/etc/shadow'],
    ['/proc/self/cwd/../etc/shadow', '/work', '/etc/shadow'],
    ['/../..', '/', '/'],
  ])('%s in %s is %s', (path, folder, resolved) => expect(resolvePath(path, folder)).toBe(resolved));

  it.each([
    ['/proc/7/cwd/../etc/shadow', '/etc/shadow'],
    ['/proc/8/cwd/../etc/shadow', '/etc/shadow'],
    ['/proc/9/cwd/../etc/shadow', '/proc/9/cwd/../etc/shadow'],
    ['/proc/self/fd/3/../shadow', '/proc/self/fd/3/../shadow'],
    ['/dev/fd/3/shadow', '/proc/self/fd/3/shadow'],
    ['/proc/7/fd/3', '/proc/self/fd/3'],
  ])('%s, asked by process 7 in its thread 8, is %s', (path, resolved) =>
    expect(resolvePath(path, '/work', [7, 8])).toBe(resolved),
  );

  it('sees through a path as long as a path can be', () => {
    expect(resolvePath(`/tmp${'/a/..'.repeat(800)}/../etc/shadow`, '/')).toBe('/etc/shadow');
  });
});

it('isUnder compares whole names', () => {
  expect([isUnder('/work', '/work'), isUnder('/work/a', '/work'), isUnder('/workshop', '/work')]).toEqual([
    true,
    true,
    false,
  ]);
});

describe('readAddress', () => {
  const v6 = (...tail: number[]): number[] => [...Array.from({ length: 16 - tail.length }, () => 0), ...tail];

  it.each([
    [sockaddr.inet('192.0.2.1', 80), '192.0.2.1:80', false],
    [sockaddr.inet('127.8.9.1', 80), '127.8.9.1:80', true],
    [sockaddr.inet('0.0.0.0', 1), '0.0.0.0:1', true],
    [sockaddr.inet6(v6(1), 80), '[0:0:0:0:0:0:0:1]:80', true],
    [sockaddr.inet6([0x20, 1, 0x0d, 0xb8, ...v6(1).slice(4)], 80), '[2001:db8:0:0:0:0:0:1]:80', false],
    [sockaddr.inet6(v6(0xff, 0xff, 127, 0, 0, 1), 80), '[::ffff:127.0.0.1]:80', true],
    [sockaddr.inet6(v6(0xff, 0xff, 192, 0, 2, 1), 80), '[::ffff:192.0.2.1]:80', false],
    [sockaddr.unix('/tmp/s'), '/tmp/s', true],
    [Buffer.from([1, 0, 0, 0x61]), '@a', true],
    [Buffer.from([40, 0, 1, 2]), 'AF_VSOCK address of 4 bytes', false],
    [Buffer.from([2, 0, 1]), 'AF_INET address of 3 bytes', false],
    [Buffer.from([2]), 'no address', true],
  ])('%#: %s', (raw, text, local) => expect(readAddress(raw)).toMatchObject({ text, local }));
});
