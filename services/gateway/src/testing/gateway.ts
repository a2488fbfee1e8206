import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { JetStreamEventLog, JetStreamEvidence } from '@crucible/event-log';
import type { Bus } from '@crucible/event-log';
import { freePort, TestNatsServer } from '@crucible/event-log/testing';
import type { EvaluationId, NewEvent, TrialId } from '@crucible/events';
import { evaluationIdSchema, noBudget, subjects } from '@crucible/events';
import { createTestDatabase } from '@crucible/read-model/testing';
import type { TestDatabase } from '@crucible/read-model/testing';
import { ask, SseReader } from './ask.ts';
import type { Answer, Asked } from './ask.ts';

const READY_MS_MAX = 45_000;
const digest = 'ab'.repeat(32);
const limits = {
  cpuMillis: 1,
  memoryBytesMax: 1,
  pidsMax: 1,
  diskBytesMax: 1,
  wallTimeMsMax: 1,
  outputBytesMax: 1,
  tmpBytesMax: 1,
  filesOpenMax: 1,
  fileBytesMax: 1,
};

export const tinySuite = {
  apiVersion: 'crucible/v1',
  kind: 'Suite',
  metadata: { name: 'tiny', version: '1.0.0', title: 'Tiny' },
  sandbox: {},
  dataset: { samples: [{ id: 'one', input: { language: 'python', source: 'print(1)' } }] },
  solver: { kind: 'program' },
  scorers: [{ kind: 'exit-code' }],
};

const inlineScript = 'document.documentElement.dataset.theme = "dark";';
export const indexPage = `<!doctype html><html><head><script>${inlineScript}</script></head><body>UI</body></html>`;

/** The folders a gateway is given: a built UI of three files, a suites folder with one good and one broken suite, a token. */
const makeHome = (token: string): string => {
  const home = mkdtempSync(join(tmpdir(), 'crucible-gateway-'));
  for (const folder of ['web/_app/immutable', 'suites/tiny', 'suites/broken'])
    mkdirSync(join(home, folder), { recursive: true });
  writeFileSync(join(home, 'web/index.html'), indexPage);
  writeFileSync(join(home, 'web/_app/immutable/start.js'), 'export {};');
  writeFileSync(join(home, 'web/robots.txt'), 'secret of the house');
  writeFileSync(join(home, 'suites/tiny/suite.yaml'), JSON.stringify(tinySuite));
  writeFileSync(join(home, 'suites/broken/suite.yaml'), 'kind: [');
  writeFileSync(join(home, 'profiles.yaml'), 'profiles: { lab: { max: { memory: 4GiB } } }');
  writeFileSync(join(home, 'token'), `${token}\n`, { mode: 0o600 });
  return home;
};

/** The real gateway process before a real NATS server and a database of its own. */
export class TestGateway {
  readonly token = randomBytes(24).toString('base64url');
  readonly home = makeHome(this.token);
  readonly port: number;
  readonly nats: TestNatsServer;
  readonly database: TestDatabase;
  bus!: Bus;
  log!: JetStreamEventLog;
  evidence!: JetStreamEvidence;
  output = '';
  #process: ChildProcess | undefined;

  private constructor(port: number, nats: TestNatsServer, database: TestDatabase) {
    this.port = port;
    this.nats = nats;
    this.database = database;
  }

  /** @param databaseUrl a Postgres server, or a way to one */
  static async start(
    databaseUrl: string | undefined,
    through: (url: string) => string = (url) => url,
  ): Promise<TestGateway> {
    const database = await createTestDatabase(databaseUrl);
    const gateway = new TestGateway(await freePort(), await TestNatsServer.start(), database);
    try {
      gateway.bus = await gateway.nats.bus('test');
      gateway.log = new JetStreamEventLog(gateway.bus);
      gateway.evidence = new JetStreamEvidence(gateway.bus);
      await gateway.boot(through(database.url));
      return gateway;
    } catch (error) {
      await gateway.stop();
      throw error;
    }
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts the process and waits until it is ready. */
  async boot(databaseUrl = this.database.url, more: Readonly<Record<string, string>> = {}): Promise<void> {
    const root = new URL('../../../../', import.meta.url);
    const loader = fileURLToPath(new URL('libs/source-loader/register.mjs', root));
    const main = fileURLToPath(new URL('../main.ts', import.meta.url));
    const env = {
      PATH: process.env['PATH'],
      CRUCIBLE_HOME: this.home,
      CRUCIBLE_NATS_URL: this.nats.url,
      CRUCIBLE_DATABASE_URL: databaseUrl,
      CRUCIBLE_PORT: String(this.port),
      CRUCIBLE_TOKEN_FILE: join(this.home, 'token'),
      CRUCIBLE_WEB_DIR: join(this.home, 'web'),
      CRUCIBLE_PROFILES_FILE: join(this.home, 'profiles.yaml'),
      CRUCIBLE_SUITES_DIR: join(this.home, 'suites'),
      CRUCIBLE_ALLOWED_HOSTS: 'crucible.example',
      ...more,
    };
    const child = spawn(process.execPath, ['--conditions=crucible-source', '--import', loader, main], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => (this.output = (this.output + String(text)).slice(-200_000)));
    await this.untilReady();
  }

  async untilReady(): Promise<void> {
    for (const deadline = Date.now() + READY_MS_MAX; ; await sleep(50)) {
      const answer = await ask(this.port, '/readyz').catch(() => undefined);
      if (answer?.status === 200) return;
      if (this.#process?.exitCode !== null || Date.now() > deadline)
        throw new Error(`the gateway is not ready:\n${this.output.slice(-4_000)}`);
    }
  }

  async die(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async stop(): Promise<void> {
    await this.die();
    await this.nats.stop();
    await this.database.drop();
    rmSync(this.home, { recursive: true, force: true });
  }

  get bearer(): Readonly<Record<string, string>> {
    return { authorization: `Bearer ${this.token}` };
  }

  /** A request with the token. */
  ask(path: string, asked: Asked = {}): Promise<Answer> {
    return ask(this.port, path, { ...asked, headers: { ...this.bearer, ...asked.headers } });
  }

  stream(path: string, headers: Readonly<Record<string, string>> = {}): Promise<SseReader> {
    return SseReader.open(this.port, path, { ...this.bearer, ...headers });
  }

  // What the other services and people write

  async write(subject: string, event: NewEvent, correlationId: string = randomUUID()): Promise<number> {
    const origin = { source: 'test', team: 'default', actor: 'service:test', correlationId };
    const result = await this.log.append({ subject, event, origin });
    if (!result.ok) throw new Error(result.failure);
    return result.position;
  }

  async submit(samples = 1): Promise<{ readonly id: EvaluationId; readonly position: number }> {
    const id = evaluationIdSchema.parse(randomUUID());
    const suite = { name: 'tiny', version: '1.0.0', title: 'Tiny', digest, bytes: 1, capability: null };
    const data = {
      evaluationId: id,
      suite,
      subject: { kind: 'program' as const },
      budget: noBudget,
      epochReducer: 'mean',
      samples,
      epochs: 1,
      concurrencyMax: 1,
      attemptsMax: 1,
      requestDigest: digest,
    };
    return {
      id,
      position: await this.write(subjects.evaluation(id), { type: 'crucible.evaluation.submitted.v2', data }),
    };
  }

  admit(evaluationId: EvaluationId): Promise<number> {
    return this.write(subjects.evaluation(evaluationId), {
      type: 'crucible.evaluation.admitted.v1',
      data: { evaluationId, concurrency: 1 },
    });
  }

  complete(evaluationId: EvaluationId, total = 1): Promise<number> {
    const trials = { total, passed: total, failed: 0, errored: 0, withdrawn: 0 };
    return this.write(subjects.evaluation(evaluationId), {
      type: 'crucible.evaluation.completed.v1',
      data: { evaluationId, status: 'completed', trials, score: 1 },
    });
  }

  dispatch(evaluationId: EvaluationId, sampleIndex = 0): Promise<number> {
    const trialId = `${sampleIndex}-1-1` as TrialId;
    const data = {
      evaluationId,
      trialId,
      sampleId: 'one',
      sampleIndex,
      epoch: 1,
      attempt: 1,
      suiteDigest: digest,
      pool: 'default',
    };
    return this.write(subjects.trial(evaluationId, trialId), { type: 'crucible.trial.dispatched.v1', data });
  }

  begin(evaluationId: EvaluationId, sampleIndex = 0): Promise<number> {
    const trialId = `${sampleIndex}-1-1` as TrialId;
    const data = {
      evaluationId,
      trialId,
      executorId: 'e',
      runtime: 'runsc',
      image: 'python',
      limits,
      kernelObserved: true,
      sandboxId: null,
      origin: null,
      profile: null,
      preflight: null,
    };
    return this.write(subjects.trial(evaluationId, trialId), { type: 'crucible.trial.started.v2', data });
  }

  finish(evaluationId: EvaluationId, sampleIndex = 0): Promise<number> {
    const trialId = `${sampleIndex}-1-1` as TrialId;
    const rest = {
      exitCode: 0,
      signal: null,
      findings: [],
      limitsHit: [],
      scores: [],
      durationMs: 1,
      memoryBytesPeak: null,
      evidence: [],
      error: null,
      usage: null,
      answer: null,
    };
    const data = {
      evaluationId,
      trialId,
      outcome: 'passed' as const,
      reason: 'exit' as const,
      verdict: 'contained' as const,
      ...rest,
    };
    return this.write(subjects.trial(evaluationId, trialId), { type: 'crucible.trial.finished.v2', data });
  }

  /** Waits until the read model is as far as the position. */
  async reached(id: EvaluationId, position: number): Promise<void> {
    const answer = await this.ask(`/api/v1/evaluations/${id}?position=${position}`);
    if (answer.status !== 200) throw new Error(answer.text);
  }
}
