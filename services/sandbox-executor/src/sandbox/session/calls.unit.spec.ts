import { describe, expect, it } from 'vitest';
import type { ExecRequest, SessionSpec } from '../port.ts';
import { limits } from '../sandbox.fixture.ts';
import { Calls, endOfNone } from './calls.ts';

const spec: SessionSpec = { evaluationId: 'e', trialId: 't', image: 'i', files: [], env: { GIVEN: '1' }, limits };
const request = (changes: Partial<ExecRequest> = {}): ExecRequest => ({
  id: 'one',
  argv: ['true'],
  stdin: null,
  env: {},
  cwd: '',
  timeoutMsMax: 1_000,
  outputBytesMax: 10,
  ...changes,
});
const report = (text: string): Buffer => Buffer.from(text);

describe('a call', () => {
  it.each([
    ['end 768 5 0 0 0 0', { kind: 'exited', exitCode: 3 }, []],
    ['end 9 5 0 0 0 0', { kind: 'signal', signal: 'SIGKILL' }, []],
    ['end 139 5 0 0 0 0', { kind: 'signal', signal: 'SIGSEGV' }, []],
    ['time 9 5 0 0 0 0', { kind: 'timed-out' }, ['wall-time']],
    ['output 9 5 7 0 0 0', { kind: 'output-limit' }, ['output']],
    ['killed 9 5 0 0 0 0', { kind: 'killed' }, []],
    ['swept 9 5 0 0 0 1', { kind: 'killed' }, ['pids']],
    ['end 256 5 0 0 1 0', { kind: 'exited', exitCode: 1 }, ['disk']],
  ])('ends as init reports: %s', async (text, outcome, limitsHit) => {
    const calls = new Calls(spec);
    const { call } = calls.begin(1, request());
    calls.began(1, report('7'));
    expect(calls.reported(1, report(text))).toBe(Number(text.split(' ')[3]));
    expect(await call.ended).toMatchObject({ id: 'one', outcome, limitsHit, processId: 7, durationMs: 5 });
  });

  it('ran out of memory when the kernel ended something meanwhile and it failed', async () => {
    let kills = 3;
    const calls = new Calls(spec, () => kills);
    const failed = calls.begin(1, request()).call;
    const well = calls.begin(2, request({ id: 'two' })).call;
    kills = 4;
    const later = calls.begin(3, request({ id: 'three' })).call;
    calls.reported(1, report('end 256 5 0 0 0 0'));
    calls.reported(2, report('end 0 5 0 0 0 0'));
    calls.reported(3, report('end 256 5 0 0 0 0'));
    expect(await failed.ended).toMatchObject({ outcome: { kind: 'out-of-memory' }, limitsHit: ['memory'] });
    expect(await well.ended).toMatchObject({ outcome: { kind: 'exited', exitCode: 0 }, limitsHit: ['memory'] });
    expect(await later.ended).toMatchObject({ outcome: { kind: 'exited', exitCode: 1 }, limitsHit: [] });
  });

  it('keeps no more output than it may have, whatever comes', async () => {
    const calls = new Calls(spec);
    const { call } = calls.begin(1, request());
    call.wrote('stdout', Buffer.from('123456'));
    call.wrote('stderr', Buffer.from('789abcdef'));
    call.wrote('stdout', Buffer.from('more'));
    calls.reported(1, report('end 0 5 0 0 0 0'));
    const { stdout, stderr } = await call.ended;
    expect([Buffer.from(stdout).toString(), Buffer.from(stderr).toString()]).toEqual(['123456', '789a']);
  });

  it('is known by its name for as long as something may be said in it', () => {
    const calls = new Calls(spec);
    const { call } = calls.begin(5, request());
    expect(calls.speaker(5)).toEqual({ id: 'one', call });
    calls.reported(5, report('end 0 5 0 0 0 0'));
    expect(calls.speaker(5)).toEqual({ id: 'one', call: undefined });
    expect(calls.speaker(6)).toBeNull();
    expect(calls.numberOf('one')).toBeUndefined();
  });

  it('ends with the sandbox, and is refused as init says', async () => {
    const calls = new Calls(spec);
    const one = calls.begin(1, request()).call;
    const other = calls.begin(2, request({ id: 'two' })).call;
    expect(calls.refused(2, 'No space left on device')).toBe(true);
    expect(calls.refused(2, 'again')).toBe(false);
    calls.gone();
    expect((await one.ended).outcome).toEqual({ kind: 'sandbox-gone' });
    expect((await other.ended).outcome).toEqual({ kind: 'refused', why: 'No space left on device' });
    expect((await endOfNone(request())).outcome).toEqual({ kind: 'sandbox-gone' });
  });

  it.each([
    [{ id: '' }, 'id must have 1 to 200 characters'],
    [{ argv: [''] }, 'argv must name a program'],
    [{ argv: ['a\0'] }, 'argv must not hold a zero byte'],
    [{ cwd: '\0' }, 'cwd must not hold a zero byte'],
    [{ env: { A: '\0' } }, 'environment variable A must not hold a zero byte'],
    [{ timeoutMsMax: NaN }, 'timeoutMsMax is NaN, and the wall time of the sandbox allows 1 to 20000'],
    [{ timeoutMsMax: 20_001 }, 'timeoutMsMax is 20001, and the wall time of the sandbox allows 1 to 20000'],
    [{ outputBytesMax: 0 }, 'outputBytesMax is 0, and the output limit of the sandbox allows 1 to 1048576'],
  ])('is refused before anything is told of it: %j', async (changes, why) => {
    const { call, frames } = new Calls(spec).begin(1, request(changes));
    expect(frames).toEqual([]);
    expect((await call.ended).outcome).toEqual({ kind: 'refused', why });
  });

  it('is refused when it is too much to tell', async () => {
    for (const [changes, why] of [
      [{ stdin: Buffer.alloc(17 << 20) }, 'standard input is larger than the disk limit'],
      [{ argv: ['x', 'y'.repeat(1_000_000)] }, 'argv and env are too large'],
    ] as const) {
      const { call, frames } = new Calls(spec).begin(1, request(changes));
      expect(frames).toEqual([]);
      expect((await call.ended).outcome).toEqual({ kind: 'refused', why });
    }
  });

  it('is told with its input before it', () => {
    const { frames } = new Calls(spec).begin(7, request({ stdin: Buffer.from('in'), cwd: 'sub' }));
    expect(frames.map((frame) => frame.toString('latin1', 0, 1))).toEqual(['i', 'x']);
    const launch = frames[1]?.toString('latin1') ?? '';
    for (const part of ['true', 'GIVEN=1', 'HOME=/work', '/work/sub']) expect(launch).toContain(part);
  });
});
