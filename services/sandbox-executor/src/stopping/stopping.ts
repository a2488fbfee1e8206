import { performance } from 'node:perf_hooks';
import { covers, isStopEvent } from '@crucible/domain';
import type { EngagedStop, StopTarget } from '@crucible/domain';
import type { EventLog, StoredEvent } from '@crucible/event-log';
import { subjects } from '@crucible/events';
import type { CrucibleEvent, NewEvent, StopScope } from '@crucible/events';
import type { Logger } from '@crucible/service-kit';
import { busBack } from '../trials/open-trial.ts';
import type { Running, RunningTrials } from '../trials/running-trials.ts';
import { SERVICE } from '../trials/trial-log.ts';
import { killOrder } from './killer.ts';
import { StopState } from './stop-state.ts';

/** After this much a stop that was said and is not in the log is looked for there, and again when the bus was away. */
const UNWRITTEN_MS = 30_000;
const RECORDED_WAIT_MS_MAX = 10_000;
const RECORDED_LOOK_MS = 5;

export interface StoppingPorts {
  /** On a connection of its own, so that no flood of events or evidence comes before it. */
  readonly log: EventLog;
  readonly running: RunningTrials;
  readonly executorId: string;
}

/** What rests while everything is stopped, because it would go on by itself. */
export interface Resting {
  /** @param killed resolves when what ran is dead, or was given up */
  hold(killed: Promise<unknown>): void;
  resume(): void;
}

/** The emergency stop at this executor: hears of it, kills what it takes in, says so, and lets nothing of it begin. */
export class Stopping {
  readonly #ports: StoppingPorts;
  readonly #logger: Logger;
  readonly #state: StopState;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Stops after which something was not seen to be gone, by our last word about them. */
  readonly #unconfirmed = new Set<string>();
  readonly #resting: Resting[] = [];
  #everythingRests = false;

  private constructor(ports: StoppingPorts, logger: Logger) {
    this.#ports = ports;
    this.#logger = logger;
    this.#state = new StopState(ports.log);
  }

  /**
   * Knows what is stopped before anything else is done.
   * @throws BusUnavailable: an executor that cannot know runs nothing
   */
  static async begin(ports: StoppingPorts, logger: Logger): Promise<Stopping> {
    const stopping = new Stopping(ports, logger);
    await stopping.#state.read();
    stopping.#turn();
    const { inForce } = stopping.#state;
    if (inForce.size > 0) logger.warn({ stops: [...inForce.keys()] }, 'emergency stops are in force');
    return stopping;
  }

  get stopsEverything(): boolean {
    return this.#state.stopsEverything;
  }

  /** From where on `onEvent` must be told of events. */
  get next(): number {
    return this.#state.next;
  }

  /** Lets something rest from now on whenever everything is stopped; a stop of an evaluation or a team leaves it alone. */
  rest(resting: Resting): void {
    this.#resting.push(resting);
    if (this.#everythingRests) resting.hold(Promise.resolve());
  }

  /** Whether a trial may not begin, as far as is known here. */
  holdsBack(target: StopTarget): boolean {
    return this.#state.stopOf(target) !== undefined;
  }

  /**
   * Whether the log says so, asked anew. What only was said is not there: nobody would release it.
   * @throws BusUnavailable
   */
  async isOnRecord(target: StopTarget): Promise<boolean> {
    await this.#catchUp();
    const stop = this.#state.stopOf(target);
    return stop !== undefined && this.#state.positionOf(stop.stopId) !== undefined;
  }

  /** The fast path. The signals are sent before this returns. */
  hear(event: CrucibleEvent<'crucible.stop.engaged.v1'>): void {
    const { stopId } = event.data;
    const fresh = this.#state.hear(event);
    if (fresh.length > 0) this.#lookLater(stopId);
    // Somebody who stops again what is stopped already has reason to doubt that it is.
    const stop = this.#state.inForce.get(stopId);
    if (stop !== undefined) this.#apply(stop, fresh.length > 0);
  }

  /** The sure path: the same from the log, and the release. */
  onEvent(stored: StoredEvent): void {
    if (!stored.ok || !isStopEvent(stored.event)) return;
    const { event, position } = stored;
    for (const stop of this.#state.apply({ event, position })) this.#apply(stop, true);
    this.#turn();
    if (event.type === 'crucible.stop.released.v1')
      this.#logger.warn({ stopId: event.data.stopId }, 'an emergency stop was released');
  }

  /**
   * Says of each stop that nothing of its scope runs here, unless an earlier life of this executor has said what it did:
   * called when nothing runs yet.
   */
  async confirmAtStart(): Promise<void> {
    const open = [...this.#state.inForce.keys()];
    const positions = open.flatMap((stopId) => this.#state.positionOf(stopId) ?? []);
    if (positions.length === 0) return;
    const unsaid = new Set(open);
    for await (const stored of this.#ports.log.readAll(subjects.platform('executor'), Math.min(...positions))) {
      if (!stored.ok || stored.event.type !== 'crucible.stop.applied.v1') continue;
      const { executorId, stopId } = stored.event.data;
      if (executorId === this.#ports.executorId) unsaid.delete(stopId);
    }
    for (const stopId of unsaid) await this.#confirm({ stopId, killed: 0, unconfirmed: 0, latencyMs: 0 });
  }

  onModuleDestroy(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  async #catchUp(): Promise<void> {
    await this.#state.read((stop) => this.#apply(stop, true));
    this.#turn();
  }

  #apply({ stopId, scope }: EngagedStop, isNew: boolean): void {
    const order = killOrder('stop', { stopId });
    const killing = this.#ports.running.kill((running) => isIn(scope, running), order);
    this.#turn(Promise.all(killing));
    this.#logger.warn({ stopId, scope, killing: killing.length }, 'emergency stop');
    // Whoever asks again is owed better news where the last was bad.
    if (!isNew && killing.length === 0 && !this.#unconfirmed.has(stopId)) return;
    void Promise.all(killing).then((all) => {
      const killed = all.filter((each) => each !== null);
      return this.#confirm({
        stopId,
        killed: killed.filter(({ gone }) => gone).length,
        unconfirmed: killed.filter(({ gone }) => !gone).length,
        latencyMs: Math.max(0, ...killed.map(({ latencyMs }) => latencyMs)),
      });
    });
  }

  /** Tells what rests when the last stop of everything has come or gone. */
  #turn(killed: Promise<unknown> = Promise.resolve()): void {
    const { stopsEverything } = this.#state;
    if (stopsEverything === this.#everythingRests) return;
    this.#everythingRests = stopsEverything;
    for (const each of this.#resting)
      if (stopsEverything) each.hold(killed);
      else each.resume();
  }

  async #confirm(done: { stopId: string; killed: number; unconfirmed: number; latencyMs: number }): Promise<void> {
    const event: NewEvent = {
      type: 'crucible.stop.applied.v1',
      data: { ...done, executorId: this.#ports.executorId },
    };
    const origin = { source: SERVICE, team: 'default', actor: `service:${SERVICE}`, correlationId: done.stopId };
    this.#logger.warn(done, 'emergency stop applied');
    if (done.unconfirmed > 0) this.#unconfirmed.add(done.stopId);
    else this.#unconfirmed.delete(done.stopId);
    await this.#recorded(done.stopId);
    await busBack(() => this.#ports.log.append({ subject: subjects.platform('executor'), event, origin }));
  }

  /** What was done about a stop is told behind the stop itself, unless that does not come. */
  async #recorded(stopId: string): Promise<void> {
    const until = performance.now() + RECORDED_WAIT_MS_MAX;
    while (this.#state.positionOf(stopId) === undefined && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, RECORDED_LOOK_MS));
  }

  /** A stop that was said and whose writing failed for good would otherwise hold back for ever what nobody can release. */
  #lookLater(stopId: string): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#catchUp().then(
        () => {
          if (!this.#state.forgetUnwritten(stopId)) return;
          this.#turn();
          this.#logger.error({ stopId }, 'this stop was said and never written: it holds nothing back any more');
        },
        () => this.#lookLater(stopId),
      );
    }, UNWRITTEN_MS);
    timer.unref();
    this.#timers.add(timer);
  }
}

const isIn = (scope: StopScope, { evaluationId, team }: Running): boolean =>
  // Until it is known whose a trial is it does not begin; then it is asked about again.
  team === undefined
    ? scope.kind !== 'team' && covers(scope, { evaluationId, team: '' })
    : covers(scope, { evaluationId, team });
