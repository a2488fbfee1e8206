import type { StopAnswer, StopView } from '@crucible/api';
import { decideStop, evolveStops, isStopEvent, noStops, sameScope } from '@crucible/domain';
import type { EngagedStop, Stops as StopsInForce } from '@crucible/domain';
import type { Control, EventLog } from '@crucible/event-log';
import { envelop, subjects } from '@crucible/events';
import type { CrucibleEvent, NewEvent, StopScope } from '@crucible/events';
import { problem, ProblemException } from '../problem.ts';
import { originOf } from './caller.ts';
import type { Caller } from './caller.ts';

const CONFLICTS_MAX = 20;
/** How long telling the executors waits for the log to say whether there is anything new to tell. */
const LOOK_MS_MAX = 250;

type EngagedEvent = CrucibleEvent<'crucible.stop.engaged.v1'>;

export interface StopPorts {
  readonly log: EventLog;
  /** On a connection of its own: what else the gateway says must not come before it. */
  readonly control: Control;
  readonly now: () => number;
  readonly newId: () => string;
}

interface Loaded {
  readonly inForce: StopsInForce;
  /** Of the events that engaged them. */
  readonly positions: ReadonlyMap<string, number>;
  /** Whether the stop that was asked about was ever engaged. */
  readonly wasEngaged: boolean;
  readonly lastSequence: number;
}

type Engaged = StopAnswer & { readonly isNew: boolean };

interface Decided<A> {
  readonly loaded: Loaded;
  readonly event: NewEvent;
  readonly answer: (position: number) => A;
}

/** The emergency stop: told to executors first, written second. Rests on the bus alone, so that it works without the database. */
export class Stops {
  readonly #ports: StopPorts;

  constructor(ports: StopPorts) {
    this.#ports = ports;
  }

  /**
   * @returns `isNew` false when the scope was stopped already: executors are told once more
   * @throws ProblemException when there is no such evaluation
   */
  async engage(scope: StopScope, reason: string, caller: Caller): Promise<Engaged> {
    const stopId = this.#ports.newId();
    const told = this.#event({ stopId, scope, reason }, caller);
    const before = await Promise.race([
      Promise.all([this.#load(), this.#requireOwn(scope, caller)]).then(([loaded]) => loaded),
      new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), LOOK_MS_MAX)),
    ]);
    const already = before === undefined ? undefined : engagedFor(before, scope);
    this.#ports.control.stop(already === undefined ? told : this.#event(already, caller));
    if (before === undefined) await this.#requireOwn(scope, caller);
    return this.#write<Engaged>(caller, async () => {
      const loaded = await this.#load();
      const decision = decideStop({ type: 'engage', stopId, scope, reason }, loaded.inForce);
      if (decision.accepted) {
        const stop = viewOf({ ...told.data, engagedBy: told.actor, engagedAt: told.time });
        return { loaded, event: decision.event, answer: (position) => ({ stop, position, isNew: true }) };
      }
      const other = engagedFor(loaded, scope);
      if (other === undefined) throw refused(409, 'refused', `Refused: ${decision.refusal}.`);
      return { stop: viewOf(other), position: loaded.positions.get(other.stopId) ?? 0, isNew: false };
    });
  }

  /** @throws ProblemException when there is no such stop, or it is released already */
  async release(stopId: string, reason: string, caller: Caller): Promise<StopAnswer> {
    return this.#write<StopAnswer>(caller, async () => {
      const loaded = await this.#load(stopId);
      const stop = loaded.inForce.get(stopId);
      if (stop !== undefined) await this.#requireOwn(stop.scope, caller);
      const decision = decideStop({ type: 'release', stopId, reason }, loaded.inForce);
      if (stop === undefined || !decision.accepted) {
        if (!loaded.wasEngaged) throw refused(404, 'not-found', `There is no stop ${stopId}.`);
        throw refused(409, 'already-released', `Stop ${stopId} is released already.`);
      }
      const released = {
        ...viewOf(stop),
        releasedBy: caller.actor,
        releasedAt: new Date(this.#ports.now()).toISOString(),
        releaseReason: reason,
      };
      return { loaded, event: decision.event, answer: (position) => ({ stop: released, position }) };
    });
  }

  /** Decides on what stands in the log and appends behind it; a conflict decides again. */
  async #write<A extends StopAnswer>(caller: Caller, decide: () => Promise<A | Decided<A>>): Promise<A> {
    for (let conflict = 0; conflict < CONFLICTS_MAX; conflict += 1) {
      const decided = await decide();
      if (!('event' in decided)) return decided;
      const { loaded, event, answer } = decided;
      const result = await this.#ports.log.append({
        subject: subjects.platform('stop'),
        event,
        origin: originOf(caller, (event.data as { stopId: string }).stopId),
        expectedSequence: loaded.lastSequence,
      });
      if (result.ok) return answer(result.position);
      if (result.failure === 'oversize')
        throw refused(413, 'too-large', `The event would be ${result.bytes} bytes; give a shorter reason.`);
    }
    throw refused(409, 'busy', 'Stops are being changed by many at once; try again.');
  }

  #event({ stopId, scope, reason }: Pick<EngagedStop, 'stopId' | 'scope' | 'reason'>, caller: Caller): EngagedEvent {
    return envelop<'crucible.stop.engaged.v1'>(
      { type: 'crucible.stop.engaged.v1', data: { stopId, scope, reason } },
      {
        id: this.#ports.newId(),
        nowMs: this.#ports.now(),
        subject: subjects.platform('stop'),
        origin: originOf(caller, stopId),
      },
    );
  }

  /** Folded as it is read, and what is released is let go: however many stops there were, a new one can be pulled. */
  async #load(about?: string): Promise<Loaded> {
    const positions = new Map<string, number>();
    let inForce = noStops;
    let wasEngaged = false;
    let lastSequence = 0;
    for await (const stored of this.#ports.log.readAll(subjects.platform('stop'))) {
      lastSequence = stored.position;
      if (!stored.ok || !isStopEvent(stored.event)) continue;
      const { type, data } = stored.event;
      inForce = evolveStops(inForce, stored.event);
      if (type === 'crucible.stop.released.v1') positions.delete(data.stopId);
      else if (!positions.has(data.stopId)) positions.set(data.stopId, stored.position);
      wasEngaged ||= type === 'crucible.stop.engaged.v1' && data.stopId === about;
    }
    return { inForce, positions, wasEngaged, lastSequence };
  }

  /** What another team runs is nobody else's to stop, nor to know of. */
  async #requireOwn(scope: StopScope, caller: Caller): Promise<void> {
    if (scope.kind !== 'evaluation') return;
    const { events } = await this.#ports.log.readSubject(subjects.evaluation(scope.evaluationId));
    const begun = events.find((stored) => stored.ok);
    if (begun?.ok !== true || begun.event.team !== caller.team)
      throw refused(404, 'not-found', `There is no evaluation ${scope.evaluationId}.`);
  }
}

const refused = (status: number, kind: string, detail: string): ProblemException =>
  new ProblemException(problem(status, kind, detail));

const engagedFor = ({ inForce }: Loaded, scope: StopScope): EngagedStop | undefined =>
  [...inForce.values()].find((stop) => sameScope(stop.scope, scope));

const viewOf = (stop: Omit<EngagedStop, 'team'>): StopView => ({
  stopId: stop.stopId,
  scope: stop.scope,
  reason: stop.reason,
  engagedBy: stop.engagedBy,
  engagedAt: stop.engagedAt,
  releasedBy: null,
  releasedAt: null,
  releaseReason: null,
  executors: [],
});
