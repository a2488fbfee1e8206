import { strict } from '@crucible/domain';
import Docker from 'dockerode';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KernelWatch } from '../kernel-watch/index.ts';
import { DockerSandboxEngine } from '../sandbox/engine.ts';
import type { SandboxEnd, SandboxWish } from '../sandbox/port.ts';
import { CuttableEngine, limits, pythonSpec, testEngine } from '../sandbox/sandbox.fixture.ts';
import { thisMachine } from './machine.ts';
import { SandboxPool } from './pool.ts';
import type { TakenSandbox } from './port.ts';
import { SandboxHealth } from './sandbox-health.ts';

const variable = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: this spec needs a traced engine. Run it with ./crucible test`);
  return value;
};

const bounds = { idleMax: 4, idleMsMax: 600_000, preparingMax: 4, availableBytesMin: 0 };
const wishOf = (): SandboxWish => ({ image: testEngine().image, profile: strict, limits });
const waitFor = async (what: string, seen: () => boolean): Promise<void> => {
  for (const endMs = Date.now() + 30_000; !seen(); await new Promise((resolve) => setTimeout(resolve, 20)))
    if (Date.now() > endMs) throw new Error(`waited in vain for ${what}`);
};

let watch: KernelWatch;
beforeAll(() => {
  watch = new KernelWatch();
  watch.listen(variable('CRUCIBLE_TEST_TRACE_SOCKET'));
});
afterAll(() => watch.close());

interface Open {
  readonly pool: SandboxPool;
  readonly health: SandboxHealth;
  readonly engine: DockerSandboxEngine;
  readonly changes: (string | null)[];
}
const opened: Open[] = [];
afterEach(async () => {
  for (const { pool, health, engine } of opened.splice(0)) {
    health.close();
    await pool.drain();
    await engine.drain();
  }
});

/** A pool on the real engine, as the executor has it. */
const open = (change: { readonly runtime?: string; readonly socketPath?: string } = {}): Open => {
  const engine = new DockerSandboxEngine({
    socketPath: change.socketPath ?? testEngine().socketPath,
    runtime: change.runtime ?? variable('CRUCIBLE_TEST_RUNTIME'),
    executorId: `pool-test-${process.pid}-${opened.length}`,
  });
  const changes: (string | null)[] = [];
  const health: SandboxHealth = new SandboxHealth({
    probeEveryMs: 200,
    onChange: (problem) => changes.push(problem),
    probe: () => pool.probe(wishOf()),
  });
  const ports = { engine, watch, machine: thisMachine, now: () => Date.now(), health };
  const pool: SandboxPool = new SandboxPool(ports, bounds);
  opened.push({ pool, health, engine, changes });
  return { pool, health, engine, changes };
};

const runIn = async (
  engine: DockerSandboxEngine,
  { prepared, release }: TakenSandbox,
  source: string,
): Promise<{ readonly end: SandboxEnd; readonly printed: string; readonly lines: readonly string[] }> => {
  const printed: Uint8Array[] = [];
  const lines: string[] = [];
  const attachment = watch.attach(prepared.containerId, { onRecords: (batch) => void lines.push(batch.lines) });
  const sandbox = engine.run(prepared, pythonSpec(source), { onOutput: ({ bytes }) => void printed.push(bytes) });
  const end = await sandbox.ended;
  await attachment.close();
  release();
  return { end, printed: Buffer.concat(printed).toString(), lines };
};

describe('a pool on a real engine', () => {
  it('gives a sandbox that was proven before, traced from its start, once', async () => {
    const { pool, health, engine } = open();
    pool.keep(wishOf(), 1);
    health.begin();
    await waitFor('a sandbox', () => pool.idle === 1);
    const taken = await pool.take(wishOf());
    expect(taken.origin).toBe('warm');
    expect(taken.preflight.checks.filter(({ held }) => !held)).toEqual([]);
    expect(taken.preflight.checks.map(({ name }) => name)).toContain('trace');
    const { end, printed, lines } = await runIn(engine, taken, 'print("from a warm one")');
    expect(end.reason, end.error ?? '').toBe('exit');
    expect(printed).toBe('from a warm one\n');
    expect(lines.join('')).toContain('main.py');
    await waitFor('another in its place', () => pool.idle === 1);
    const next = await pool.take(wishOf());
    expect(next.prepared.containerId).not.toBe(taken.prepared.containerId);
    await next.prepared.discard();
  });

  it('replaces one that dies while it waits', async () => {
    const { pool, health } = open();
    pool.keep(wishOf(), 1);
    health.begin();
    await waitFor('a sandbox', () => pool.idle === 1);
    const docker = new Docker({ socketPath: testEngine().socketPath });
    const filters = { label: [`crucible.executor=pool-test-${process.pid}-0`] };
    const [victim] = await docker.listContainers({ filters });
    await docker.getContainer(victim?.Id ?? '').kill();
    await waitFor('it to be dropped', () => !pool.holds(victim?.Id ?? ''));
    await waitFor('another', () => pool.idle === 1);
    const taken = await pool.take(wishOf());
    expect(taken.prepared.containerId).not.toBe(victim?.Id);
    await taken.prepared.discard();
  });

  it('leaves nothing when it is drained, not even what was being made', async () => {
    const { pool, health, engine } = open();
    pool.keep(wishOf(), 3);
    health.begin();
    await waitFor('a sandbox', () => pool.idle >= 1);
    await pool.drain();
    await engine.drain();
    expect(await engine.list()).toEqual([]);
  });

  it('gives no sandbox that does not report to us', async () => {
    const { pool, changes } = open({ runtime: testEngine().runtime });
    await expect(pool.take(wishOf())).rejects.toThrow(/isolation not proven: .*trace \(no session/);
    expect(changes[0]).toMatch(/trace \(no session/);
    expect(pool.idle).toBe(0);
  });

  it('tells that the engine is away, and goes on when it is back', async () => {
    const cuttable = new CuttableEngine(testEngine().socketPath);
    const { pool, health, changes } = open({ socketPath: cuttable.socketPath });
    pool.keep(wishOf(), 1);
    health.begin();
    await waitFor('the problem', () => changes.length === 1);
    expect(changes[0]).toContain('the container engine is not running');
    await expect(pool.take(wishOf())).rejects.toThrow('the container engine is not running');
    await cuttable.listen();
    try {
      await waitFor('the end of the problem', () => health.problem === null);
      expect(changes.at(-1)).toBeNull();
      const taken = await pool.take(wishOf());
      await taken.prepared.discard();
      await pool.drain();
    } finally {
      cuttable.cut();
    }
  });
});
