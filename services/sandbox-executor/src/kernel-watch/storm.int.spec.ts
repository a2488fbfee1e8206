import { setTimeout as sleep } from 'node:timers/promises';
import { judge } from '@crucible/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVIDENCE_BYTES_MAX, RECORDS_FULL_MAX, SAMPLED_BYTES_MAX, SAMPLE_EVERY } from './evidence.ts';
import type { Ground, Run } from './guest.fixture.ts';
import { idleLoopDelayP99Ms, loopDelayDuring, openGround, runGuest } from './guest.fixture.ts';

let ground: Ground;
let idleP99Ms: number;
beforeAll(async () => {
  ground = openGround();
  idleP99Ms = await idleLoopDelayP99Ms();
});
afterAll(() => ground.watch.close());

const STORM_MS_MAX = 220_000;
const MIB = 1024 * 1024;
/** The others come now and then, so that most of the machine is the storm's. */
const POLITE_EVERY_MS = 1_000;
const POLITE_MAX = 8;

/** `body` in so many processes at once; the guest fails if one of them does. */
const inProcesses = (processes: number, body: string): string => `
import os, sys
children = []
for _ in range(${processes}):
    child = os.fork()
    if child == 0:
        ${body}
        os._exit(0)
    children.append(child)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))`;

const POLITE = `
import json, subprocess
subprocess.run(['sh', '-c', 'ls / > /work/list; wc -l /work/list'], check=True)
print(json.dumps(sorted(open('/work/list').read().split()))[:20])`;

interface Weather {
  readonly run: Run;
  /** Guests that came and went beside the storm, one after the other. */
  readonly polite: readonly Run[];
  readonly loopDelayP99Ms: number;
  /** By how much the memory of this process had grown at most. */
  readonly grownBytesMax: number;
}

/** Runs the stormy guest, with polite ones beside it, and watches the watcher. */
const during = async (program: string): Promise<Weather> => {
  const before = process.memoryUsage.rss();
  const storm = runGuest(ground, program, STORM_MS_MAX);
  let over = false;
  const ended = storm.finally(() => (over = true));
  let grownBytesMax = 0;
  const measuring = (async () => {
    while (!over) {
      grownBytesMax = Math.max(grownBytesMax, process.memoryUsage.rss() - before);
      await sleep(50);
    }
  })();
  const polite: Run[] = [];
  const { result: run, p99Ms: loopDelayP99Ms } = await loopDelayDuring(async () => {
    while (!over && polite.length < POLITE_MAX) {
      polite.push(await runGuest(ground, POLITE));
      await Promise.race([ended, sleep(POLITE_EVERY_MS)]);
    }
    return ended;
  });
  await measuring;
  return { run, polite, loopDelayP99Ms, grownBytesMax };
};

const expectCalm = ({ polite, loopDelayP99Ms, grownBytesMax }: Weather): void => {
  expect(loopDelayP99Ms - idleP99Ms).toBeLessThan(250);
  expect(grownBytesMax).toBeLessThan(256 * MIB);
  for (const { exitCode, report } of polite) {
    expect(exitCode).toBe(0);
    expect(judge(report)).toEqual({ verdict: 'contained', findings: [] });
  }
};

describe('a storm of system calls', () => {
  it('of ten million that nobody watches is over with nothing lost and nobody hurt', { timeout: 240_000 }, async () => {
    const weather = await during(inProcesses(4, 'for _ in range(2_500_000): os.getppid()'));
    expect(weather.run.exitCode).toBe(0);
    expect(judge(weather.run.report)).toEqual({ verdict: 'contained', findings: [] });
    expectCalm(weather);
  });

  it(
    'of watched ones is judged to the last, kept within its bounds, and said to be sampled',
    { timeout: 240_000 },
    async () => {
      const [processes, each] = [4, 75_000];
      const weather = await during(inProcesses(processes, `for _ in range(${each}): os.kill(os.getpid(), 0)`));
      const { exitCode, report, lines } = weather.run;
      expect(exitCode).toBe(0);
      expect(report).toMatchObject({ observed: true, dropped: 0, malformed: 0, concealed: 0, findings: [] });
      expect(report.records).toBeGreaterThan(processes * each);
      const last = JSON.parse(lines.at(-1) ?? '') as { kind: string; from: number; leftOut: number };
      expect(last).toMatchObject({ kind: 'sampled', leftOut: report.sampledOut });
      expect(last.from).toBeLessThanOrEqual(RECORDS_FULL_MAX + 1);
      expect(report.sampledOut).toBeGreaterThan((report.records - RECORDS_FULL_MAX) * (1 - 2 / SAMPLE_EVERY));
      expect(lines.length - 1).toBe(report.records - report.sampledOut);
      expect(Buffer.byteLength(lines.join('\n'))).toBeLessThan(EVIDENCE_BYTES_MAX + SAMPLED_BYTES_MAX);
      expectCalm(weather);
    },
  );
});

describe('a store that is slow', () => {
  it('makes its guest wait, and loses nothing', async () => {
    const ordinals: number[] = [];
    let atOnce = 0;
    let atOnceMax = 0;
    const calls = 6_000;
    const { report } = await runGuest(ground, `import os\nfor _ in range(${calls}): os.kill(os.getpid(), 0)`, 60_000, {
      onRecords: async ({ lines }) => {
        atOnce += 1;
        atOnceMax = Math.max(atOnceMax, atOnce);
        await sleep(150);
        for (const line of lines.trim().split('\n')) ordinals.push((JSON.parse(line) as { n: number }).n);
        atOnce -= 1;
      },
    });
    await sleep(400);
    expect(report).toMatchObject({ observed: true, dropped: 0, sampledOut: 0 });
    expect(report.records).toBeGreaterThan(calls);
    expect(ordinals).toEqual(Array.from({ length: report.records }, (_, index) => index + 1));
    // One while the sandbox lives, and the last of all at its end.
    expect(atOnceMax).toBeLessThanOrEqual(2);
  });
});
