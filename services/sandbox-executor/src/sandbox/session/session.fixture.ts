import { randomUUID } from 'node:crypto';
import { strict } from '@crucible/domain';
import { asUntrusted } from '@crucible/events';
import { DockerSandboxEngine } from '../engine.ts';
import type { CallOutput, ExecEnd, ExecRequest, SandboxSession, SessionSpec, UsageSample } from '../port.ts';
import { limits, testEngine } from '../sandbox.fixture.ts';

export const sessionLimits = { ...limits, wallTimeMsMax: 120_000 };

export const sessionSpec = (changes: Partial<SessionSpec> = {}): SessionSpec => ({
  evaluationId: 'test',
  trialId: '0-1-1',
  image: testEngine().image,
  files: [],
  env: {},
  limits: sessionLimits,
  ...changes,
});

export const testSessions = (runtime = testEngine().runtime): DockerSandboxEngine =>
  new DockerSandboxEngine({ socketPath: testEngine().socketPath, runtime, executorId: `test-${randomUUID()}` });

/** How a call ended, with its output as text. */
export interface Said extends Omit<ExecEnd, 'stdout' | 'stderr'> {
  readonly out: string;
  readonly err: string;
}

/** A session and all that came out of it. */
export class Opened {
  readonly session: SandboxSession;
  readonly chunks: CallOutput[] = [];
  readonly usage: UsageSample[] = [];
  #calls = 0;

  constructor(open: (opened: Opened) => SandboxSession) {
    this.session = open(this);
  }

  async run(argv: readonly string[], changes: Partial<ExecRequest> = {}): Promise<Said> {
    const id = `call-${(this.#calls += 1)}`;
    const request = { id, argv, stdin: null, env: {}, cwd: '', timeoutMsMax: 30_000, outputBytesMax: 1_000_000 };
    const { stdout, stderr, ...end } = await this.session.exec({ ...request, ...changes });
    return { ...end, out: Buffer.from(stdout).toString('latin1'), err: Buffer.from(stderr).toString('latin1') };
  }

  sh(script: string, changes: Partial<ExecRequest> = {}): Promise<Said> {
    return this.run(['sh', '-c', script], changes);
  }

  python(source: string, changes: Partial<ExecRequest> = {}): Promise<Said> {
    return this.run(['python3', '-c', source], changes);
  }
}

export const openSession = async (
  engine: DockerSandboxEngine,
  changes: Partial<SessionSpec> = {},
  onCreated?: (containerId: string) => void,
): Promise<Opened> => {
  const spec = sessionSpec(changes);
  const prepared = await engine.prepare({ image: spec.image, profile: strict, limits: spec.limits }, onCreated);
  return new Opened(({ chunks, usage }) =>
    engine.open(prepared, spec, {
      onOutput: (chunk) => void chunks.push({ ...chunk, bytes: asUntrusted<Uint8Array>(Buffer.from(chunk.bytes)) }),
      onUsage: (sample) => void usage.push(sample),
    }),
  );
};

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const until = async (holds: () => boolean | Promise<boolean>, msMax: number): Promise<void> => {
  const endsAt = Date.now() + msMax;
  while (!(await holds())) {
    if (Date.now() > endsAt) throw new Error(`not so within ${msMax} ms`);
    await pause(20);
  }
};
