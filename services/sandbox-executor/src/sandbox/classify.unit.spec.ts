import { describe, expect, it } from 'vitest';
import { classify, withSightings, type EndFacts } from './classify.ts';
import type { SandboxEnd } from './port.ts';
import type { GuestReport } from './record.ts';

const MIB = 1_048_576;
const report = (changes: Partial<GuestReport> = {}): GuestReport => ({
  cause: 'end',
  waitStatus: 0,
  elapsedMs: 5,
  freeBytesAtEnd: MIB,
  freeBytesMin: MIB,
  tasksPeak: 2,
  atTasksMax: false,
  atFileMax: false,
  diskBytes: 0,
  tmpBytes: 0,
  ...changes,
});
const facts = (changes: Partial<EndFacts> = {}): EndFacts => ({
  killedBy: null,
  failure: null,
  tampered: null,
  started: true,
  report: report(),
  containerExitCode: null,
  oomKilled: false,
  hostTasksRefused: false,
  memoryMaxMet: false,
  cpuThrottled: false,
  outputDropped: false,
  initStopped: false,
  preamble: '',
  ...changes,
});
const ended = (changes: Partial<GuestReport>, more: Partial<EndFacts> = {}) =>
  classify(facts({ report: report(changes), ...more }));
const gone = (changes: Partial<EndFacts>) => classify(facts({ report: null, ...changes }));

describe('a program that ended by itself', () => {
  it.each([
    ['exit 0', {}, 'exit', 0, null],
    ['exit 3', { waitStatus: 3 << 8 }, 'exit', 3, null],
    ['exit 139 is an exit, not a signal', { waitStatus: 139 << 8 }, 'exit', 139, null],
    ['SIGSEGV', { waitStatus: 11 }, 'crash', null, 'SIGSEGV'],
    ['SIGABRT with a core bit', { waitStatus: 6 | 0x80 }, 'crash', null, 'SIGABRT'],
    ['SIGTERM', { waitStatus: 15 }, 'signal', null, 'SIGTERM'],
    ['a real-time signal', { waitStatus: 40 }, 'signal', null, 'SIG40'],
    ['failure on a full disk', { waitStatus: 256, freeBytesAtEnd: 0, freeBytesMin: 0 }, 'disk-full', 1, null],
    ['a file beyond the limit', { waitStatus: 25 }, 'disk-full', null, 'SIGXFSZ'],
    ['failure at the limit of tasks', { waitStatus: 256, atTasksMax: true }, 'pids-limit', 1, null],
    ['success on a full disk', { freeBytesAtEnd: 0, freeBytesMin: 0 }, 'exit', 0, null],
    ['success at the limit of tasks', { atTasksMax: true }, 'exit', 0, null],
  ] as const)('%s', (_, changes, reason, exitCode, signal) => {
    expect(ended(changes)).toMatchObject({ reason, exitCode, signal, error: null });
  });

  it('names the limits it survived', () => {
    expect(ended({ freeBytesMin: 0, atTasksMax: true }, { memoryMaxMet: true, cpuThrottled: true }).limitsHit).toEqual([
      'memory',
      'pids',
      'disk',
      'cpu',
    ]);
  });

  it('is out of memory when the kernel killed for memory and it failed', () => {
    expect(ended({ waitStatus: 256 }, { oomKilled: true })).toMatchObject({
      reason: 'out-of-memory',
      limitsHit: ['memory'],
    });
  });

  it('must have ended outside as it did inside', () => {
    expect(ended({ waitStatus: 11 }, { containerExitCode: 139 }).reason).toBe('crash');
    expect(ended({}, { containerExitCode: 137 })).toMatchObject({ reason: 'engine-failure', exitCode: null });
  });

  it.each(['stopped', 'lease-lost', 'wall-time'] as const)('keeps its own end when "%s" came too late', (killedBy) => {
    expect(ended({ waitStatus: 256 }, { killedBy, containerExitCode: 137 })).toMatchObject({
      reason: 'exit',
      exitCode: 1,
    });
  });
});

describe('a sandbox we ended', () => {
  it('because its first process was tampered with says how', () => {
    expect(gone({ killedBy: 'tampered', tampered: 'was stopped from inside', containerExitCode: 137 })).toMatchObject({
      reason: 'init-killed',
      limitsHit: [],
      error: 'the first process of the sandbox was stopped from inside',
    });
    expect(ended({ cause: 'robbed', waitStatus: 9 }, { containerExitCode: 137 })).toMatchObject({
      reason: 'init-killed',
      error: 'the first process of the sandbox was robbed from inside of what it was told',
    });
  });

  it.each(['stopped', 'lease-lost', 'wall-time', 'output-limit'] as const)(
    'says %s, with or without a report',
    (killedBy) => {
      const signal = 'SIGKILL';
      expect(gone({ killedBy, containerExitCode: 137 })).toMatchObject({ reason: killedBy, exitCode: null, signal });
      expect(ended({ cause: 'told', waitStatus: 9 }, { killedBy })).toMatchObject({
        reason: killedBy,
        exitCode: null,
        signal,
      });
    },
  );

  it('says output-limit also when the program had just ended', () => {
    expect(ended({}, { killedBy: 'output-limit', outputDropped: true })).toMatchObject({
      reason: 'output-limit',
      limitsHit: ['output'],
    });
  });

  it('adds the limits met on the way', () => {
    expect(ended({ cause: 'told', waitStatus: 9, atTasksMax: true }, { killedBy: 'wall-time' }).limitsHit).toEqual([
      'pids',
      'wall-time',
    ]);
  });

  it('names no signal when the program never ran', () => {
    expect(gone({ killedBy: 'stopped', started: false })).toMatchObject({ reason: 'stopped', signal: null });
  });
});

describe('a sandbox that ended without a report', () => {
  it.each([
    ['the kernel killed it for memory', { oomKilled: true }, 'out-of-memory'],
    ['the host refused it threads', { hostTasksRefused: true, containerExitCode: 2 }, 'pids-limit'],
    ['nobody outside did it', { containerExitCode: 137 }, 'init-killed'],
    ['its program never started', { started: false, containerExitCode: 1, preamble: 'no python' }, 'engine-failure'],
    ['the engine lost it', { failure: 'gone' }, 'engine-failure'],
  ] as const)('%s', (_, changes, reason) => {
    expect(gone(changes).reason).toBe(reason);
  });

  it('quotes what came before the program', () => {
    expect(gone({ started: false, containerExitCode: 1, preamble: 'no python' }).error).toContain(
      '(exit code 1): no python',
    );
  });
});

describe('an init that was interrupted', () => {
  it.each([
    ['terminated', 'engine-failure'],
    ['abandoned', 'engine-failure'],
    ['overdue', 'engine-failure'],
    ['told', 'init-killed'],
  ] as const)('%s without our asking is %s', (cause, reason) => {
    expect(ended({ cause, waitStatus: 9 }).reason).toBe(reason);
  });
});

describe('withSightings', () => {
  const end = (changes: Partial<SandboxEnd>): SandboxEnd => ({
    reason: 'exit',
    exitCode: 1,
    signal: null,
    durationMs: 1,
    output: { bytes: 0, dropped: 0 },
    limitsHit: [],
    memoryBytesPeak: null,
    error: null,
    ...changes,
  });
  const pids = { pidsLimitHit: true, diskFull: false };

  it('proves a limit that init could not see', () => {
    expect(withSightings(end({}), pids)).toMatchObject({ reason: 'pids-limit', exitCode: 1, limitsHit: ['pids'] });
    expect(withSightings(end({}), { pidsLimitHit: false, diskFull: true })).toMatchObject({
      reason: 'disk-full',
      limitsHit: ['disk'],
    });
  });

  it('leaves the reason of a program that succeeded, or that we ended', () => {
    expect(withSightings(end({ exitCode: 0 }), pids)).toMatchObject({ reason: 'exit', limitsHit: ['pids'] });
    const killed = end({ reason: 'wall-time', exitCode: null, limitsHit: ['pids', 'wall-time'] });
    expect(withSightings(killed, pids)).toMatchObject({ reason: 'wall-time', limitsHit: ['pids', 'wall-time'] });
  });
});
