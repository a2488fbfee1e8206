import { existsSync } from 'node:fs';
import type { Logger } from '@crucible/service-kit';
import { isAlive, killProcess } from '../stopping/host-process.ts';
import { goneAt, Shot } from '../stopping/shot.ts';
import type { EngineLeftovers, LabelledContainer } from './engine-leftovers.ts';
import { item } from './item.ts';
import type { Reaped, ReapedItem } from './item.ts';
import { ageMs, isSocket, removeFile, runtimeProcesses, staleSockets } from './leftovers.ts';
import type { RuntimeProcess } from './leftovers.ts';
import { cgroupFolders, removeCgroups, removeFiles, shimSockets, stateFiles } from './remains.ts';
import type { Remains } from './remains.ts';

const EVERY_MS = 60_000;
/** What is being made or removed belongs to nobody for a moment; what has for so long is left over. */
const GRACE_MS = 45_000;
const ITEMS_MAX = 100;
/** How long a killed process is waited for, so that what it held can be removed with it. */
const DEATH_MS_MAX = 2_000;

export interface ReaperPorts {
  readonly engine: EngineLeftovers;
  /** Whether a container belongs to a trial or waits for one. */
  readonly isLive: (containerId: string) => boolean;
  readonly record: (reaped: Pick<Reaped, 'items' | 'more'>) => Promise<unknown>;
  readonly logger: Logger;
}

export interface ReaperPlaces {
  /** Absent where the engine reports no system calls. */
  readonly traceSocket?: string | undefined;
  /** Where an engine that is wholly ours keeps what runs; absent when the engine is shared with others. */
  readonly engineRoot?: string | undefined;
}

/** What was seen of containers on the host, before the engine was asked which there are. */
interface Sighting {
  readonly processes: readonly RuntimeProcess[];
  readonly cgroups: Remains;
  readonly states: Remains;
}

/**
 * Removes what is ours and belongs to no trial: at the start everything, and from then on what nobody has claimed for a
 * while. Ours is what carries this executor's label or its containers' ids, and what an engine runs that is wholly ours.
 */
export class Reaper {
  readonly #ports: ReaperPorts;
  readonly #places: ReaperPlaces;
  /** Containers that nobody claimed when last looked, and when that was first so. */
  readonly #unclaimed = new Map<string, number>();
  /** Containers known to be ours in this life, until nothing is left of them: theirs is ours, also where the engine is not. */
  readonly #ours = new Set<string>();
  /** Of these, the ones that the engine had no more when last asked, and when that was first so. */
  readonly #gone = new Map<string, number>();
  /** A socket that stood where ours will be, until it was told of. */
  #leftSocket: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #under: Promise<unknown> = Promise.resolve();

  constructor(ports: ReaperPorts, places: ReaperPlaces = {}) {
    this.#ports = ports;
    this.#places = places;
    const { traceSocket } = places;
    if (traceSocket !== undefined && isSocket(traceSocket)) this.#leftSocket = traceSocket;
  }

  /** Says that a container is ours, before the engine is asked: one that lives shortly would never be seen there. */
  owns(containerId: string): void {
    this.#ours.add(containerId);
  }

  /**
   * The reaping at the start, before anything is made.
   * @returns how many sandboxes of an earlier life were removed
   * @throws EngineError when the engine cannot be asked
   */
  async reap(): Promise<number> {
    const items = await this.sweep(0);
    return items.filter(({ kind, removed }) => kind === 'container' && removed).length;
  }

  /** Looks every minute from now on. */
  start(): void {
    this.#timer = setInterval(() => {
      this.#under = this.sweep(GRACE_MS).catch((error: unknown) =>
        this.#ports.logger.warn({ err: error }, 'could not look for leftovers'),
      );
    }, EVERY_MS);
    this.#timer.unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#under;
  }

  /**
   * @param graceMs how long something must have belonged to nobody
   * @throws EngineError when the engine cannot be asked; what needs no engine was removed then all the same
   */
  async sweep(graceMs: number): Promise<readonly ReapedItem[]> {
    const items = this.#sockets();
    try {
      items.push(...(await this.#ofEngine(graceMs)));
    } finally {
      await this.#tell(items);
    }
    return items;
  }

  /** The host is looked at before the engine: what is begun in between has its container in the list. */
  async #ofEngine(graceMs: number): Promise<ReapedItem[]> {
    const { engine } = this.#ports;
    const { engineRoot } = this.#places;
    const processes = runtimeProcesses();
    const seen = { processes, cgroups: cgroupFolders(), states: stateFiles(engineRoot) };
    const { all, ours } = await engine.containers();
    for (const { id } of ours) this.#ours.add(id);
    if (engineRoot !== undefined) for (const id of seen.states.keys()) this.#ours.add(id);
    const stale = this.#stale(ours, graceMs);
    const items: ReapedItem[] = [];
    const present = new Set(all);
    for (const container of stale) {
      const removal = await this.#removeContainer(container);
      if (removal.removed) present.delete(container.id);
      items.push(removal);
    }
    const staleIds = new Set(stale.map(({ id }) => id));
    const orphans = processes.filter(
      (each) => (staleIds.has(each.containerId) || !all.has(each.containerId)) && this.#isOrphan(each, graceMs),
    );
    for (const orphan of orphans) {
      this.#ours.add(orphan.containerId);
      items.push(...killOrphan(orphan));
    }
    if (orphans.length > 0) await goneAt(() => !orphans.some(isAlive), DEATH_MS_MAX);
    items.push(...this.#remains(present, seen, graceMs));
    items.push(...(await engine.removeNetworks()), ...(await engine.removeVolumes()));
    return items;
  }

  /** Of containers of ours that the engine does not have any more and nothing runs for; of the others it is in use. */
  #remains(present: ReadonlySet<string>, { processes, cgroups, states }: Sighting, graceMs: number): ReapedItem[] {
    const running = new Set(processes.filter(isAlive).map(({ containerId }) => containerId));
    const now = Date.now();
    const items: ReapedItem[] = [];
    for (const id of this.#ours) {
      if (present.has(id) || running.has(id) || this.#ports.isLive(id)) {
        this.#gone.delete(id);
        continue;
      }
      const since = this.#gone.get(id) ?? now;
      this.#gone.set(id, since);
      if (now - since < graceMs) continue;
      const left = remainsOf(id, cgroups.get(id) ?? [], [
        ...(states.get(id) ?? []),
        ...shimSockets(id, this.#places.engineRoot),
      ]);
      items.push(...left);
      if (left.every(({ removed }) => removed)) this.#forget(id);
    }
    return items;
  }

  #stale(ours: readonly LabelledContainer[], graceMs: number): LabelledContainer[] {
    const now = Date.now();
    const unclaimed = ours.filter(({ id }) => !this.#ports.isLive(id));
    const ids = new Set(unclaimed.map(({ id }) => id));
    for (const id of this.#unclaimed.keys()) if (!ids.has(id)) this.#unclaimed.delete(id);
    for (const id of ids) if (!this.#unclaimed.has(id)) this.#unclaimed.set(id, now);
    return unclaimed.filter(({ id }) => now - (this.#unclaimed.get(id) ?? now) >= graceMs);
  }

  /** Its processes first and by ourselves: an engine asked to remove a sandbox that hangs may hang with it. */
  async #removeContainer({ id, state }: LabelledContainer): Promise<ReapedItem> {
    const shot = new Shot(id).fire();
    const failure = await this.#ports.engine.removeContainer(id);
    const how = shot === 'sent' ? 'its processes were killed' : 'nothing of it ran';
    const detail = `${state}, of no trial; ${how}${failure === null ? '' : `; not removed: ${failure}`}`;
    return item('container', id, detail, failure === null);
  }

  #isOrphan(each: RuntimeProcess, graceMs: number): boolean {
    const { engineRoot } = this.#places;
    const isOurs =
      this.#ours.has(each.containerId) || (engineRoot !== undefined && each.folder.startsWith(`${engineRoot}/`));
    return isOurs && !this.#ports.isLive(each.containerId) && ageMs(each) >= graceMs;
  }

  #sockets(): ReapedItem[] {
    const { traceSocket } = this.#places;
    if (traceSocket === undefined) return [];
    const left = this.#leftSocket;
    this.#leftSocket = undefined;
    return [
      // Replaced by whoever listens now: that it could be shows that nobody did.
      ...(left === undefined ? [] : [item('trace-socket', left, 'left by an earlier life of this executor', true)]),
      ...staleSockets(traceSocket).map((path) => item('trace-socket', path, 'its process is gone', removeFile(path))),
    ];
  }

  #forget(id: string): void {
    this.#ours.delete(id);
    this.#gone.delete(id);
  }

  async #tell(items: readonly ReapedItem[]): Promise<void> {
    if (items.length === 0) return;
    this.#ports.logger.warn({ items: items.slice(0, ITEMS_MAX) }, 'leftovers removed');
    await this.#ports
      .record({ items: items.slice(0, ITEMS_MAX), more: Math.max(0, items.length - ITEMS_MAX) })
      .catch((error: unknown) => this.#ports.logger.warn({ err: error }, 'the leftovers are not on record'));
  }
}

const killOrphan = (orphan: RuntimeProcess): ReapedItem[] => {
  const answer = killProcess(orphan);
  if (answer === 'gone') return [];
  const detail = `of container ${orphan.containerId}, which the engine does not run`;
  return [item('process', `${orphan.program} ${orphan.pid}`, detail, answer === 'sent')];
};

/** What is left of one container that is gone, each kind told as one. */
const remainsOf = (id: string, cgroups: readonly string[], files: readonly string[]): ReapedItem[] => {
  type Remove = (places: readonly string[]) => string | null;
  const told = (kind: ReapedItem['kind'], seen: readonly string[], remove: Remove): ReapedItem[] => {
    // The engine may have cleared up since they were seen.
    const places = seen.filter((path) => existsSync(path));
    if (places.length === 0) return [];
    const failure = remove(places);
    const where = `in ${places.length} places, such as ${places[0] ?? ''}`.replaceAll(id, id.slice(0, 12));
    const why = failure === null ? '' : `not removed: ${failure}; `;
    return [item(kind, id, `${why}its container is gone; ${where}`, failure === null)];
  };
  return [...told('cgroup', cgroups, removeCgroups), ...told('runtime-state', files, removeFiles)];
};
