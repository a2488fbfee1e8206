import { randomUUID } from 'node:crypto';
import { strict } from '@crucible/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DockerSandboxEngine } from './engine.ts';
import type { SandboxEnd, SandboxSpec, UsageSample } from './port.ts';
import { limits, pythonSpec, testEngine } from './sandbox.fixture.ts';

const MIB = 1_048_576;
let engine: DockerSandboxEngine;

beforeAll(() => {
  const { socketPath, runtime } = testEngine();
  engine = new DockerSandboxEngine({ socketPath, runtime, executorId: `test-${randomUUID()}` });
});
afterAll(async () => {
  await engine.drain();
  expect(await engine.list()).toEqual([]);
});

interface Ran {
  readonly end: SandboxEnd;
  readonly usage: readonly UsageSample[];
  readonly output: string;
}

const run = async (source: string, changes: Partial<SandboxSpec> = {}): Promise<Ran> => {
  const spec = pythonSpec(source, changes);
  const prepared = await engine.prepare({ image: spec.image, profile: strict, limits: spec.limits });
  const usage: UsageSample[] = [];
  const parts: Buffer[] = [];
  const sandbox = engine.run(prepared, spec, {
    onOutput: ({ bytes }) => void parts.push(Buffer.from(bytes)),
    onUsage: (sample) => void usage.push(sample),
  });
  const end = await sandbox.ended;
  return { end, usage, output: Buffer.concat(parts).toString('latin1') };
};

describe('usage', () => {
  it('is sampled while a program runs and once at its end, from outside and inside', async () => {
    const beganAt = Date.now();
    const { end, usage, output } = await run(`
import subprocess, time
open('/work/a', 'wb').write(b'x' * (5 << 20)); open('/tmp/b', 'wb').write(b'x' * (2 << 20))
child = subprocess.Popen(['/bin/sleep', '60'])
until = time.monotonic() + 3.5
while time.monotonic() < until: pass
print('done')`);
    expect(end).toMatchObject({ reason: 'exit', exitCode: 0 });
    expect(output).toBe('done\n');
    expect(usage.length).toBeGreaterThanOrEqual(3);
    const during = usage.filter(({ tasks }) => tasks === 2).at(-1);
    expect(during?.diskBytes).toBeGreaterThanOrEqual(5 * MIB);
    expect(during?.tmpBytes).toBeGreaterThanOrEqual(2 * MIB);
    expect(during?.memoryBytes).toBeGreaterThan(7 * MIB);
    expect(usage.at(-1)).toMatchObject({ tasks: 0 });
    expect(usage.at(-1)?.diskBytes).toBeGreaterThanOrEqual(5 * MIB);
    const cpu = usage.map(({ cpuUs }) => cpuUs ?? -1);
    expect(cpu).toEqual([...cpu].sort((a, b) => a - b));
    expect(cpu.at(-1)).toBeGreaterThan(100_000);
    for (const { at } of usage) expect(at).toBeGreaterThanOrEqual(beganAt);
  });

  it('cannot be told by the guest, and what init says is no output', async () => {
    const forged = `\\0crucible:${'0'.repeat(32)}:usage 1 1 1 1\\n`;
    const { usage, output } = await run(`
import os, time
for _ in range(30):
    os.write(2, b'${forged}'); time.sleep(0.1)`);
    expect(output.split('\n').filter((line) => line.includes('usage'))).toHaveLength(30);
    expect(output.match(/crucible:(?!0{32})/g)).toBeNull();
    for (const sample of usage) expect(sample.diskBytes).not.toBe(1);
  });

  it('that init is kept from telling is missing, and not made up', async () => {
    const { end, usage } = await run(
      `
import os, signal, time
os.kill(1, signal.SIGSTOP)
time.sleep(600)`,
      { limits: { ...limits, wallTimeMsMax: 7_000 } },
    );
    expect(usage.at(-1)).toMatchObject({ diskBytes: null, tmpBytes: null, tasks: null });
    expect(usage.at(-1)?.memoryBytes).toBeGreaterThan(0);
    expect(end).toMatchObject({ reason: 'init-killed', exitCode: null, limitsHit: ['wall-time'] });
    expect(end.error).toContain('stopped from inside');
  });
});

describe('a tripwire', () => {
  const canaries = {
    files: [
      { path: '.ssh/id_ed25519', content: Buffer.from('KEY'), mode: 0o400 },
      { path: 'models/weights.safetensors', content: Buffer.alloc(100_000, 'w'), mode: 0o400 },
    ],
    env: { REGISTRY_API_TOKEN: 'token' },
  };

  it('lies where it was laid, and counts as no disk of the program', async () => {
    const { output, usage } = await run(
      `
import os
print(open('/home/operator/.ssh/id_ed25519').read(), os.path.getsize('/home/operator/models/weights.safetensors'))
print(oct(os.stat('/home/operator/.ssh/id_ed25519').st_mode), os.environ['REGISTRY_API_TOKEN'], os.getcwd())`,
      { canaries },
    );
    expect(output).toBe('KEY 100000\n0o100400 token /work\n');
    expect(usage.at(-1)?.diskBytes).toBeLessThan(MIB);
  });
});

describe('limits of files', () => {
  it('has a true reason when a file grew to its limit', async () => {
    const { end } = await run(
      `
f = open('/work/big', 'wb')
while True: f.write(b'x' * 65536)`,
      { limits: { ...limits, fileBytesMax: 2 * MIB } },
    );
    expect(end).toMatchObject({ reason: 'disk-full', exitCode: 1, limitsHit: ['disk'] });
  });

  it.each(['/dev/shm', '/home/operator'])('has a true reason when %s is full', async (folder) => {
    const { end } = await run(`
f = open('${folder}/big', 'wb', buffering=0)
while f.write(b'x' * 4096) == 4096: pass
f.write(b'x')`);
    expect(end).toMatchObject({ reason: 'disk-full', limitsHit: ['disk'] });
  });

  it('gives so many open files, and no more', async () => {
    const { output } = await run(
      `
files = []
try:
    while True: files.append(open('/dev/null'))
except OSError as error: print(len(files), error.errno)`,
      { limits: { ...limits, filesOpenMax: 40 } },
    );
    expect(output).toMatch(/^3[0-9] 24\n$/);
  });

  it('calls files without end what they are: memory', async () => {
    const { end } = await run(
      `
i = 0
while True:
    open(f'/work/{i:0200}', 'w').close(); i += 1`,
      { limits: { ...limits, wallTimeMsMax: 60_000, memoryBytesMax: 64 * MIB, diskBytesMax: MIB } },
    );
    expect(['out-of-memory', 'disk-full', 'wall-time']).toContain(end.reason);
    expect(end.limitsHit.length).toBeGreaterThan(0);
  });
});
