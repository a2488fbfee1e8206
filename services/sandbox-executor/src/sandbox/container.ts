import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { EngineError, engineErrorText, isBeingRemoved, isGone, isNotRunning } from './engine-error.ts';
import { isolationMisses } from './isolation.ts';
import { GuestStream } from './guest-stream.ts';
import { containerOptionsOf, type ContainerWish } from './host-config.ts';

/** How a container ended, as the engine tells it. */
export interface ContainerExit {
  readonly exitCode: number;
}

export interface ContainerState extends ContainerExit {
  readonly running: boolean;
  readonly oomKilled: boolean;
}

const CALL_MS_MAX = 30_000;
const REMOVE_ATTEMPTS_MAX = 4;
const REMOVE_BACK_OFF_MS = 250;

const deadline = (): { abortSignal: AbortSignal } => ({ abortSignal: AbortSignal.timeout(CALL_MS_MAX) });
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A container whose init waits on its standard input: first to be probed, then for a program. */
export class SandboxContainer {
  /** Resolves with the exit, or rejects with `EngineError` when the engine cannot tell it any more. */
  readonly exited: Promise<ContainerExit>;
  /** Standard input of init, and its output. */
  readonly stream: GuestStream;
  readonly id: string;
  /** Names of settings the engine did not apply as asked. */
  readonly engineMisses: readonly string[];
  readonly #container: Docker.Container;

  private constructor(
    container: Docker.Container,
    stream: GuestStream,
    exited: Promise<ContainerExit>,
    engineMisses: readonly string[],
  ) {
    this.#container = container;
    this.id = container.id;
    this.stream = stream;
    this.exited = exited;
    this.engineMisses = engineMisses;
  }

  /**
   * Creates and starts one container. A container that fails on the way is removed through `onLeftOver`.
   * @param onCreated told its id before it is started
   * @throws EngineError with a readable message: image, runtime or engine missing, start failed
   */
  static async create(
    docker: Docker,
    wish: ContainerWish,
    onLeftOver: (removal: Promise<void>) => void,
    onCreated: (containerId: string) => void = () => undefined,
  ): Promise<SandboxContainer> {
    const container = await docker
      .createContainer(createOptionsOf(wish))
      .catch((error: unknown) =>
        Promise.reject(new EngineError(`the sandbox could not be created: ${engineErrorText(error)}`)),
      );
    let stream: GuestStream | undefined;
    try {
      onCreated(container.id);
      // Starting is slow and runs nothing but our init: it need not wait for the proof. Handing over a program does.
      const inspecting = settled(container.inspect(deadline()));
      stream = await attach(container);
      // Asked before the start, so that an early exit cannot be missed.
      const exited = exitOf(container);
      await container.start(deadline());
      const inspected = (await inspecting)();
      const { userId, hostConfig } = wish;
      const misses = isolationMisses(hostConfig, userId, inspected as unknown as Parameters<typeof isolationMisses>[2]);
      return new SandboxContainer(container, stream, exited, misses);
    } catch (error) {
      stream?.destroy();
      onLeftOver(removeContainer(container));
      throw error instanceof EngineError
        ? error
        : new EngineError(`the sandbox could not be started: ${engineErrorText(error)}`);
    }
  }

  /** @throws EngineError when the engine did not take the kill; a container that is already gone is no error */
  async kill(): Promise<void> {
    try {
      await this.#container.kill({ signal: 'SIGKILL', ...deadline() });
    } catch (error) {
      if (!isGone(error) && !isNotRunning(error))
        throw new EngineError(`the sandbox could not be killed: ${engineErrorText(error)}`);
    }
  }

  /** What the engine knows of it now. @throws EngineError when the engine cannot tell */
  async state(): Promise<ContainerState> {
    try {
      const { State } = await this.#container.inspect(deadline());
      return { running: State.Running, exitCode: State.ExitCode, oomKilled: State.OOMKilled };
    } catch (error) {
      throw new EngineError(`the engine lost the sandbox: ${engineErrorText(error)}`);
    }
  }

  /** @throws EngineError when it could not be removed in a few attempts: the next `reap()` will find it by its label */
  remove(): Promise<void> {
    this.stream.destroy();
    return removeContainer(this.#container);
  }
}

/** Told apart, because dockerode would else say everything twice: init's whole text in the address as well. */
const createOptionsOf = (wish: ContainerWish): Docker.ContainerCreateOptions => {
  const { name, ...body } = containerOptionsOf(wish);
  return { _query: { name }, _body: body, ...deadline() } as Docker.ContainerCreateOptions;
};

/** The outcome of a call whose answer is wanted later: reading it gives the value or throws. */
const settled = <T>(call: Promise<T>): Promise<() => T> =>
  call.then(
    (value) => () => value,
    (error: unknown) => () => {
      throw error;
    },
  );

const attach = async (container: Docker.Container): Promise<GuestStream> => {
  const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
  return new GuestStream(stream as Duplex);
};

const exitOf = (container: Docker.Container): Promise<ContainerExit> => {
  const exited = container.wait({ condition: 'next-exit' }).then(
    (answer: { StatusCode: number }) => ({ exitCode: answer.StatusCode }),
    (error: unknown) => Promise.reject(new EngineError(`the engine lost the sandbox: ${engineErrorText(error)}`)),
  );
  exited.catch(() => undefined);
  return exited;
};

export const removeContainer = async (container: Docker.Container): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await container.remove({ force: true, v: true, ...deadline() });
      return;
    } catch (error) {
      if (isGone(error) || isBeingRemoved(error)) return;
      if (attempt === REMOVE_ATTEMPTS_MAX) {
        throw new EngineError(`sandbox ${container.id.slice(0, 12)} could not be removed: ${engineErrorText(error)}`);
      }
      await pause(REMOVE_BACK_OFF_MS * 2 ** (attempt - 1));
    }
  }
};
