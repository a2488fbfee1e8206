import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { dropStalePidFile } from './stale-pid-file.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'crucible-pid-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const write = (text: string): string => {
  const file = join(dir, 'server.pid');
  writeFileSync(file, text);
  return file;
};

it('removes a file that names nobody, somebody else, or nothing', () => {
  for (const text of ['4194305\n', `${process.pid}\nmore`, 'rubbish', '']) {
    const file = write(text);
    dropStalePidFile(file);
    expect(existsSync(file), text).toBe(false);
  }
  expect(() => dropStalePidFile(join(dir, 'missing'))).not.toThrow();
});

it('leaves it while a process works in its folder', async () => {
  const file = write('4194305\n');
  const child = spawn('sleep', ['60'], { cwd: dir });
  try {
    dropStalePidFile(file);
    expect(existsSync(file)).toBe(true);
  } finally {
    const ended = new Promise((resolve) => child.on('close', resolve));
    child.kill('SIGKILL');
    await ended;
  }
  dropStalePidFile(file);
  expect(existsSync(file)).toBe(false);
});
