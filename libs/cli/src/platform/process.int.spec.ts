import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSettings } from '../config.ts';
import { run, waitFor } from './command.ts';
import { createHome, type Home } from './home.ts';
import { keep, type Attempts } from './keeper.ts';
import { tryLock } from './lock.ts';
import { freePort, isFree, listenerOf, requireFree } from './ports.ts';
import { formatIdentity, identityOf } from './process-identity.ts';
import {
  boundLogs,
  ensureProcess,
  knownProcesses,
  logPath,
  readSpec,
  rotateLog,
  runningProcess,
  startProcess,
  stopProcess,
  type ProcessSpec,
} from './process.ts';
import { nodeArgv } from './services.ts';

let home: Home;
const spec = (over: Partial<ProcessSpec> = {}): ProcessSpec => ({
  name: 'sleeper',
  argv: ['sh', '-c', 'echo hello; while :; do sleep 0.1; done'],
  env: { PATH: '/usr/bin:/bin' },
  cwd: '/',
  stopSignal: 'SIGTERM',
  stopWaitMs: 2_000,
  ...over,
});
const pidFile = (): string => join(home.run, 'sleeper.pid');

beforeEach(() => {
  home = createHome(mkdtempSync(join(tmpdir(), 'crucible-process-')));
});
afterEach(async () => {
  for (const name of knownProcesses(home)) await stopProcess(home, name);
  rmSync(home.root, { recursive: true, force: true });
});

describe('a component', () => {
  it('is named by its pid file, logs to its file, and ends when told', async () => {
    const identity = await startProcess(home, spec());
    expect(identity).toEqual(identityOf(identity.pid));
    expect(runningProcess(home, 'sleeper')).toEqual(identity);
    expect(
      await waitFor(() => readFileSync(logPath(home, 'sleeper'), 'utf8').includes('hello') || undefined, 5_000),
    ).toBe(true);
    expect(await stopProcess(home, 'sleeper')).toEqual({ wasRunning: true, killed: false });
    expect(identityOf(identity.pid)).toBeUndefined();
    expect(knownProcesses(home)).toEqual([]);
  });

  it('is left alone when it runs as wished, whatever terminal asks, and restarted when the wish changes', async () => {
    const first = await ensureProcess(home, spec({ inherited: { TERM: 'a' } }));
    const again = await ensureProcess(home, spec({ inherited: { TERM: 'b' } }));
    expect(again).toEqual({ identity: first.identity, started: false });
    const other = await ensureProcess(home, spec({ env: { PATH: '/bin', X: '1' } }));
    expect(other.started).toBe(true);
    expect(identityOf(first.identity.pid)).toBeUndefined();
  });

  it('is killed when it does not listen', async () => {
    await startProcess(
      home,
      spec({ argv: ['sh', '-c', 'trap "" TERM; echo deaf; while :; do sleep 0.1; done'], stopWaitMs: 300 }),
    );
    await waitFor(() => readFileSync(logPath(home, 'sleeper'), 'utf8').includes('deaf') || undefined, 5_000);
    expect(await stopProcess(home, 'sleeper')).toEqual({ wasRunning: true, killed: true });
  });

  it('keeps its secrets to its owner', async () => {
    await startProcess(home, spec({ env: { PATH: '/bin', PASSWORD: 'x' } }));
    expect(statSync(join(home.run, 'sleeper.spec.json')).mode & 0o077).toBe(0);
    expect(statSync(logPath(home, 'sleeper')).mode & 0o077).toBe(0);
  });

  it.each([
    ['another process has its pid', () => formatIdentity({ ...identityOf(process.pid)!, started: '1' })],
    ['it belongs to an earlier boot', () => formatIdentity({ ...identityOf(process.pid)!, boot: 'earlier' })],
    ['its pid file is broken', () => 'rubbish'],
  ])('is never mistaken: %s', async (_, content) => {
    writeFileSync(pidFile(), content());
    expect(runningProcess(home, 'sleeper')).toBeUndefined();
    // This very process would be the victim.
    expect(await stopProcess(home, 'sleeper')).toEqual({ wasRunning: false, killed: false });
    expect(existsSync(pidFile())).toBe(false);
  });

  it('has a log that is bounded, at start and while it runs', () => {
    const path = logPath(home, 'noisy');
    writeFileSync(path, 'x'.repeat(100));
    rotateLog(path, 50);
    expect([existsSync(path), readFileSync(`${path}.1`, 'utf8').length]).toEqual([false, 100]);
    writeFileSync(path, 'y'.repeat(60));
    boundLogs(home, 50);
    expect([statSync(path).size, readFileSync(`${path}.1`, 'utf8')[0]]).toEqual([0, 'y']);
  });
});

describe('the keeper', () => {
  const ports = (log: string[]) => ({
    nowMs: () => performance.now(),
    log: (message: string) => void log.push(message),
  });

  it('starts again what was killed, and leaves alone what was ended', async () => {
    const log: string[] = [];
    const memory = new Map<string, Attempts>();
    const { pid } = await startProcess(home, spec());
    await keep(home, memory, ports(log));
    expect(log).toEqual([]);
    process.kill(pid, 'SIGKILL');
    await waitFor(() => (runningProcess(home, 'sleeper') ? undefined : true), 5_000);
    await keep(home, memory, ports(log));
    expect(runningProcess(home, 'sleeper')?.pid).not.toBe(pid);
    expect(log).toHaveLength(1);
    await stopProcess(home, 'sleeper');
    await keep(home, memory, ports(log));
    expect(runningProcess(home, 'sleeper')).toBeUndefined();
  });

  it('does nothing while somebody else changes the platform', async () => {
    const { pid } = await startProcess(home, spec());
    process.kill(pid, 'SIGKILL');
    await waitFor(() => (runningProcess(home, 'sleeper') ? undefined : true), 5_000);
    const lock = tryLock(home, 'platform');
    await keep(home, new Map(), ports([]));
    expect(runningProcess(home, 'sleeper')).toBeUndefined();
    expect(readSpec(home, 'sleeper')).toBeDefined();
    if ('release' in lock) lock.release();
  });
});

describe('the lock', () => {
  it('is held once, and a dead holder does not count', () => {
    const lock = tryLock(home, 'platform');
    expect('release' in lock).toBe(true);
    expect(tryLock(home, 'platform')).toEqual({ heldBy: process.pid });
    if ('release' in lock) lock.release();
    writeFileSync(join(home.root, 'platform.lock'), formatIdentity({ ...identityOf(process.pid)!, started: '1' }));
    const next = tryLock(home, 'platform');
    expect('release' in next).toBe(true);
    if ('release' in next) next.release();
    writeFileSync(join(home.root, 'platform.lock'), '');
    expect('release' in tryLock(home, 'platform')).toBe(true);
  });
});

describe('the lock, wanted by many at once', () => {
  it('has one holder at a time, also when the first finds it left behind', async () => {
    writeFileSync(join(home.root, 'platform.lock'), formatIdentity({ ...identityOf(process.pid)!, started: '1' }));
    const lock = new URL('./lock.ts', import.meta.url).href;
    const locate = new URL('./home.ts', import.meta.url).href;
    const { repository } = readSettings();
    // Each notes when it begins and when it ends: two beginnings in a row would be two holders.
    const program = `
      const { withLock } = await import(${JSON.stringify(lock)});
      const { locateHome } = await import(${JSON.stringify(locate)});
      const { appendFileSync } = await import('node:fs');
      for (let turn = 0; turn < 5; turn += 1) {
        await withLock(locateHome(${JSON.stringify(home.root)}), async () => {
          appendFileSync(${JSON.stringify(join(home.root, 'turns'))}, 'begin\\n');
          await new Promise((resolve) => setTimeout(resolve, 3));
          appendFileSync(${JSON.stringify(join(home.root, 'turns'))}, 'end\\n');
        });
      }`;
    const argv = nodeArgv(repository, 'x').slice(1, -1);
    const ended = await Promise.all(
      Array.from({ length: 4 }, () => run([process.execPath, ...argv, '--input-type=module', '-e', program])),
    );
    expect(ended.map(({ stderr }) => stderr)).toEqual(['', '', '', '']);
    expect(readFileSync(join(home.root, 'turns'), 'utf8')).toBe('begin\nend\n'.repeat(20));
  });
});

describe('ports', () => {
  it('says who has one', async () => {
    const port = await freePort();
    const listen = `require("node:net").createServer().listen(${port}, "127.0.0.1")`;
    const { pid } = await startProcess(home, spec({ argv: [process.execPath, '-e', listen] }));
    await waitFor(async () => ((await isFree(port)) ? undefined : true), 5_000);
    expect(listenerOf(port)).toContain(`pid ${pid} (`);
    await expect(requireFree(port, 'CRUCIBLE_PORT')).rejects.toMatchObject({
      message: expect.stringContaining(`port ${port} is taken by pid ${pid}`) as string,
      remedy: expect.stringContaining(`CRUCIBLE_PORT=${port + 1}`) as string,
    });
  });
});
