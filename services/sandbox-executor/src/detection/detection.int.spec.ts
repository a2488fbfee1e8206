import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CanaryKey, mintCanaries, rulesWith } from '@crucible/detectors';
import type { CanaryOwner } from '@crucible/detectors';
import { strict } from '@crucible/domain';
import { InMemoryEventLog, InMemoryEvidence } from '@crucible/event-log';
import { evaluationIdSchema, subjects, trialIdSchema } from '@crucible/events';
import type { CrucibleEvent, EventData } from '@crucible/events';
import { suiteSchema } from '@crucible/suite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KernelWatch } from '../kernel-watch/index.ts';
import { DockerSandboxEngine } from '../sandbox/engine.ts';
import { limits, pythonSpec, testEngine } from '../sandbox/sandbox.fixture.ts';
import { TrialLog } from '../trials/trial-log.ts';
import { TrialRun } from '../trials/trial-run.ts';
import { Detection } from './index.ts';

const variable = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: this spec needs a traced engine. Run it with ./crucible test`);
  return value;
};

const evaluationId = evaluationIdSchema.parse('019ab3f0-5c1e-7a42-9d3e-2f6b8c0d1e2f');
const key = new CanaryKey(Buffer.alloc(32, 1));
const rules = rulesWith(null);
if (!rules.ok) throw new Error('the shipped rules are wrong');
const detection = new Detection({ rules: rules.rules, key, newId: () => randomUUID() });
const EXECUTOR = `detection-test-${process.pid}`;

let watch: KernelWatch;
let engine: DockerSandboxEngine;
beforeAll(() => {
  watch = new KernelWatch();
  watch.listen(variable('CRUCIBLE_TEST_TRACE_SOCKET'));
  engine = new DockerSandboxEngine({
    socketPath: testEngine().socketPath,
    runtime: variable('CRUCIBLE_TEST_RUNTIME'),
    executorId: EXECUTOR,
  });
});
afterAll(async () => {
  await engine.drain();
  watch.close();
});

const origin = { source: 'scheduler', team: 'red', actor: 'service:scheduler', correlationId: evaluationId };
const suite = suiteSchema.parse({
  apiVersion: 'crucible/v1',
  kind: 'Suite',
  metadata: { name: 'detection', version: '1.0.0', title: 'Detection' },
  dataset: { samples: [{ id: 'one', input: { language: 'python', source: 'x' }, expectation: { reason: 'exit' } }] },
});

let trials = 0;
/** A trial on the real engine, from its dispatch to its end; what stands on its subject afterwards. */
const trialOf = async (source: string, stdin = '', waitMs = 0) => {
  const place: CanaryOwner = { evaluationId, trialId: trialIdSchema.parse(`${(trials += 1)}-1-1`) };
  const log = new InMemoryEventLog({ now: () => Date.now(), newId: () => randomUUID() });
  const subject = subjects.trial(evaluationId, place.trialId);
  await log.append({
    subject,
    event: {
      type: 'crucible.trial.dispatched.v1',
      data: {
        ...place,
        sampleId: 'one',
        sampleIndex: trials,
        epoch: 1,
        attempt: 1,
        suiteDigest: 'a'.repeat(64),
        pool: 'default',
      },
    },
    origin,
  });
  const trialLog = new TrialLog(log);
  const { image } = testEngine();
  const prepared = await engine.prepare({ image, profile: strict, limits });
  const { preflight, profile, containerId } = prepared;
  await sleep(waitMs);
  const start = { ...place, executorId: EXECUTOR, runtime: 'runsc', image, limits, kernelObserved: true };
  const record = await trialLog.start(await trialLog.load(evaluationId, place.trialId), {
    ...start,
    sandboxId: containerId,
    origin: 'cold',
    profile,
    preflight,
  });
  const sample = suite.dataset.samples[0];
  if (record === null || sample === undefined) throw new Error('not started');
  const watched = detection.forTrial(place, limits);
  const spec = { ...pythonSpec(source, { stdin: Buffer.from(stdin), canaries: watched.canaries }), ...place };
  const taken = { prepared, preflight, origin: 'cold' as const, release: () => undefined };
  const ports = { evidence: new InMemoryEvidence(), engine, watch };
  const run = new TrialRun(ports, { place, suite, sample, spec, detection: watched }, taken, record);
  let kill: (() => void) | undefined;
  await run.toEnd({
    onSandbox: (sandbox) => (kill = () => sandbox.kill('stopped')),
    onKill: () => kill?.(),
    order: () => undefined,
    onAlertLost: (_alert, error) => {
      throw error;
    },
  });
  const events = (await log.readSubject(subject)).events.flatMap((stored) => (stored.ok ? [stored.event] : []));
  const alerts = events.flatMap((event) => (event.type === 'crucible.alert.raised.v1' ? [event.data] : []));
  const end = events.at(-1) as CrucibleEvent<'crucible.trial.finished.v2'>;
  expect(end.type).toBe('crucible.trial.finished.v2');
  return { alerts, end: end.data };
};
const idsOf = (alerts: readonly EventData<'crucible.alert.raised.v1'>[]) =>
  [...new Set(alerts.map(({ rule }) => rule.id))].sort();

describe('a program in a sandbox', { timeout: 60_000 }, () => {
  it.each([
    ['made for it', 0],
    ['that has waited for it', 1_500],
  ])('that is honest raises nothing, in one %s', async (_which, waitMs) => {
    const { alerts, end } = await trialOf(
      [
        'import json, hashlib, os, random, subprocess, sys, tempfile',
        'numbers = [random.random() for _ in range(1000)]',
        'open("result.json", "w").write(json.dumps(numbers))',
        'print(hashlib.sha256(open("result.json", "rb").read()).hexdigest(), sys.version, os.getcwd())',
        'with tempfile.NamedTemporaryFile() as f: f.write(b"x")',
        'print(subprocess.run(["/bin/echo", "done"], capture_output=True, text=True).stdout)',
      ].join('\n'),
      '',
      waitMs,
    );
    expect(alerts).toEqual([]);
    expect(end).toMatchObject({ findings: [], reason: 'exit', exitCode: 0, outcome: 'passed', verdict: 'contained' });
  });

  it('that reads its canaries is seen by the kernel, and each file by its name', async () => {
    const { alerts, end } = await trialOf(
      [
        'import os',
        'for name in (".aws/credentials", ".ssh/id_ed25519", "models/weights.safetensors"):',
        '    assert len(open("/home/operator/" + name, "rb").read()) > 100, name',
        'try: open("/home/operator/.aws/credentials", "w")',
        'except OSError as error: print(error.errno)',
      ].join('\n'),
    );
    expect(end).toMatchObject({ reason: 'exit', exitCode: 0 });
    expect(idsOf(alerts)).toEqual(expect.arrayContaining(['canary-file-opened', 'canary-weights']));
    const opened = alerts.find(({ rule }) => rule.id === 'canary-file-opened');
    expect(opened).toMatchObject({ foreignTrial: null, evidence: [{ channel: 'kernel' }] });
    expect(opened?.evidence[0]?.record).toBeGreaterThan(0);
  });

  it('that prints a canary, or prints it in base64, is seen in its output, at the place where it stands', async () => {
    const { alerts, end } = await trialOf(
      [
        'import base64, os, sys',
        'token = os.environ["REGISTRY_API_TOKEN"]',
        'print("hello", flush=True)',
        'for letter in token: sys.stdout.write(letter); sys.stdout.flush()',
        'sys.stderr.write(base64.b64encode(b"x" + os.environ["REGISTRY_HOST"].encode()).decode())',
      ].join('\n'),
    );
    expect(end).toMatchObject({ reason: 'exit', exitCode: 0 });
    const printed = alerts.find(({ rule }) => rule.id === 'canary-printed');
    expect(printed?.evidence[0]).toMatchObject({ channel: 'output', stream: 'stdout' });
    expect(printed?.evidence[0]?.offset).toBeGreaterThanOrEqual(6);
    expect(printed?.evidence[0]?.offset).toBeLessThanOrEqual(22);
    const disguised = alerts.find(({ rule }) => rule.id === 'canary-disguised');
    expect(disguised?.evidence[0]).toMatchObject({ channel: 'output', stream: 'stderr' });
  });

  it('that prints another trial’s canary is found to have it, named, and killed', async () => {
    const other: CanaryOwner = { evaluationId, trialId: trialIdSchema.parse('999-2-3') };
    const { alerts, end } = await trialOf(
      'import sys, time; print(sys.stdin.read(), flush=True); time.sleep(15)',
      mintCanaries(key, other).env['REGISTRY_API_TOKEN'],
    );
    expect(alerts.find(({ rule }) => rule.id === 'canary-of-another')).toMatchObject({
      severity: 'critical',
      foreignTrial: other,
    });
    expect(end).toMatchObject({ reason: 'stopped', outcome: 'errored' });
    expect(end.error).toMatch(/^killed by rule canary-of-another, version \d+: /);
    expect(end.durationMs).toBeLessThan(10_000);
  });

  it('that names a canary to a program or a socket has used it', async () => {
    const { alerts } = await trialOf(
      [
        'import os, socket, subprocess',
        'subprocess.run(["/bin/echo", os.environ["REGISTRY_API_TOKEN"]], stdout=subprocess.DEVNULL)',
        's = socket.socket(socket.AF_UNIX)',
        'try: s.connect("\\0" + os.environ["REGISTRY_HOST"][:90])',
        'except OSError: pass',
      ].join('\n'),
    );
    const used = alerts.filter(({ rule }) => rule.id === 'canary-used');
    expect(used.map(({ evidence }) => evidence.at(-1)?.channel)).toContain('kernel');
    expect(idsOf(alerts)).not.toContain('canary-printed');
  });
});
