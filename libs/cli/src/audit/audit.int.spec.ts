import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifierKey } from '@crucible/transparency';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSettings, withoutCrucible } from '../config.ts';
import { createHome, emptyState, writeState } from '../platform/home.ts';
import { nodeArgv } from '../platform/services.ts';
import { fetchExport } from './export.ts';
import { exportOf, TestAudit, verifier } from './testing.ts';
import { verifyLive } from './verify.ts';

let audit: TestAudit;
let dir: string;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'crucible-audit-'));
  audit = await TestAudit.start();
});
afterEach(() => {
  audit.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe('verification of a running platform', () => {
  const verify = (): ReturnType<typeof verifyLive> => verifyLive(audit.client, dir, { verifier, kept: [] });
  const kept = (): string => readFileSync(join(dir, 'audit/verified-checkpoint'), 'utf8');
  const serves = (text: string): void => void (audit.send = (response) => void response.end(text));

  it('keeps what it verified and asks the next log to agree with it', async () => {
    expect(await verify()).toMatchObject({ ok: true, events: 2, root: exportOf(2).root });
    expect(kept()).toBe(exportOf(2).note);
    serves(exportOf(5).text);
    expect(await verify()).toMatchObject({ ok: true, events: 5 });
    serves(exportOf(3).text);
    expect(await verify()).toMatchObject({ ok: false, firstBadPosition: 4 });
    serves(exportOf(5, 'another').text);
    expect(await verify()).toMatchObject({ ok: false, reason: expect.stringContaining('verified last') });
    expect(kept()).toBe(exportOf(5).note);
  });

  it('believes the audit when it says that the log is broken, whatever is exported', async () => {
    audit.broken = 'event 7 is missing from the log';
    expect(await verify()).toMatchObject({ ok: false, reason: 'the audit says: event 7 is missing from the log' });
    expect(existsSync(join(dir, 'audit'))).toBe(false);
  });

  it('asks of an archive that it is the log that was imported', async () => {
    const archive = { status: 'whole' as const, origin: 'o', importedAt: 'now' };
    const home = createHome(dir);
    writeState(home, { ...emptyState, archive: { ...archive, size: 2, root: exportOf(2).root } });
    expect(await verify()).toMatchObject({ ok: true });
    writeState(home, { ...emptyState, archive: { ...archive, size: 2, root: exportOf(2, 'another').root } });
    expect(await verify()).toMatchObject({ ok: false, reason: expect.stringContaining('imported') });
  });

  it('takes no part for the whole', async () => {
    serves(exportOf(5).text.slice(0, -30));
    expect(await verify()).toMatchObject({ ok: false, reason: expect.stringContaining('truncated') });
  });
});

describe('an export', () => {
  const out = (): string => join(dir, 'log.ndjson');
  const wish = { evidence: true, force: false };
  const files = (): string[] => readdirSync(dir);

  it('is written whole under its name, for its owner', async () => {
    const { counts, bytes } = await fetchExport(audit.client, {
      ...wish,
      out: out(),
      evaluation: 'e',
      evidence: false,
    });
    expect({ bytes, events: counts.events }).toEqual({ bytes: Buffer.byteLength(exportOf(2).text), events: 2 });
    expect(readFileSync(out(), 'utf8')).toBe(exportOf(2).text);
    expect(statSync(out()).mode & 0o777).toBe(0o600);
    expect(audit.asked).toEqual(['/audit/export?purpose=export&evaluation=e&evidence=false']);
  });

  it.each(['ends early', 'is torn'])('that %s leaves nothing behind, and what was there', async (how) => {
    writeFileSync(out(), 'before');
    audit.send = (response) => {
      response.write(exportOf(2).text.slice(0, 400));
      if (how === 'is torn') setTimeout(() => response.destroy(), 20);
      else response.end();
    };
    await expect(fetchExport(audit.client, { ...wish, out: out(), force: true })).rejects.toThrow();
    expect(files()).toEqual(['log.ndjson']);
    expect(readFileSync(out(), 'utf8')).toBe('before');
  });

  it('replaces a file only when told to', async () => {
    writeFileSync(out(), 'before');
    await expect(fetchExport(audit.client, { ...wish, out: out() })).rejects.toThrow(/--force/);
    await fetchExport(audit.client, { ...wish, out: out(), force: true });
    expect(readFileSync(out(), 'utf8')).toBe(exportOf(2).text);
  });
});

describe('./crucible audit verify --export, without any platform', () => {
  const key = verifierKey(verifier);
  const run = (...argv: string[]): { code: number | null; stdout: string; stderr: string } => {
    const [program = '', ...rest] = nodeArgv(readSettings().repository, 'libs/cli/src/main.ts');
    const env = { ...withoutCrucible(), CRUCIBLE_HOME: join(dir, 'no-home') };
    const { status, stdout, stderr } = spawnSync(program, [...rest, 'audit', 'verify', ...argv], {
      env,
      encoding: 'utf8',
    });
    return { code: status, stdout, stderr };
  };
  const write = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };

  it('says ok with count and root, to people and to programs', () => {
    const { text, root } = exportOf(3);
    const file = write('log', text);
    expect(run('--export', file, '--public-key', key)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(`^ok: 3 events, root ${root}, 1 checkpoint, `),
    });
    const { code, stdout } = run('--export', file, '--public-key', write('key', `${key}\n`), '--json');
    expect({ code, ...(JSON.parse(stdout) as object) }).toMatchObject({
      code: 0,
      ok: true,
      events: 3,
      root,
      firstBadPosition: null,
      reason: null,
      evidence: { verified: 0, erased: 0 },
      checkpoints: 1,
    });
    expect(existsSync(join(dir, 'no-home'))).toBe(false);
  });

  it('says what is wrong first, and where', () => {
    const file = write(
      'log',
      exportOf(3).text.replace('{"kind":"event","position":2,', '{"kind":"event","position":9,'),
    );
    const { code, stdout } = run('--export', file, '--public-key', key);
    expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringMatching(/^wrong at position 2: /) });
    const older = write('older', exportOf(3).text);
    const newer = write('kept', exportOf(4).note);
    expect(run('--export', older, '--public-key', key, '--checkpoint', newer)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^wrong at position 4: .*older/),
    });
  });

  it('reads no more of a kept checkpoint than one can be, and shows no name as a terminal would take it', () => {
    const file = write('log', exportOf(1).text);
    expect(run('--export', file, '--public-key', key, '--checkpoint', '/dev/zero')).toMatchObject({ code: 1 });
    const { stderr } = run('--export', join(dir, 'a\u001b[2J\u202e\n'), '--public-key', key);
    expect(stderr).toMatch(/^error: .*cannot be read/);
    expect(stderr).not.toMatch(/[\u001b\u202e]/);
  });

  it('imports from no pipe, which gives nothing a second time', () => {
    const pipe = join(dir, 'pipe');
    spawnSync('mkfifo', [pipe]);
    const home = join(dir, 'archive');
    const [program = '', ...rest] = nodeArgv(readSettings().repository, 'libs/cli/src/main.ts');
    const { status, stderr } = spawnSync(program, [...rest, 'audit', 'import', pipe, '--public-key', key], {
      env: { ...withoutCrucible(), CRUCIBLE_HOME: home },
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect({ status, stderr }).toMatchObject({ status: 2, stderr: expect.stringContaining('is no file') });
    expect(existsSync(home)).toBe(false);
  });

  it('tells misuse apart', () => {
    const file = write('log', exportOf(1).text);
    for (const argv of [
      ['--export', file],
      ['--export', file, '--public-key', 'no key'],
      ['--export', join(dir, 'none'), '--public-key', key],
      ['--export', dir, '--public-key', key],
      ['--export', file, '--public-key', key, '--checkpoint', join(dir, 'none')],
      ['--nonsense'],
    ])
      expect(run(...argv)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^error: /) });
  });
});
