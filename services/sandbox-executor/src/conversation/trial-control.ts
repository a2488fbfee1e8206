import { evolveControl, isTrialEvent, isTurnEvent, noControl } from '@crucible/domain';
import type { Control, SentMessage } from '@crucible/domain';
import type { EventLog, StoredEvent } from '@crucible/event-log';
import { placeOf, subjects } from '@crucible/events';
import type { CrucibleEvent } from '@crucible/events';
import { busBack } from '../trials/open-trial.ts';
import type { Place } from '../trials/trial-run.ts';
import type { CommandFeed } from './command-feed.ts';

export interface ControlPorts {
  readonly log: Pick<EventLog, 'readSubject'>;
  readonly feed: Pick<CommandFeed, 'watch'>;
}

/** Of a trial's own subject only these move it; calls are many and do not. */
const bears = (event: CrucibleEvent): boolean =>
  isTrialEvent(event) ||
  (isTurnEvent(event) &&
    event.type !== 'crucible.trial.model-called.v2' &&
    event.type !== 'crucible.trial.tool-called.v1');

/** What people want of one running trial, as the log tells it: folded in its order, whoever wrote and whenever we heard. */
export class TrialControl {
  readonly #ports: ControlPorts;
  readonly #place: Place;
  readonly #events = new Map<number, CrucibleEvent>();
  readonly #before: Control;
  #state: Control;
  #ownRead = 0;
  #commandsRead = 0;
  #changed = Promise.withResolvers<void>();
  #unwatch: () => void = () => undefined;

  private constructor(ports: ControlPorts, place: Place, carried: readonly SentMessage[]) {
    this.#ports = ports;
    this.#place = place;
    this.#before = { ...noControl, messages: carried };
    this.#state = this.#before;
  }

  /** @param carried what people said to earlier attempts, and none of them heard @throws BusUnavailable */
  static async open(ports: ControlPorts, place: Place, carried: readonly SentMessage[]): Promise<TrialControl> {
    const control = new TrialControl(ports, place, carried);
    control.#unwatch = await ports.feed.watch(place.evaluationId, place.trialId, (stored) => control.#take([stored]));
    await control.catchUp();
    return control;
  }

  get state(): Control {
    return this.#state;
  }

  /** Resolves at the next change. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /**
   * Reads what stands on both subjects now: after something of our own was written, it is known what came before it. Waits
   * for a bus that is away.
   */
  async catchUp(): Promise<Control> {
    const { evaluationId, trialId } = this.#place;
    const { log } = this.#ports;
    const read = (subject: string, after: number) => busBack(() => log.readSubject(subject, after + 1));
    const [own, commands] = await Promise.all([
      read(subjects.trial(evaluationId, trialId), this.#ownRead),
      read(subjects.trialCommand(evaluationId, trialId), this.#commandsRead),
    ]);
    this.#ownRead = Math.max(this.#ownRead, own.lastSequence);
    this.#commandsRead = Math.max(this.#commandsRead, commands.lastSequence);
    this.#take([...own.events, ...commands.events]);
    return this.#state;
  }

  close(): void {
    this.#unwatch();
    this.#changed.resolve();
  }

  #take(all: readonly StoredEvent[]): void {
    const before = this.#events.size;
    for (const stored of all) {
      // Whoever may write to a subject could write there what is another's to say.
      if (!stored.ok || placeOf(stored.event) !== stored.subject || !bears(stored.event)) continue;
      this.#events.set(stored.position, stored.event);
    }
    if (this.#events.size === before) return;
    this.#state = [...this.#events]
      .sort(([one], [other]) => one - other)
      .reduce((state, [position, event]) => evolveControl(state, { event, position }), this.#before);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
