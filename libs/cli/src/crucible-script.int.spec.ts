import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSettings } from './config.ts';

/** The script is tried on a checkout of straw: its npm notes that it was called, its command line prints what it got. */
let dir: string;
let checkout: string;

const write = (path: string, text: string, mode = 0o644): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
};

const fakeNpm = (body: string): void => write(join(dir, 'bin/npm'), `#!/bin/sh\n${body}\n`, 0o755);
const goodNpm = 'echo called >> ../npm-calls; sleep 0.3; rm -rf node_modules; mkdir -p node_modules; echo fine';
const npmCalls = (): number => {
  const file = join(dir, 'npm-calls');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0;
};

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (script: string, args: string[] = [], options: { cwd?: string; path?: string } = {}): Promise<Ended> =>
  new Promise((resolve) => {
    const path = options.path ?? `${join(dir, 'bin')}:${dirname(process.execPath)}:/usr/bin:/bin`;
    const child = spawn('/bin/sh', [script, ...args], { cwd: options.cwd ?? '/', env: { PATH: path } });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'crucible script '));
  checkout = join(dir, 'check out');
  const { repository } = readSettings();
  mkdirSync(join(checkout, 'libs/cli'), { recursive: true });
  for (const file of ['crucible', 'libs/cli/install.mjs']) copyFileSync(join(repository, file), join(checkout, file));
  write(join(checkout, 'package-lock.json'), '{"packages":{"":{},"node_modules/x":{"version":"1.0.0"}}}');
  write(join(checkout, 'libs/source-loader/register.mjs'), '');
  write(
    join(checkout, 'libs/cli/src/main.ts'),
    'console.log(JSON.stringify(process.argv.slice(2))); process.exit(Number(process.argv[2] ?? 0));',
  );
  fakeNpm(goodNpm);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const script = (): string => join(checkout, 'crucible');

describe('the crucible script', () => {
  it('installs once, then hands over arguments and exit code, from anywhere and through links', async () => {
    const first = await run(script(), ['7', 'a b', '--c=*']);
    expect(first).toMatchObject({ code: 7, stdout: '["7","a b","--c=*"]\n' });
    expect(first.stderr).toContain('npm ci');
    symlinkSync('check out/crucible', join(dir, 'one'));
    symlinkSync(join(dir, 'one'), join(dir, 'two'));
    expect(await run(join(dir, 'two'), ['0'], { cwd: '/usr' })).toMatchObject({ code: 0, stderr: '' });
    expect(npmCalls()).toBe(1);
  });

  it('installs again when the lock file changed', async () => {
    await run(script());
    write(join(checkout, 'package-lock.json'), '{"packages":{"":{},"node_modules/x":{"version":"1.0.1"}}}');
    await run(script());
    expect(npmCalls()).toBe(2);
  });

  it('installs nothing when somebody ran npm by hand', async () => {
    write(join(checkout, 'node_modules/.package-lock.json'), '{"packages":{"node_modules/x":{"version":"1.0.0"}}}');
    expect(await run(script())).toMatchObject({ code: 0, stderr: '' });
    expect(npmCalls()).toBe(0);
  });

  it('installs once however many start at once, also after one was killed at it', async () => {
    fakeNpm(`echo called >> ../npm-calls; kill -9 $(ps -o ppid= -p $PPID) $PPID; sleep 0.1; exit 1`);
    expect((await run(script())).code).not.toBe(0);
    rmSync(join(dir, 'npm-calls'));
    fakeNpm(goodNpm);
    const all = await Promise.all(Array.from({ length: 5 }, () => run(script())));
    expect(all.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0, 0, 0, 0]);
    expect(npmCalls()).toBe(1);
  });

  it('shows what npm said when it fails, and tries again next time', async () => {
    fakeNpm('echo "E404 no such thing" >&2; exit 1');
    const failed = await run(script());
    expect(failed.code).toBe(3);
    expect(failed.stderr).toMatch(/E404 no such thing[^]*error: npm ci failed[^]*way out:/);
    fakeNpm(goodNpm);
    expect((await run(script())).code).toBe(0);
  });

  it('says what to install where there is no Node', async () => {
    mkdirSync(join(dir, 'tools'));
    for (const tool of ['sh', 'readlink', 'dirname', 'cut', 'sha256sum', 'cat', 'sed', 'rm', 'mkdir', 'rmdir']) {
      symlinkSync(join('/usr/bin', tool), join(dir, 'tools', tool));
    }
    const ended = await run(script(), [], { path: join(dir, 'tools') });
    expect(ended.code).toBe(3);
    expect(ended.stderr).toContain('error: Node.js is not installed');
    expect(ended.stderr).toContain('apt-get install nodejs npm');
  });
});
