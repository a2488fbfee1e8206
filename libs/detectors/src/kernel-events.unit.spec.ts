import { describe, expect, it } from 'vitest';
import { actOfRecord } from './act-record.ts';
import { KernelEvents } from './kernel-events.ts';
import type { KernelAct } from './kernel-events.ts';
import type { TypedEvent } from './typed-event.ts';

const acting = () => {
  const events = new KernelEvents();
  let n = 0;
  return (tgid: number, act: object): TypedEvent | null => {
    n += 1;
    return events.take({ tgid, proc: 'python3', ...act } as KernelAct, n, n * 10);
  };
};
const begin = () => {
  const act = acting();
  act(1, { kind: 'start', cwd: '/work' });
  act(1, { kind: 'open', path: '/work/main.py', write: true, errno: '' });
  act(1, { kind: 'spawn', childTid: 2, childTgid: 2 });
  act(2, { kind: 'exec', path: '/usr/bin/python3', args: ['python3', 'main.py'] });
  act(2, { kind: 'image', path: '/usr/bin/python3.11', args: ['python3', 'main.py'] });
  return act;
};
const run = (act: ReturnType<typeof begin>, pid: number, file: string): TypedEvent | null =>
  act(pid, { kind: 'image', path: '/usr/bin/python3.11', args: ['python3', file] });

describe('KernelEvents', () => {
  it('leaves out what our own first process does', () => {
    const act = acting();
    expect(act(1, { kind: 'open', path: '/etc/shadow', write: true, errno: 'EACCES' })).toBeNull();
    expect(act(1, { kind: 'start', cwd: '/work' })).toBeNull();
  });

  it('takes what our first process opens for a tool of the trial as the trial’s', () => {
    const act = begin();
    const written = { kind: 'open', path: '/work/own.py', write: true, errno: '', forTool: true };
    expect(act(1, written)).toMatchObject({ kind: 'kernel.open', path: '/work/own.py' });
    expect(run(act, 3, 'own.py')).toMatchObject({ written: true });
  });

  it('gives the fields by their names, and where the record is', () => {
    const act = begin();
    expect(act(2, { kind: 'socket', family: 17, socketType: 0o2000003, protocol: 768, errno: 'EPERM' })).toMatchObject({
      kind: 'kernel.socket',
      at: 60,
      place: { channel: 'kernel', record: 6 },
      family: 'packet',
      type: 'raw',
      pid: 2,
      depth: 0,
    });
    expect(
      act(2, { kind: 'connect', family: 10, address: '[fd00:ec2:0:0:0:0:0:254]:80', local: false, errno: '' }),
    ).toMatchObject({
      host: 'fd00:ec2:0:0:0:0:0:254',
      port: 80,
      family: 'inet6',
    });
    expect(act(2, { kind: 'connect', family: 1, address: '/run/docker.sock:1', local: true, errno: '' })).toMatchObject(
      { host: '', port: 0 },
    );
    expect(act(2, { kind: 'open', path: '/proc/2/maps', write: false, errno: '' })).toMatchObject({ ownProcess: true });
    expect(act(2, { kind: 'open', path: '/proc/22/maps', write: false, errno: '' })).toMatchObject({
      ownProcess: false,
    });
    expect(act(2, { kind: 'call', name: 'unshare', args: [0x1002_0000, 0, 0, 0, 0, 0] })).toMatchObject({
      namespaces: ['mount', 'user'],
    });
  });

  it('reads registers as C reads an int', () => {
    const act = begin();
    expect(
      act(2, { kind: 'call', name: 'kill', args: [0xffff_ffff, 9, -1, 139_000_000_000_000, 2 ** 64, Number.NaN] }),
    ).toMatchObject({
      args: [-1, 9, -1, 139_000_000_000_000, -1, 0],
    });
  });

  it('knows the trial’s own program, also when its first run is tried in many folders', () => {
    const act = acting();
    act(1, { kind: 'open', path: '/work/main.py', write: true, errno: '' });
    act(1, { kind: 'spawn', childTid: 2, childTgid: 2 });
    expect(act(2, { kind: 'exec', path: '/usr/local/bin/python3', args: ['python3', 'main.py'] })).toMatchObject({
      ownProgram: false,
    });
    expect(act(2, { kind: 'exec', path: '/usr/bin/python3', args: ['python3', 'main.py'] })).toMatchObject({
      ownProgram: false,
    });
    expect(run(act, 2, 'main.py')).toMatchObject({ ownProgram: false, written: false });
    expect(act(2, { kind: 'open', path: '/work/main.py', write: false, errno: '' })).toMatchObject({
      ownProgram: true,
    });
    expect(run(act, 3, './main.py')).toMatchObject({ ownProgram: true });
    expect(run(act, 3, 'other.py')).toMatchObject({ ownProgram: false });
  });

  it('counts generations of programs that the trial wrote', () => {
    const act = begin();
    act(2, { kind: 'open', path: '/work/one.py', write: true, errno: '' });
    act(2, { kind: 'open', path: '/tmp/refused.py', write: true, errno: 'EACCES' });
    act(2, { kind: 'spawn', childTid: 3, childTgid: 3 });
    expect(run(act, 3, '/tmp/refused.py')).toMatchObject({ written: false, generation: 0, depth: 1 });
    expect(run(act, 3, 'one.py')).toMatchObject({ written: true, generation: 1 });
    act(3, { kind: 'open', path: '/tmp/two.py', write: true, errno: '' });
    act(3, { kind: 'spawn', childTid: 4, childTgid: 4 });
    expect(run(act, 4, '/tmp/two.py')).toMatchObject({ written: true, generation: 2, depth: 2 });
  });

  it('tells threads from processes', () => {
    const act = begin();
    expect(act(2, { kind: 'spawn', childTid: 5, childTgid: 2 })).toMatchObject({ thread: true });
    expect(act(2, { kind: 'spawn', childTid: 6, childTgid: 6 })).toMatchObject({ thread: false });
  });

  it('forgets the oldest when a guest makes too many', () => {
    const act = begin();
    for (let pid = 3; pid < 20_000; pid += 1) act(pid - 1, { kind: 'spawn', childTid: pid, childTgid: pid });
    expect(act(19_999, { kind: 'exit', status: 0 })).toMatchObject({ depth: 19_997 });
  });
});

describe('actOfRecord', () => {
  it('reads kept evidence, and leaves what is no act', () => {
    const line = { n: 7, at: 1.5, t: 9, tid: 2, tgid: 2, proc: 'x', kind: 'open', path: '/x', write: false, errno: '' };
    expect(actOfRecord(line)).toEqual({
      n: 7,
      at: 1.5,
      act: { tgid: 2, proc: 'x', kind: 'open', path: '/x', write: false, errno: '' },
    });
    expect(actOfRecord({ n: 0, at: 1, kind: 'preflight', checks: [] })).toBeNull();
    expect(actOfRecord({ ...line, path: 3 })).toBeNull();
    expect(actOfRecord('x')).toBeNull();
  });
});
