import { expect, it } from 'vitest';
import type { CallOutput, ExecRequest, SandboxSession } from '../port.ts';

const request = (argv: readonly string[], changes: Partial<ExecRequest> = {}): ExecRequest => ({
  id: `call-${Math.random()}`,
  argv,
  stdin: null,
  env: {},
  cwd: '',
  timeoutMsMax: 20_000,
  outputBytesMax: 100_000,
  ...changes,
});
const sh = (script: string, changes: Partial<ExecRequest> = {}): ExecRequest => request(['sh', '-c', script], changes);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

/** What whoever talks to a session may rely on, be it a sandbox or what stands for one in a test. */
export const sessionContract = (open: (onOutput: (chunk: CallOutput) => void) => Promise<SandboxSession>): void => {
  const opened = async () => {
    const chunks: CallOutput[] = [];
    const session = await open((chunk) => void chunks.push({ ...chunk }));
    return { session, chunks };
  };

  it('runs a program, gives back what it printed, and tells it under the name of its call', async () => {
    const { session, chunks } = await opened();
    const end = await session.exec(sh('echo hello', { id: 'mine' }));
    expect(end).toMatchObject({ id: 'mine', outcome: { kind: 'exited', exitCode: 0 }, bytesDropped: 0 });
    expect(text(end.stdout)).toBe('hello\n');
    expect(end.processId).toBeGreaterThan(1);
    expect(chunks.map(({ callId, late }) => [callId, late])).toEqual([['mine', false]]);
    expect((await session.exec(sh('exit 3'))).outcome).toEqual({ kind: 'exited', exitCode: 3 });
    expect(text((await session.exec(request(['cat'], { stdin: Buffer.from('typed') }))).stdout)).toBe('typed');
    const missing = await session.exec(request(['no-such-program']));
    expect(missing.outcome).toEqual({ kind: 'exited', exitCode: 127 });
    expect(text(missing.stderr)).toContain('cannot run no-such-program');
    await session.close();
  });

  it('ends a call at its time and at its bound on output, with what came of it', async () => {
    const { session } = await opened();
    expect((await session.exec(sh('sleep 500', { timeoutMsMax: 300 }))).outcome).toEqual({ kind: 'timed-out' });
    const flood = await session.exec(sh('head -c 5000 /dev/zero', { outputBytesMax: 1_000 }));
    expect(flood.outcome).toEqual({ kind: 'output-limit' });
    expect(flood.stdout.byteLength).toBe(1_000);
    const killed = session.exec(sh('sleep 500', { id: 'long' }));
    setTimeout(() => session.killCall('long'), 200);
    expect((await killed).outcome).toEqual({ kind: 'killed' });
    await session.close();
  });

  it('keeps files of the work folder, and no others', async () => {
    const { session } = await opened();
    expect(await session.writeFile('a/b.txt', Buffer.from('content'), 0o644)).toEqual({ kind: 'written' });
    const read = await session.readFile('/work/a/b.txt', 4);
    expect(read).toMatchObject({ kind: 'read', sizeBytes: 7 });
    expect(read.kind === 'read' && text(read.content)).toBe('cont');
    expect(text((await session.exec(sh('cat a/b.txt'))).stdout)).toBe('content');
    for (const path of ['none', '../etc/passwd', '/etc/passwd'])
      expect(await session.readFile(path, 10)).toMatchObject({ kind: 'refused' });
    const taken = await session.snapshot({ bytesMax: 10_000, still: true });
    expect(taken.kind === 'taken' && taken.files.map(({ path, content }) => [path, text(content)])).toEqual([
      ['a/b.txt', 'content'],
    ]);
    await session.close();
  });

  it('is gone for everybody once it has ended', async () => {
    const { session } = await opened();
    const running = session.exec(sh('sleep 500'));
    session.kill('stopped');
    expect((await running).outcome).toEqual({ kind: 'sandbox-gone' });
    expect(await session.ended).toMatchObject({ reason: 'stopped' });
    expect((await session.exec(sh('echo on'))).outcome).toEqual({ kind: 'sandbox-gone' });
    expect(await session.readFile('x', 1)).toEqual({ kind: 'sandbox-gone' });
    expect(await session.close()).toMatchObject({ reason: 'stopped' });
  });

  it('ends well when it is closed, and kills what runs', async () => {
    const { session } = await opened();
    const running = session.exec(sh('sleep 500'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await session.close()).toMatchObject({ reason: 'exit', exitCode: 0 });
    expect((await running).outcome).toEqual({ kind: 'killed' });
  });
};
