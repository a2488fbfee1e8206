import { setTimeout as pause } from 'node:timers/promises';
import type { EventLog, StoredEvent } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { EvaluationId, TrialId } from '@crucible/events';
import type { Logger } from '@crucible/service-kit';

const RETRY_MS = 1_000;

type Heard = (stored: StoredEvent) => void;

/** What people ask of trials while they run, handed to those that run here. One reader for all of them. */
export class CommandFeed {
  readonly #log: Pick<EventLog, 'head' | 'follow'>;
  readonly #logger: Logger;
  readonly #watchers = new Map<string, Heard>();
  readonly #ended = new AbortController();
  #follows = false;
  #next: number | undefined;

  constructor(log: Pick<EventLog, 'head' | 'follow'>, logger: Logger) {
    this.#log = log;
    this.#logger = logger;
  }

  /**
   * Calls `heard` for every command of the trial that is written from now on.
   * @returns what ends it
   * @throws BusUnavailable when it cannot be known where now is
   */
  async watch(evaluationId: EvaluationId, trialId: TrialId, heard: Heard): Promise<() => void> {
    const subject = subjects.trialCommand(evaluationId, trialId);
    this.#watchers.set(subject, heard);
    this.#next ??= (await this.#log.head()) + 1;
    if (!this.#follows) void this.#follow();
    this.#follows = true;
    return () => void this.#watchers.delete(subject);
  }

  onModuleDestroy(): void {
    this.#ended.abort();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        const from = this.#next ?? 1;
        for await (const stored of this.#log.follow({ from, subject: subjects.everyTrialCommand, signal })) {
          this.#next = stored.position + 1;
          this.#watchers.get(stored.subject)?.(stored);
        }
      } catch (error) {
        this.#logger.error({ err: error }, "people's commands are not heard, trying again");
        await pause(RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }
}
