import { randomBytes } from 'node:crypto';
import { strict, tighten } from '@crucible/domain';
import type Docker from 'dockerode';
import { SandboxCgroup } from './cgroup.ts';
import { SandboxContainer, removeContainer } from './container.ts';
import { engineClient } from './engine-client.ts';
import { EngineError, engineErrorText } from './engine-error.ts';
import { sessionRefusal, specRefusal } from './header.ts';
import type {
  EngineHealth,
  OutputSink,
  PreparedSandbox,
  RunHooks,
  Sandbox,
  SandboxEnd,
  SandboxEngine,
  SandboxListed,
  SandboxSession,
  SandboxSpec,
  SandboxWish,
  SessionHooks,
  SessionSpec,
} from './port.ts';
import { WaitingSandbox, type Taken } from './prepared.ts';
import { probe } from './probe.ts';
import { hostConfigOf } from './host-config.ts';
import { SandboxRun, useForProgram, type RunBounds } from './run.ts';
import { failedSession } from './session/failed-session.ts';
import { RunningSession } from './session/session.ts';

export interface DockerSandboxOptions {
  /** Path of the engine's Unix socket. */
  readonly socketPath: string;
  /** Name under which the engine knows gVisor. There is no default and no other runtime is ever tried. */
  readonly runtime: string;
  /** Whose containers these are: `reap()` and `list()` touch no others. */
  readonly executorId: string;
  /** Told of each container as soon as it is there. */
  readonly onCreated?: (containerId: string) => void;
  /** Told of problems that no caller waits for, such as a container that could not be removed. */
  readonly onProblem?: (problem: string) => void;
  readonly startMsMax?: number;
  readonly killMsMax?: number;
}

export const EXECUTOR_LABEL = 'crucible.executor';

const START_MS_MAX = 30_000;
const KILL_MS_MAX = 15_000;
const REAP_AT_ONCE = 4;
const INFO_MS_MAX = 10_000;

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const failedEnd = (error: string): SandboxEnd => ({
  reason: 'engine-failure',
  exitCode: null,
  signal: null,
  durationMs: 0,
  output: { bytes: 0, dropped: 0 },
  limitsHit: [],
  memoryBytesPeak: null,
  error,
});

const failedSandbox = (error: unknown): Sandbox => ({
  containerId: '',
  processId: null,
  ended: Promise.resolve(failedEnd(textOf(error))),
  kill: () => undefined,
});

/** Sandboxes as containers of a Docker engine, under gVisor. */
export class DockerSandboxEngine implements SandboxEngine {
  readonly #docker: Docker;
  readonly #options: DockerSandboxOptions;
  readonly #underWay = new Set<Promise<unknown>>();
  /** What runs in which container: a container is made before anyone knows. */
  readonly #users = new Map<string, { readonly evaluationId: string; readonly trialId: string }>();
  #cpus: Promise<number> | undefined;

  constructor(options: DockerSandboxOptions) {
    this.#options = options;
    this.#docker = engineClient(options.socketPath);
  }

  async start(spec: SandboxSpec, onOutput: OutputSink): Promise<Sandbox> {
    const refusal = specRefusal(spec);
    if (refusal !== null) return failedSandbox(`the sandbox was refused: ${refusal}`);
    try {
      const prepared = await this.prepare({ image: spec.image, profile: strict, limits: spec.limits });
      return this.run(prepared, spec, { onOutput });
    } catch (error) {
      return failedSandbox(textOf(error));
    }
  }

  prepare(wish: SandboxWish, onCreated?: (containerId: string) => void): Promise<PreparedSandbox> {
    return this.#track(this.#prepare(wish, onCreated));
  }

  async #prepare(wish: SandboxWish, onCreated?: (containerId: string) => void): Promise<PreparedSandbox> {
    const granted = tighten(wish.profile, wish.limits);
    if (!granted.ok) {
      const problems = granted.problems.map(({ field, message }) => `${field} ${message}`);
      throw new EngineError(`the sandbox was refused: ${problems.join('; ')}`);
    }
    this.#cpus ??= this.#countCpus();
    const { executorId, runtime } = this.#options;
    const asked = { profile: wish.profile, limits: wish.limits, cpusMax: await this.#cpus };
    const containerWish = {
      name: `crucible-${executorId}-${randomBytes(8).toString('hex')}`,
      image: wish.image,
      bundled: wish.bundled ?? false,
      labels: { [EXECUTOR_LABEL]: executorId },
      userId: wish.profile.userId,
      hostConfig: hostConfigOf(wish.profile, wish.limits, runtime, asked.cpusMax),
    };
    const removing = (removal: Promise<void>): void => this.#removing(removal);
    const created = (containerId: string): void => {
      this.#options.onCreated?.(containerId);
      onCreated?.(containerId);
    };
    const container = await SandboxContainer.create(this.#docker, containerWish, removing, created);
    const cgroup = new SandboxCgroup(container.id);
    const discard = (): Promise<void> => {
      cgroup.close();
      const removal = container.remove();
      removing(removal);
      return removal.catch(() => undefined);
    };
    try {
      const probed = await probe(container, cgroup, asked, this.#options.startMsMax ?? START_MS_MAX);
      return new WaitingSandbox(wish, { container, cgroup, ...probed }, discard);
    } catch (error) {
      void discard();
      throw error;
    }
  }

  run(prepared: PreparedSandbox, spec: SandboxSpec, hooks: RunHooks): Sandbox {
    try {
      const taken = this.#take(prepared, spec, specRefusal(spec));
      const running = new SandboxRun(taken, useForProgram(spec, hooks), this.#bounds);
      return {
        containerId: taken.container.id,
        processId: taken.processId,
        ended: this.#follow(taken, spec, running.ended),
        kill: (reason, engineAfterMs) => running.kill(reason, engineAfterMs),
      };
    } catch (error) {
      void prepared.discard();
      return failedSandbox(`the sandbox was refused: ${textOf(error)}`);
    }
  }

  open(prepared: PreparedSandbox, spec: SessionSpec, hooks: SessionHooks): SandboxSession {
    try {
      const taken = this.#take(prepared, spec, sessionRefusal(spec));
      return new RunningSession(taken, spec, hooks, {
        bounds: this.#bounds,
        follow: (ended) => this.#follow(taken, spec, ended),
      });
    } catch (error) {
      void prepared.discard();
      return failedSession(failedEnd(`the sandbox was refused: ${textOf(error)}`));
    }
  }

  get #bounds(): RunBounds {
    const { startMsMax = START_MS_MAX, killMsMax = KILL_MS_MAX } = this.#options;
    return { startMsMax, killMsMax };
  }

  /** @throws Error saying why the sandbox cannot be used for that */
  #take(prepared: PreparedSandbox, spec: SessionSpec, refusal: string | null): Taken {
    if (!(prepared instanceof WaitingSandbox)) throw new Error('it was not prepared here');
    if (refusal !== null) throw new Error(refusal);
    return prepared.take(spec);
  }

  /** The end of what a sandbox was taken for; the sandbox is removed with it. */
  #follow(
    { container }: Taken,
    { evaluationId, trialId }: SessionSpec,
    over: Promise<SandboxEnd>,
  ): Promise<SandboxEnd> {
    this.#users.set(container.id, { evaluationId, trialId });
    const ended = over
      .catch((error: unknown) => failedEnd(`the sandbox could not be followed: ${textOf(error)}`))
      .finally(() => this.#removing(container.remove().finally(() => this.#users.delete(container.id))));
    return this.#track(ended);
  }

  async reap(): Promise<number> {
    const found = await this.list();
    const waiting = [...found];
    const worker = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        await removeContainer(this.#docker.getContainer(next.containerId));
      }
    };
    await Promise.all(Array.from({ length: REAP_AT_ONCE }, worker));
    return found.length;
  }

  async list(): Promise<SandboxListed[]> {
    const filters = { label: [`${EXECUTOR_LABEL}=${this.#options.executorId}`] };
    const found = await this.#docker
      .listContainers({ all: true, filters, abortSignal: AbortSignal.timeout(INFO_MS_MAX) })
      .catch((error: unknown) => Promise.reject(new EngineError(engineErrorText(error))));
    return found.map((container) => ({
      containerId: container.Id,
      evaluationId: this.#users.get(container.Id)?.evaluationId ?? null,
      trialId: this.#users.get(container.Id)?.trialId ?? null,
      state: container.State,
    }));
  }

  async ping(): Promise<EngineHealth> {
    try {
      const info = await this.#info();
      const known = Object.keys(info.Runtimes ?? {});
      if (!known.includes(this.#options.runtime)) {
        const names = known.join(', ') || 'none';
        return {
          ok: false,
          error: `the engine does not know the runtime "${this.#options.runtime}"; it knows ${names}`,
        };
      }
      return { ok: true, version: info.ServerVersion ?? '', cpus: info.NCPU ?? 0, memoryBytes: info.MemTotal ?? 0 };
    } catch (error) {
      return { ok: false, error: engineErrorText(error) };
    }
  }

  async drain(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled([...this.#underWay]);
  }

  async #countCpus(): Promise<number> {
    try {
      return (await this.#info()).NCPU ?? 1;
    } catch (error) {
      this.#cpus = undefined;
      throw new EngineError(`the sandbox could not be created: ${engineErrorText(error)}`);
    }
  }

  #info(): Promise<EngineInfo> {
    // The published types leave out the options that the call takes.
    const info = this.#docker.info.bind(this.#docker) as unknown as (options: object) => Promise<EngineInfo>;
    return info({ abortSignal: AbortSignal.timeout(INFO_MS_MAX) });
  }

  #removing(removal: Promise<void>): void {
    void this.#track(removal.catch((error: unknown) => this.#options.onProblem?.(textOf(error))));
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    const forget = (): void => void this.#underWay.delete(work);
    work.then(forget, forget);
    return work;
  }
}

/** The parts of the engine's description of itself that are used. */
interface EngineInfo {
  readonly Runtimes?: Readonly<Record<string, unknown>>;
  readonly ServerVersion?: string;
  readonly NCPU?: number;
  readonly MemTotal?: number;
}
