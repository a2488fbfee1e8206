import { BusUnavailable } from '@crucible/event-log';
import type { AppendRequest, EventLog, EvidencePlace } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { EventData } from '@crucible/events';
import { originOf } from '../commands/caller.ts';
import type { Caller } from '../commands/caller.ts';
import { problem, ProblemException } from '../problem.ts';

/** A reader who reads on, as a page that scrolls does, is written down once in so long. */
const REPEAT_MS = 60_000;
const READERS_REMEMBERED_MAX = 10_000;
/** Longer than the log takes when it is there; whoever waits is a person. */
const APPEND_MS_MAX = 5_000;

interface Remembered {
  readonly atMs: number;
  readonly recorded: Promise<void>;
}

/** Thrown when a read could not be written down: nothing of what was asked for may be sent then. */
const notRecorded = (): ProblemException =>
  new ProblemException(
    problem(
      503,
      'access-not-recorded',
      'Who reads evidence or exports the log is recorded before anything is sent, and the event log cannot be reached: nothing was sent. Try again.',
    ),
  );

/** Writes into the log who looked at evidence and who took the log away, before they get any of it. */
export class AccessRecords {
  readonly #log: Pick<EventLog, 'append'>;
  readonly #now: () => number;
  readonly #readOnly: boolean;
  readonly #readers = new Map<string, Remembered>();

  /** @param readOnly an archive appends nothing, and so records nothing */
  constructor(log: Pick<EventLog, 'append'>, options: { readonly readOnly: boolean; readonly now: () => number }) {
    this.#log = log;
    this.#readOnly = options.readOnly;
    this.#now = options.now;
  }

  /** Resolves when the log has it, or had it within the last minute. @throws ProblemException (503) */
  async evidenceRead(caller: Caller, place: EvidencePlace): Promise<void> {
    if (this.#readOnly) return;
    const { evaluationId, trialId, channel } = place;
    const key = [caller.actor, caller.authMethod, caller.clientAddress, evaluationId, trialId, channel].join('\n');
    const known = this.#readers.get(key);
    if (known !== undefined && this.#now() - known.atMs < REPEAT_MS) return known.recorded;
    const recorded = this.#append({
      subject: subjects.team(caller.team),
      event: { type: 'crucible.evidence.read.v1', data: { evaluationId, trialId, channel } },
      origin: originOf(caller, evaluationId),
    });
    this.#remember(key, recorded);
    try {
      await recorded;
    } catch (error) {
      if (this.#readers.get(key)?.recorded === recorded) this.#readers.delete(key);
      throw error;
    }
  }

  /** Resolves when the log has it. @throws ProblemException (503) */
  async logExported(caller: Caller, data: EventData<'crucible.log.exported.v1'>): Promise<void> {
    if (this.#readOnly) return;
    await this.#append({
      subject: subjects.team(caller.team),
      event: { type: 'crucible.log.exported.v1', data },
      origin: originOf(caller, data.exportId),
    });
  }

  async #append(request: AppendRequest): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(notRecorded()), APPEND_MS_MAX);
    try {
      const appended = await Promise.race([this.#log.append(request), late.promise]);
      if (!appended.ok) throw new Error(`could not be recorded: ${appended.failure}`);
    } catch (error) {
      throw error instanceof BusUnavailable ? notRecorded() : error;
    } finally {
      clearTimeout(timer);
    }
  }

  #remember(key: string, recorded: Promise<void>): void {
    // Taken out first, so that the map stays in the order of time and its first entry is the oldest.
    this.#readers.delete(key);
    this.#readers.set(key, { atMs: this.#now(), recorded });
    const [oldest] = this.#readers.keys();
    if (this.#readers.size > READERS_REMEMBERED_MAX && oldest !== undefined) this.#readers.delete(oldest);
  }
}
