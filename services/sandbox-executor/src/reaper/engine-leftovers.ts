import type Docker from 'dockerode';
import { removeContainer } from '../sandbox/container.ts';
import { engineClient } from '../sandbox/engine-client.ts';
import { EngineError, engineErrorText } from '../sandbox/engine-error.ts';
import { item } from './item.ts';
import type { ReapedItem } from './item.ts';

const CALL_MS_MAX = 15_000;

export interface LabelledContainer {
  readonly id: string;
  /** The engine's word. */
  readonly state: string;
}

/** What the engine has that carries this executor's label. Every call throws `EngineError` when it cannot be asked. */
export interface EngineLeftovers {
  /** Ids of every container there is, and those that are ours. */
  containers(): Promise<{ readonly all: ReadonlySet<string>; readonly ours: readonly LabelledContainer[] }>;
  /** @returns why it could not be removed, or null when it is gone */
  removeContainer(id: string): Promise<string | null>;
  removeNetworks(): Promise<readonly ReapedItem[]>;
  removeVolumes(): Promise<readonly ReapedItem[]>;
}

export class DockerLeftovers implements EngineLeftovers {
  readonly #docker: Docker;
  readonly #label: readonly [name: string, value: string];

  constructor(socketPath: string, label: readonly [name: string, value: string]) {
    this.#docker = engineClient(socketPath);
    this.#label = label;
  }

  async containers(): Promise<{ readonly all: ReadonlySet<string>; readonly ours: readonly LabelledContainer[] }> {
    const [name, value] = this.#label;
    const listed = await asked(this.#docker.listContainers({ all: true, ...deadline() }));
    return {
      all: new Set(listed.map(({ Id }) => Id)),
      ours: listed.filter(({ Labels }) => Labels[name] === value).map(({ Id, State }) => ({ id: Id, state: State })),
    };
  }

  async removeContainer(id: string): Promise<string | null> {
    return failureOf(removeContainer(this.#docker.getContainer(id)));
  }

  /** We make none: any that carries our label is in nobody's use. */
  async removeNetworks(): Promise<readonly ReapedItem[]> {
    const listed = await asked(this.#docker.listNetworks({ ...this.#filter(), ...deadline() }));
    return Promise.all(
      listed.map(async ({ Id, Name }) => {
        const failure = await failureOf(this.#docker.getNetwork(Id).remove(deadline()));
        return item('network', Name, failure ?? 'sandboxes have no network', failure === null);
      }),
    );
  }

  async removeVolumes(): Promise<readonly ReapedItem[]> {
    const { Volumes } = await asked(this.#docker.listVolumes({ ...this.#filter(), ...deadline() }));
    return Promise.all(
      (Volumes ?? []).map(async ({ Name }) => {
        const failure = await failureOf(this.#docker.getVolume(Name).remove(deadline()));
        return item('volume', Name, failure ?? 'sandboxes have no volumes', failure === null);
      }),
    );
  }

  #filter(): { filters: { label: string[] } } {
    return { filters: { label: [this.#label.join('=')] } };
  }
}

const deadline = (): { abortSignal: AbortSignal } => ({ abortSignal: AbortSignal.timeout(CALL_MS_MAX) });

const asked = <T>(call: Promise<T>): Promise<T> =>
  call.catch((error: unknown) => Promise.reject(new EngineError(engineErrorText(error))));

const failureOf = (call: Promise<unknown>): Promise<string | null> =>
  call.then(
    () => null,
    (error: unknown) => engineErrorText(error),
  );
