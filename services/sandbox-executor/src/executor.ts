import type { RuleSet } from '@crucible/detectors';
import type { EventLog } from '@crucible/event-log';
import { loadedImagesMax, loadedModelsMax, subjects } from '@crucible/events';
import type { LoadedImage, LoadedModel, NewEvent } from '@crucible/events';
import type { ModelEntry } from '@crucible/models';
import type { Logger } from '@crucible/service-kit';
import type { SandboxImage } from './images/image.ts';
import type { Reaped } from './reaper/item.ts';
import { killOrder } from './stopping/killer.ts';
import type { RunningTrials } from './trials/running-trials.ts';
import { SERVICE } from './trials/trial-log.ts';

export const POOL = 'default';
const KILL_WAIT_MS_MAX = 12_000;
/** Rules beyond these are in force and in the digest, but not listed. */
const RULES_TOLD_MAX = 300;
const PROBLEM_CHARS_MAX = 1_900;
/** Of 65,535 that a message may have. */
const TOLD_BYTES_MAX = 48 * 1024;

export interface ExecutorFacts {
  readonly executorId: string;
  readonly capacity: number;
  readonly runtime: string;
  readonly kernelObserved: boolean;
}

/** As many of the first ones as fit into an event with room to spare. */
const fitting = <T>(items: readonly T[]): T[] => {
  const told: T[] = [];
  let bytes = 0;
  for (const item of items) {
    bytes += Buffer.byteLength(JSON.stringify(item));
    if (bytes > TOLD_BYTES_MAX) break;
    told.push(item);
  }
  return told;
};

/** What is told of models: each field is named, so that none of an entry's others gets out. */
export const modelsTold = (models: readonly ModelEntry[]): LoadedModel[] =>
  fitting(
    models.slice(0, loadedModelsMax).map(({ name, provider, modelId, price, limits }) => {
      const { concurrencyMax, outputTokensMax, timeoutMs, attemptsMax } = limits;
      return { name, provider, modelId, price, limits: { concurrencyMax, outputTokensMax, timeoutMs, attemptsMax } };
    }),
  );

/** The same of images; of an agent its command is told, and not its environment. */
export const imagesTold = (images: readonly SandboxImage[]): LoadedImage[] =>
  fitting(
    images.slice(0, loadedImagesMax).map(({ name, digest, agent }) => ({
      name,
      digest,
      command: [...(agent?.command ?? [])],
      own: agent === null,
    })),
  );

/** The executor's own life in the log: what it found when it came, and that it went. */
export class Executor {
  readonly #log: EventLog;
  readonly #facts: ExecutorFacts;
  readonly #newId: () => string;
  readonly #logger: Logger;

  constructor(log: EventLog, facts: ExecutorFacts, newId: () => string, logger: Logger) {
    this.#log = log;
    this.#facts = facts;
    this.#newId = newId;
    this.#logger = logger;
  }

  /** Removes what an earlier life left, then says that this one is here. @throws when the engine cannot be reached */
  async begin(leftovers: { reap(): Promise<number> }): Promise<void> {
    const sandboxesReaped = await leftovers.reap();
    if (sandboxesReaped > 0) this.#logger.warn({ sandboxesReaped }, 'sandboxes of an earlier life removed');
    await this.#append({ type: 'crucible.executor.started.v1', data: { ...this.#facts, pool: POOL, sandboxesReaped } });
  }

  /** Says by which rules trials are watched from now on. @throws BusUnavailable */
  async rulesLoaded({ rules, digest }: RuleSet): Promise<void> {
    this.#logger.info({ rules: rules.length, digest }, 'rules loaded');
    await this.#append({
      type: 'crucible.executor.rules-loaded.v1',
      data: {
        executorId: this.#facts.executorId,
        digest,
        rules: rules.slice(0, RULES_TOLD_MAX).map(({ id, version, digest: of }) => ({ id, version, digest: of })),
      },
    });
  }

  /** Says which models can be called here, and nothing of their keys and addresses. @throws BusUnavailable */
  async modelsLoaded(models: readonly ModelEntry[]): Promise<void> {
    const told = modelsTold(models);
    await this.#append({
      type: 'crucible.executor.models-loaded.v1',
      data: { executorId: this.#facts.executorId, models: told, more: models.length - told.length },
    });
  }

  /** Says what sandboxes can be made from here. @throws BusUnavailable */
  async imagesLoaded(images: readonly SandboxImage[]): Promise<void> {
    const told = imagesTold(images);
    this.#logger.info({ images: told.map(({ name, digest }) => `${name}@${digest}`) }, 'images that can be run');
    await this.#append({
      type: 'crucible.executor.images-loaded.v1',
      data: { executorId: this.#facts.executorId, images: told, more: images.length - told.length },
    });
  }

  /** Says that sandboxes cannot be proven here, and why, or that they can again. Does not wait for a bus that is away. */
  healthChanged(problem: string | null): void {
    if (problem === null) this.#logger.info('sandboxes can be proven again');
    else this.#logger.error({ problem }, 'sandboxes cannot be proven: taking no work');
    this.#append({
      type: 'crucible.executor.health-changed.v1',
      data: {
        executorId: this.#facts.executorId,
        healthy: problem === null,
        problem: problem?.slice(0, PROBLEM_CHARS_MAX) ?? null,
      },
    }).catch((error: unknown) => this.#logger.warn({ err: error }, 'the change of health is not on record'));
  }

  /** Says what was removed because it belonged to no trial. @throws BusUnavailable */
  reaped(reaped: Pick<Reaped, 'items' | 'more'>): Promise<void> {
    const data = { executorId: this.#facts.executorId, ...reaped };
    return this.#append({ type: 'crucible.executor.reaped.v2', data });
  }

  /** Kills what runs, so that its trials are tried again elsewhere, and says goodbye. */
  async end(running: RunningTrials): Promise<void> {
    running.killAll(killOrder('lease-lost', { why: 'the executor was shut down' }));
    await running.emptied(KILL_WAIT_MS_MAX);
    await this.#append({
      type: 'crucible.executor.stopped.v1',
      data: { executorId: this.#facts.executorId, reason: 'shut down' },
    });
  }

  async #append(event: NewEvent): Promise<void> {
    const origin = { source: SERVICE, team: 'default', actor: `service:${SERVICE}`, correlationId: this.#newId() };
    await this.#log.append({ subject: subjects.platform('executor'), event, origin });
  }
}
